"""Gradient of one curve's log likelihood by its local parameters, compiled.

What enters the values linearly or as a factor is differentiated by hand. The laws' gain, shape and sharpness are
by differences: one formula serves all. Trajectories with a gradient that is a little off are as exact as any, since
their ends are accepted by the density itself.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.particles.compiled import compiled
from bayesscale.particles.local import law_values, unit_of
from bayesscale.particles.places import (
    GAIN,
    LEVEL,
    MODE,
    NOISE,
    SHAPE,
    SHARE,
    SHARP,
    SLOPE,
    STRAY,
    TAU,
)

_STEP = 1e-5


@compiled
def noise_slope(off: Any, square: Any, degrees: Any) -> tuple[float, float]:
    """Return the slopes of a Student-t log density by its mean and by its squared scale."""
    whole = degrees * square + off * off
    by_mean = (degrees + 1.0) * off / whole
    return by_mean, 0.5 * (by_mean * off - 1.0) / square


@compiled
def pair_gradient(
    law: Any, broken: Any, x: Any, data: Any, c: Any, m: Any, room: Any, gradient: Any
) -> float:
    """Write the gradient of the log likelihood of a curve and metric; return the log likelihood.

    Parameters
    ----------
    law, broken, x : int, bool, array
        As in `bayesscale.particles.local.value_of`.
    data : Assembly
        The data.
    c, m : int
        Curve and metric.
    room : array, shape (4, N)
        Room to work in.
    gradient : array, shape (LOCAL,)
        Where the gradient goes.
    """
    count, u = data.count[c, m], data.u[c, m]
    law_values(law, x, u, count, room[0])
    for row, place in enumerate((GAIN, SHAPE, SHARP)):
        kept = x[place]
        x[place] = kept + _STEP
        law_values(law, x, u, count, room[row + 1])
        x[place] = kept
    high, unit = math.exp(x[LEVEL]), unit_of(x[LEVEL], x[GAIN]) * math.exp(x[STRAY])
    by_gain = unit_of(x[LEVEL], x[GAIN] + _STEP) * math.exp(x[STRAY]) - unit
    own, share = math.exp(2.0 * x[NOISE]), 1.0 / (1.0 + math.exp(-x[SHARE]))
    floor, degrees = data.floor[m] * data.floor[m], data.degrees
    gradient[:] = 0.0
    total = 0.0
    for i in range(count):
        one, two = data.modes[c, m, i, 0], data.modes[c, m, i, 1]
        path = x[MODE] * one + x[MODE + 1] * two
        mean = room[0, i] + unit * path
        ramp = max(u[i] - x[TAU], 0.0) if broken else 0.0
        mean += data.sign[m] * high * x[SLOPE] * ramp
        variance = data.variance[c, m, i]
        square = own + floor + share * variance
        off = data.value[c, m, i] - mean
        by_mean, by_square = noise_slope(off, square, degrees)
        total -= 0.5 * math.log(square)
        total -= 0.5 * (degrees + 1.0) * math.log1p(off * off / (degrees * square))
        # Law, discrepancy and break are all in proportion to the level.
        gradient[LEVEL] += by_mean * mean
        gradient[GAIN] += by_mean * (room[1, i] - room[0, i] + by_gain * path) / _STEP
        gradient[SHAPE] += by_mean * (room[2, i] - room[0, i]) / _STEP
        gradient[SHARP] += by_mean * (room[3, i] - room[0, i]) / _STEP
        gradient[STRAY] += by_mean * unit * path
        gradient[MODE] += by_mean * unit * one
        gradient[MODE + 1] += by_mean * unit * two
        gradient[NOISE] += by_square * 2.0 * own
        gradient[SHARE] += by_square * share * (1.0 - share) * variance
        if ramp > 0.0:
            gradient[TAU] -= by_mean * data.sign[m] * high * x[SLOPE]
            gradient[SLOPE] += by_mean * data.sign[m] * high * ramp
    return total if math.isfinite(total) else -np.inf


@compiled
def add_prior_gradient(
    law: Any, broken: Any, x: Any, prior: Any, data: Any, c: Any, m: Any, gradient: Any
) -> None:
    """Add the gradient of `bayesscale.particles.local.log_prior`."""
    precision = prior.precision[c, m]
    first, second = x[LEVEL] - prior.mean[c, m, 0], x[GAIN] - prior.mean[c, m, 1]
    gradient[LEVEL] -= precision[0] * first + precision[1] * second
    gradient[GAIN] -= precision[1] * first + precision[2] * second
    gradient[SHAPE] -= (x[SHAPE] - prior.shape_mean[m, law]) / prior.shape_sd[m, law] ** 2
    for kind in range(4):
        if data.pooled_free[kind]:
            off = x[NOISE + kind] - prior.pooled_mean[kind, m]
            gradient[NOISE + kind] -= off / prior.pooled_sd[kind, m] ** 2
    gradient[MODE] -= x[MODE]
    gradient[MODE + 1] -= x[MODE + 1]
    if broken:
        gradient[TAU] -= prior.hazard[c, m]
        gradient[SLOPE] -= (x[SLOPE] + prior.fall[m]) / (data.break_spread * prior.fall[m]) ** 2
