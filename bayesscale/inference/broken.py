"""Breaks drawn from their posterior: whether, where and how much, for every draw of the other parameters."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesscale.inference.derived import array, location_scale
from bayesscale.metrics.curves import Curves, Observations
from bayesscale.models.breaks import BreakPlaces, break_places, log_ratio, log_states
from bayesscale.models.effects import joint_effects
from bayesscale.models.priors import Priors

FloatArray = NDArray[np.float64]
# Finer than the sampler needs: forecasts begin to bend where the break is drawn.
_CUTS = 4


def log_hazard(draws: xr.Dataset, curves: Curves) -> FloatArray:
    """Return the log hazard of breaks per e-fold, shape (chain, draw, curve, break_metric)."""
    hazard = array(draws, "break_log_hazard")[..., None, :]
    found = np.broadcast_to(hazard, (*hazard.shape[:2], len(curves), hazard.shape[-1]))
    if "break_alignment" not in draws:
        return found
    (alignment,) = (c.values for c in curves.covariates if c.name == "alignment")
    return found + alignment[:, None] * array(draws, "break_alignment")[..., None, :]


def slope_prior(draws: xr.Dataset, priors: Priors) -> tuple[FloatArray, FloatArray]:
    """Return mean and sd of the slopes of breaks, shape (chain, draw, break_metric)."""
    scale = array(draws, "break_scale")
    return -scale, priors.breaks.spread * scale


def unseen_breaks(draws: xr.Dataset, curves: Curves, priors: Priors, seed: int) -> xr.Dataset:
    """Return breaks of curves of which nothing is known but where they begin: draws from the population.

    Parameters
    ----------
    draws : xarray.Dataset
        Draws of the joint model or of its prior.
    curves : Curves
        The curves.
    priors : Priors
        The priors.
    seed : int
        Seed of the draws.

    Returns
    -------
    xarray.Dataset
        As `draw_breaks`.
    """
    rng = np.random.default_rng([seed, 3])
    hazard = np.exp(log_hazard(draws, curves))
    first = np.full((len(curves), hazard.shape[-1]), curves.axis.lo)
    last = np.full(first.shape, curves.axis.hi)
    places = break_places(curves, tuple(draws["break_metric"].to_numpy()))
    first[places.curve, places.metric], last[places.curve, places.metric] = places.first, places.last
    waited = rng.standard_exponential(hazard.shape) / hazard
    mean, sd = slope_prior(draws, priors)
    slope = mean[..., None, :] + sd[..., None, :] * rng.standard_normal(hazard.shape)
    with np.errstate(over="ignore"):
        position = first * np.exp(waited)
    return _dataset(position, slope, -np.expm1(-hazard * np.log(last / first)))


def _dataset(position: FloatArray, slope: FloatArray, probability: FloatArray) -> xr.Dataset:
    """Return breaks with labels."""
    dims = ("chain", "draw", "curve", "break_metric")
    parts = {"break_at": position, "break_slope": slope, "break_probability": probability}
    return xr.Dataset({name: (dims, values) for name, values in parts.items()})


def draw_breaks(draws: xr.Dataset, curves: Curves, priors: Priors, seed: int) -> xr.Dataset:
    """Return the breaks of all curves.

    Parameters
    ----------
    draws : xarray.Dataset
        Draws of the joint model, `noise_weight_raw` among them.
    curves : Curves
        The data.
    priors : Priors
        The priors.
    seed : int
        Seed of the draws.

    Returns
    -------
    xarray.Dataset
        Dimensions (chain, draw, curve, break_metric): `break_at`, the size in tokens at which the law breaks,
        within the data or beyond them; `break_slope`, the slope change there, see
        `bayesscale.models.breaks.with_break`; `break_probability`, the probability of a break by the curve's
        last size given the draw of all else.
    """
    found = unseen_breaks(draws, curves, priors, seed)
    position, slope, probability = (
        found[name].to_numpy() for name in ("break_at", "break_slope", "break_probability")
    )
    places = break_places(curves, tuple(draws["break_metric"].to_numpy()), _CUTS)
    hazard = log_hazard(draws, curves)
    for pair in range(len(places.curve)):
        key = (..., places.curve[pair], places.metric[pair])
        rng = np.random.default_rng([seed, 4, pair])
        position[key], slope[key], probability[key] = _of_pair(
            draws, curves, priors, places, pair, hazard[key], rng
        )
    return _dataset(position, slope, probability)


def _of_pair(
    draws: xr.Dataset,
    curves: Curves,
    priors: Priors,
    places: BreakPlaces,
    pair: int,
    hazard: FloatArray,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return position, slope and probability of the break of one curve and metric, each (chain, draw)."""
    metric = places.metric[pair]
    first, second = _sums(draws, curves, priors, places, pair)
    mean, sd = (part[..., metric, None] for part in slope_prior(draws, priors))
    inside, none = log_states(
        hazard[..., None], places.start[[pair]], places.stop[[pair]], places.length[[pair]]
    )
    ratio = np.where(places.real[pair], inside[..., 0, :] + log_ratio(first, second, mean, sd), -np.inf)
    states = np.concatenate([none, ratio], axis=-1)
    states = np.exp(states - states.max(axis=-1, keepdims=True))
    states /= states.sum(axis=-1, keepdims=True)
    below = states.cumsum(axis=-1) < rng.uniform(size=hazard.shape)[..., None]
    state = np.minimum(below.sum(axis=-1), states.shape[-1] - 1)
    broken = state > 0
    at = np.maximum(state - 1, 0)[..., None]
    # Without a break the data say nothing of the slope, and the break comes later.
    known = np.where(broken, np.take_along_axis(second, at, -1)[..., 0], 0.0)
    pull = np.where(broken, np.take_along_axis(first, at, -1)[..., 0], 0.0)
    mean, sd = mean[..., 0], sd[..., 0]
    precision = known + sd**-2
    slope = (pull + mean / sd**2) / precision + rng.standard_normal(hazard.shape) / np.sqrt(precision)
    start, stop = places.start[pair][at[..., 0]], places.stop[pair][at[..., 0]]
    inside_at = places.first[pair] * np.exp(start + (stop - start) * rng.uniform(size=hazard.shape))
    with np.errstate(over="ignore"):
        later = places.last[pair] * np.exp(rng.standard_exponential(hazard.shape) / np.exp(hazard))
    return np.where(broken, inside_at, later), slope, 1.0 - states[..., 0]


def _sums(
    draws: xr.Dataset, curves: Curves, priors: Priors, places: BreakPlaces, pair: int
) -> tuple[FloatArray, FloatArray]:
    """Return the sums behind each stretch that `log_ratio` takes, (chain, draw, stretches)."""
    rows = np.flatnonzero(places.owner == pair)
    name, own, block = _block(curves, rows)
    mean, sd, degrees = location_scale(draws, curves, priors, name, own)
    raw = array(draws, "noise_weight_raw")[..., rows]
    weight = np.exp(raw / np.sqrt(0.5 * degrees)) / sd**2
    behind = curves.axis.u(block.size[own])[:, None] - places.position[pair]
    ramp = np.where(places.real[pair], np.maximum(behind, 0.0), 0.0)
    effects = joint_effects(curves.scores.metrics, curves.losses.metrics, priors)
    level = array(draws, "curve_effect")[..., places.curve[pair], effects.columns(places.metric[pair])[0]]
    unit = (places.sign[pair] * np.exp(level))[..., None]
    return ((block.value[own] - mean) * weight) @ ramp * unit, weight @ ramp**2 * unit**2


def _block(curves: Curves, rows: NDArray[np.int64]) -> tuple[str, NDArray[np.int64], Observations]:
    """Return the block that holds observations of one metric, counted over all, and their rows there."""
    first = 0
    for name, block in curves.blocks.items():
        if rows[0] < first + len(block):
            return name, rows - first, block
        first += len(block)
    raise IndexError(rows[0])
