"""What the likelihood integrates out, drawn from its posterior: breaks and discrepancies.

For every draw of the other parameters: whether, where and how much a curve broke, and how it strays from its
law. One draw of all of it a draw, so that each is a draw from the joint posterior.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesscale.inference.derived import array, location_scale
from bayesscale.metrics.curves import Curves
from bayesscale.models.breaks import BreakPlaces, break_places, log_states, ramp_sums
from bayesscale.models.discrepancy import MODES, discrepancy_unit, modes
from bayesscale.models.effects import joint_effects
from bayesscale.models.gaussian import Absorbed, absorb, log_ratio
from bayesscale.models.layout import Layout, lay_out
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


def unseen(draws: xr.Dataset, curves: Curves, priors: Priors, seed: int) -> xr.Dataset:
    """Return breaks and discrepancies of curves of which nothing is known but where they begin.

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
        As `draw_integrated`.
    """
    found: dict[str, tuple[tuple[str, ...], FloatArray]] = {}
    if "break_scale" in draws:
        found |= _unseen_breaks(draws, curves, priors, np.random.default_rng([seed, 3]))
    if "discrepancy_scale" in draws:
        shape = *array(draws, "discrepancy_scale").shape[:2], len(curves), len(curves.names), MODES
        free = np.random.default_rng([seed, 6]).standard_normal(shape)
        found["discrepancy"] = ("chain", "draw", "curve", "metric", "mode"), free
    return xr.Dataset(found)


def _unseen_breaks(
    draws: xr.Dataset, curves: Curves, priors: Priors, rng: np.random.Generator
) -> dict[str, tuple[tuple[str, ...], FloatArray]]:
    """Return breaks drawn from the population."""
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
    probability = -np.expm1(-hazard * np.log(last / first))
    dims = ("chain", "draw", "curve", "break_metric")
    return {
        "break_at": (dims, position),
        "break_slope": (dims, slope),
        "break_probability": (dims, probability),
    }


@dataclass(frozen=True)
class _Pair:
    """One pair of curve and metric, for every draw: arrays of shape (chain, draw, 1, n) and (chain, draw)."""

    residual: FloatArray
    weight: FloatArray
    unit: FloatArray
    columns: list[FloatArray]

    def absorbed(self) -> Absorbed:
        """Return the discrepancy integrated out, arrays of shape (chain, draw, 1)."""
        weighted = [self.weight * column for column in self.columns]
        gram = [
            [(weighted[i] * self.columns[j]).sum(axis=-1) for j in range(i + 1)]
            for i in range(len(self.columns))
        ]
        return absorb(gram, [(column * self.residual).sum(axis=-1) for column in weighted])


def draw_integrated(draws: xr.Dataset, curves: Curves, priors: Priors, seed: int) -> xr.Dataset:
    """Return the breaks and discrepancies of all curves.

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
        With dimensions (chain, draw, curve, break_metric): `break_at`, the size in tokens at which the law
        breaks, within the data or beyond them; `break_slope`, the slope change there, see
        `bayesscale.models.breaks.with_break`; `break_probability`, the probability of a break by the curve's
        last size given the draw of all else. With (chain, draw, curve, metric, mode): `discrepancy`, the
        coefficients of the modes of `bayesscale.models.discrepancy`. Those that the model has.
    """
    found = unseen(draws, curves, priors, seed)
    layout = lay_out(curves)
    metrics = tuple(draws["break_metric"].to_numpy()) if "break_at" in found else ()
    places = break_places(curves, metrics, _CUTS) if metrics else None
    hazard = log_hazard(draws, curves) if metrics else None
    means = {
        name: location_scale(draws, curves, priors, name, slice(None))
        for name in curves.blocks
        if name != "baseline"
    }
    mean, sd, degrees = (np.concatenate(parts, axis=-1) for parts in zip(*means.values(), strict=True))
    weight = np.exp(array(draws, "noise_weight_raw") / np.sqrt(0.5 * degrees)) / sd**2
    which = {}
    if places is not None:
        of_place = np.flatnonzero(layout.metric < len(metrics))
        which = {int(pair): place for place, pair in enumerate(of_place)}
    for number in range(len(layout.curve)):
        curve, metric, own = layout.curve[number], layout.metric[number], layout.own(number)
        residual = layout.value[number][layout.real[number]] - mean[..., own]
        pair = _pair(
            draws, curves, priors, layout, number, residual[..., None, :], weight[..., own][..., None, :]
        )
        rng = np.random.default_rng([seed, 4, number])
        absorbed = pair.absorbed()
        lost = np.zeros(residual.shape)
        if number in which and places is not None and hazard is not None:
            u = layout.u[number][layout.real[number]]
            position, slope, probability = _break(
                draws, priors, places, which[number], hazard[..., curve, metric], pair, absorbed, u, rng
            )
            for name, part in zip(
                ("break_at", "break_slope", "break_probability"), (position, slope, probability), strict=True
            ):
                found[name].to_numpy()[..., curve, metric] = part
            sign = places.sign[which[number]]
            with np.errstate(over="ignore"):
                beyond = np.maximum(u - curves.axis.u(position)[..., None], 0.0)
            lost = sign * pair.unit[..., 0] * slope[..., None] * beyond
        if pair.columns:
            found["discrepancy"].to_numpy()[..., curve, metric, :] = _discrepancy(pair, absorbed, lost, rng)
    return found


def _pair(
    draws: xr.Dataset,
    curves: Curves,
    priors: Priors,
    layout: Layout,
    number: int,
    residual: FloatArray,
    weight: FloatArray,
) -> _Pair:
    """Return one pair of curve and metric."""
    curve, metric = layout.curve[number], layout.metric[number]
    effects = joint_effects(curves.scores.metrics, curves.losses.metrics, priors)
    level = array(draws, "curve_effect")[..., curve, effects.columns(metric)[0]]
    unit = np.exp(level)[..., None, None]
    if "discrepancy_scale" not in draws:
        return _Pair(residual, weight, unit, [])
    gain = array(draws, "curve_effect")[..., curve, effects.columns(metric)[1]]
    scale = discrepancy_unit(level, gain) * array(draws, "discrepancy_scale")[..., metric]
    own = modes(layout)[:, number, layout.real[number]]
    return _Pair(residual, weight, unit, [scale[..., None, None] * mode for mode in own])


def _discrepancy(pair: _Pair, absorbed: Absorbed, lost: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return draws of the modes' coefficients given what a break took away, shape (chain, draw, MODES)."""
    rest = pair.residual - lost[..., None, :]
    pull = [(pair.weight * column * rest).sum(axis=-1) for column in pair.columns]
    solved = [each + rng.standard_normal(each.shape) for each in absorbed.forward(pull)]
    return np.concatenate(absorbed.backward(solved), axis=-1)


def _break(
    draws: xr.Dataset,
    priors: Priors,
    places: BreakPlaces,
    place: int,
    hazard: FloatArray,
    pair: _Pair,
    absorbed: Absorbed,
    u: FloatArray,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return position, slope and probability of the break of one pair, each (chain, draw)."""
    linear = [pair.weight * each for each in (pair.residual, *pair.columns)]
    (first, *columns), second = ramp_sums(
        linear, pair.weight, u, places.behind[[place]], places.position[[place]]
    )
    shared = Absorbed(
        [[each[..., None] for each in row] for row in absorbed.factor],
        [each[..., None] for each in absorbed.solved],
        None,
    )
    for solved, own in zip(shared.solved, shared.forward(columns), strict=True):
        first, second = first - own * solved, second - own**2
    unit = places.sign[place] * pair.unit[..., 0]
    first, second = first[..., 0, :] * unit, second[..., 0, :] * unit**2
    mean, sd = (part[..., places.metric[place], None] for part in slope_prior(draws, priors))
    inside, none = log_states(
        hazard[..., None], places.start[[place]], places.stop[[place]], places.length[[place]]
    )
    ratio = np.where(places.real[place], inside[..., 0, :] + log_ratio(first, second, mean, sd), -np.inf)
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
    start, stop = places.start[place][at[..., 0]], places.stop[place][at[..., 0]]
    inside_at = places.first[place] * np.exp(start + (stop - start) * rng.uniform(size=hazard.shape))
    with np.errstate(over="ignore"):
        later = places.last[place] * np.exp(rng.standard_exponential(hazard.shape) / np.exp(hazard))
    return np.where(broken, inside_at, later), slope, 1.0 - states[..., 0]
