"""What follows from the draws by formulas: the papers' coefficients, likelihoods and replicated data."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from bayesscale.laws import Law
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import Curves, Observations
from bayesscale.models.breaks import with_break
from bayesscale.models.discrepancy import MODES, discrepancy_unit, modes
from bayesscale.models.effects import joint_effects, noise_scales
from bayesscale.models.forms import law_at
from bayesscale.models.laws import LOG, POWER, Followed
from bayesscale.models.layout import lay_out
from bayesscale.models.measurement import FEWEST_DEGREES, RESOLUTION, total_sd
from bayesscale.models.priors import Priors

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# Rows evaluated at once; bounds the memory that large data sets take.
_CHUNK = 512


def law_blocks(curves: Curves) -> Iterator[tuple[str, Observations, int]]:
    """Yield (name, observations, position of the first metric) of scores and of losses."""
    first = 0
    for name, rows in (("score", curves.scores), ("loss", curves.losses)):
        if len(rows):
            yield name, rows, first
        first += len(rows.metrics)


def followed(draws: xr.Dataset) -> Followed:
    """Return the laws that draws follow."""
    return Followed(str(draws.attrs.get("score_law", LOG)), str(draws.attrs.get("loss_law", POWER)))


def drawn_law(draws: xr.Dataset, curves: Curves, priors: Priors, score: bool, metric: IntArray) -> Law:
    """Return the law of some metrics by position, its sampled fields drawn: (chain, draw, ...).

    Parameters
    ----------
    draws : xarray.Dataset
        The draws; their attributes name the laws.
    curves, priors : Curves, Priors
        Their data and priors, for known fields.
    score : bool
        Whether the metrics are scores.
    metric : array of int
        Positions among all metrics.
    """
    form = followed(draws).of(score)
    drawn = {name: array(draws, name) for name in form.drawn if name in draws}
    return law_at(form, metric, curves, priors, drawn)


def coefficients(posterior: xr.Dataset, curves: Curves, priors: Priors) -> xr.Dataset:
    """Return the papers' coefficients of every curve.

    Parameters
    ----------
    posterior : xarray.Dataset
        Holds `curve_effect` (chain, draw, curve, effect); its attributes name the laws.
    curves : Curves
        The data.
    priors : Priors
        The priors, for the order of the effects.
    """
    effects = joint_effects(curves.scores.metrics, curves.losses.metrics, priors)
    values = posterior["curve_effect"].transpose("chain", "draw", "curve", "effect").to_numpy()
    found = {}
    for name, rows, first in law_blocks(curves):
        own = first + np.arange(len(rows.metrics))
        columns = effects.columns(own)
        law = drawn_law(posterior, curves, priors, name == "score", own[None])
        with np.errstate(over="ignore"):
            level, gain, shape = (values[..., column] for column in columns)
            each = law.coefficients(level, gain, shape, curves.axis)
        for coefficient, array in each.items():
            # Fields of a law are the same for all curves.
            whole = np.broadcast_to(array, level.shape)
            found[f"{name}_{coefficient}"] = (("chain", "draw", "curve", name), whole)
    coords = {name: list(rows.metrics) for name, rows, _ in law_blocks(curves)}
    return xr.Dataset(found, coords=coords)


def replicate(
    posterior: xr.Dataset, curves: Curves, priors: Priors, seed: int
) -> tuple[xr.Dataset, xr.Dataset]:
    """Return the log likelihood of every observation and replicated data, both as float32.

    Parameters
    ----------
    posterior : xarray.Dataset
        Draws of the joint model (or of its prior).
    curves : Curves
        The data.
    priors : Priors
        The priors, for the order of the effects.
    seed : int
        Seed of the replicated data.
    """
    rng = np.random.default_rng([seed, 1])
    total = sum(len(rows) for rows in curves.blocks.values())
    shape = (posterior.sizes["chain"], posterior.sizes["draw"], total)
    density, drawn = np.empty(shape, np.float32), np.empty(shape, np.float32)
    first = 0
    for name, rows in curves.blocks.items():
        for start in range(0, len(rows), _CHUNK):
            part = slice(start, min(start + _CHUNK, len(rows)))
            to = slice(first + part.start, first + part.stop)
            mean, sd, degrees = location_scale(posterior, curves, priors, name, part)
            density[..., to] = stats.t.logpdf(rows.value[part], degrees, mean, sd)
            values = mean + sd * rng.standard_t(degrees, size=mean.shape)
            drawn[..., to] = np.clip(values, *ranges(rows, part))
        first += len(rows)
    dims = ("chain", "draw", "observation")
    return xr.Dataset({"value": (dims, density)}), xr.Dataset({"value": (dims, drawn)})


def ranges(rows: Observations, part: slice) -> tuple[FloatArray, FloatArray]:
    """Return the smallest and largest valid value of observations."""
    low = np.array([CATALOGUE[name].low for name in rows.metrics])
    high = np.array([CATALOGUE[name].high for name in rows.metrics])
    return low[rows.metric[part]], high[rows.metric[part]]


def location_scale(
    posterior: xr.Dataset, curves: Curves, priors: Priors, name: str, part: slice | IntArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return location, scale and degrees of freedom of some observations, shape (chain, draw, rows)."""
    rows = curves.blocks[name]
    unit, metric = rows.unit[part], rows.metric[part]
    if name == "baseline":
        mean = np.exp(array(posterior, "baseline_level")[..., unit, metric])
        own = array(posterior, "noise_sd")[..., metric]
    else:
        metric = metric + curves.names.index(rows.metrics[0])
        law = drawn_law(posterior, curves, priors, name == "score", metric)
        effects = joint_effects(curves.scores.metrics, curves.losses.metrics, priors)
        values = array(posterior, "curve_effect")
        each = (values[..., unit, column] for column in effects.columns(metric))
        u = curves.axis.u(rows.size[part])
        mean = _bent(posterior, curves, law.value(u, *each), u, unit, metric)
        if "discrepancy" in posterior:
            mean = mean + _strayed(posterior, curves, name, part)
        own = array(posterior, "noise_sd")[..., metric] * np.exp(
            array(posterior, "noise_factor")[..., unit, metric]
        )
    independent = array(posterior, "se_independent")[..., metric] if "se_independent" in posterior else None
    degrees = FEWEST_DEGREES + array(posterior, "noise_tails")[..., metric]
    floor = RESOLUTION * noise_scales(curves.names, priors)[metric]
    return mean, total_sd(own, rows.se[part], independent, floor=floor), degrees


def _bent(
    posterior: xr.Dataset, curves: Curves, mean: FloatArray, u: FloatArray, unit: IntArray, metric: IntArray
) -> FloatArray:
    """Return the values of laws with the breaks that were drawn, if they were."""
    if "break_at" not in posterior:
        return mean
    position, slope = array(posterior, "break_at"), array(posterior, "break_slope")
    effects = joint_effects(curves.scores.metrics, curves.losses.metrics, Priors())
    level = array(posterior, "curve_effect")
    for place, name in enumerate(posterior["break_metric"].to_numpy()):
        own = np.flatnonzero(metric == place)
        key = (..., unit[own], place)
        high = level[..., unit[own], effects.columns(place)[0]]
        beyond = u[own] - curves.axis.u(position[key])
        mean[..., own] = with_break(mean[..., own], str(name), high, slope[key], beyond)
    return mean


def _strayed(posterior: xr.Dataset, curves: Curves, name: str, part: slice | IntArray) -> FloatArray:
    """Return how far curves stray from their laws at some of their values, shape (chain, draw, rows)."""
    layout = lay_out(curves)
    at = np.empty((MODES, layout.count))
    at[:, layout.index[layout.real]] = modes(layout)[:, layout.real]
    rows = curves.blocks[name]
    first = 0 if name == "score" else len(curves.scores)
    own = at[:, np.arange(first, first + len(rows))[part]]
    unit, metric = rows.unit[part], rows.metric[part] + curves.names.index(rows.metrics[0])
    effects = joint_effects(curves.scores.metrics, curves.losses.metrics, Priors())
    level, gain, _ = (
        array(posterior, "curve_effect")[..., unit, column] for column in effects.columns(metric)
    )
    scale = discrepancy_unit(level, gain) * array(posterior, "discrepancy_scale")[..., metric]
    coefficients = array(posterior, "discrepancy")[..., unit, metric, :]
    return np.asarray(scale * np.einsum("...nm,mn->...n", coefficients, own))


def array(posterior: xr.Dataset, name: str) -> FloatArray:
    """Return a variable of any draws with chain and draw first."""
    return np.asarray(posterior[name].transpose("chain", "draw", ...).to_numpy())
