"""The paper's Huber fit of each curve with two bootstraps: of residuals, and of pairs (size, value).

The point fit is `bayesscale.pointfit`. Refits start at its optimum and minimise the same Huber loss. A draw
of a new measurement is a refitted law times one of the point fit's residuals (of logarithms); those are
centred and enlarged by sqrt(n / (n - 3)), since three parameters were fitted. With three sizes there are no
residuals, and with pairs only one sample that can be fitted: no spread, as its users find.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bayesscale.laws import LOG_LAW, POWER_LAW, Law, LogAxis
from bayesscale.pointfit import DELTAS
from bayesscale.pointfit.huber import fit_curve, log_residuals
from benchmarks.forecasting.curves import Curve
from benchmarks.forecasting.least_squares import minimise

Array = NDArray[np.float64]

DRAWS = 400
PARAMETERS = 3
_LOW, _HIGH = np.array([-300.0, -50.0, -5.0]), np.array([300.0, 50.0, 5.0])
_SMALLEST = 1e-300


def law_of(curve: Curve) -> Law:
    """Return the papers' law of a curve's metric: the log-law of scores, the power law of losses."""
    return LOG_LAW if curve.spec.improves == "up" else POWER_LAW


def bootstrap(curves: Sequence[Curve], kind: str, seed: int) -> list[Array | None]:
    """Return draws of new measurements, shape (forecasts, DRAWS); None where three sizes are not above 0.

    Parameters
    ----------
    curves : sequence of Curve
        What is fitted.
    kind : str
        'residuals' or 'pairs'.
    seed : int
        Of the bootstrap.
    """
    rng = np.random.default_rng(seed)
    return [_bootstrap(curve, kind, rng) for curve in curves]


def _bootstrap(curve: Curve, kind: str, rng: np.random.Generator) -> Array | None:
    """Return the draws of one curve."""
    usable = curve.value > 0
    size, value, law = curve.size[usable], curve.value[usable], law_of(curve)
    if len(np.unique(size)) < PARAMETERS:
        return None
    axis, delta = LogAxis(size.min(), size.max()), DELTAS[law.name]
    u, y = axis.u(size), np.log(value)
    point = fit_curve(law, u, value, delta).parameters
    rest = -log_residuals(law, u, y, point)
    if kind == "residuals":
        sample, weight = y - rest + _drawn(rest, (DRAWS, len(y)), rng), np.ones((DRAWS, len(y)))
    else:
        sample, weight = np.tile(y, (DRAWS, 1)), _counts(u, rng)
    refits = _refit(law, u, sample, weight, point, delta)
    ahead = _log_value(law, axis.u(curve.ahead), refits)
    return np.asarray(np.exp(ahead + _drawn(rest, ahead.shape, rng)).T)


def _drawn(rest: Array, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Return residuals drawn with replacement, centred and enlarged for the parameters that were fitted."""
    freedom = max(len(rest) - PARAMETERS, 0)
    enlarged = (rest - rest.mean()) * np.sqrt(len(rest) / freedom) if freedom else np.zeros_like(rest)
    return np.asarray(rng.choice(enlarged, size=shape))


def _counts(u: Array, rng: np.random.Generator) -> Array:
    """Return how often each point is in each sample of pairs, at least three of them with other sizes."""
    counts = np.zeros((DRAWS, len(u)))
    for row in counts:
        while len(np.unique(u[row > 0])) < PARAMETERS:
            row[:] = np.bincount(rng.integers(len(u), size=len(u)), minlength=len(u))
    return counts


def _log_value(law: Law, u: Array, place: Array) -> Array:
    """Return the law's logarithm, shape (places, sizes)."""
    level, gain, shape = (column[:, None] for column in place.T)
    return np.asarray(np.log(np.maximum(law.value(u, level, gain, shape), _SMALLEST)))


def _refit(law: Law, u: Array, sample: Array, weight: Array, start: Array, delta: float) -> Array:
    """Return the parameters fitted to each sample."""
    # A point that is twice in a sample counts twice: below delta by its square, beyond by its absolute value.
    # Points are repeated instead of weighted, so that both hold.
    places = [np.repeat(np.arange(len(u)), row.astype(int)) for row in weight]
    chosen = np.stack(places)
    rows = np.arange(len(sample))[:, None]
    at, y = u[chosen], sample[rows, chosen]

    def residuals(place: Array) -> Array:
        level, gain, shape = (column[:, None] for column in place.T)
        return np.asarray(np.log(np.maximum(law.value(at, level, gain, shape), _SMALLEST)) - y)

    starts = np.tile(start, (len(sample), 1))
    return minimise(residuals, starts, low=_LOW, high=_HIGH, delta=delta, turns=60)[0]
