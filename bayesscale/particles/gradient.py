"""Gradient of one curve's log likelihood by its local parameters, compiled.

The terms of laws are differentiated by differences, once a curve; all else by hand. Trajectories with a
gradient that is a little off are as exact as any, since their ends are accepted by the density itself.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.laws import log_law, power_law, rising
from bayesscale.particles.compiled import compiled
from bayesscale.particles.local import LARGE, unit_of
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

_STEP = 1e-6
_log_terms, _log_slopes = compiled(log_law.terms), compiled(log_law.slopes)
_power_terms, _power_slopes = compiled(power_law.terms), compiled(power_law.slopes)
_rising_terms, _rising_slopes = compiled(rising.terms), compiled(rising.slopes)


@compiled
def log_law_slopes(x: Any, u: Any, count: Any, out: Any) -> None:
    """Do what `law_slopes` does, for the log-law."""
    sharpness = math.exp(x[SHARP])
    now = _log_terms(x[LEVEL], x[GAIN], x[SHAPE], sharpness, np)
    gain = _log_terms(x[LEVEL], x[GAIN] + _STEP, x[SHAPE], sharpness, np)
    shape = _log_terms(x[LEVEL], x[GAIN], x[SHAPE] + _STEP, sharpness, np)
    for i in range(count):
        value, _, beta, start = _log_slopes(u[i], now, np)
        out[0, i] = value
        out[1, i] = (beta * (gain[1] - now[1]) + start * (gain[2] - now[2])) / _STEP
        out[2, i] = (beta * (shape[1] - now[1]) + start * (shape[2] - now[2])) / _STEP
        out[3, i] = 0.0


@compiled
def rising_slopes(x: Any, u: Any, count: Any, out: Any) -> None:
    """Do what `law_slopes` does, for the rising power law."""
    now = _rising_terms(x[LEVEL], x[GAIN], x[SHAPE], 1.0, np)
    gain = _rising_terms(x[LEVEL], x[GAIN] + _STEP, x[SHAPE], 1.0, np)
    shape = _rising_terms(x[LEVEL], x[GAIN], x[SHAPE] + _STEP, 1.0, np)
    for i in range(count):
        value, high, lack, c, end = _rising_slopes(u[i], now, np)
        out[0, i], out[3, i] = value, 0.0
        for row, near in enumerate((gain, shape)):
            total = high * (near[0] - now[0]) + lack * (near[1] - now[1])
            total += c * (near[2] - now[2]) + end * (near[3] - now[3])
            out[row + 1, i] = total / _STEP


@compiled
def power_slopes(level: Any, x: Any, u: Any, count: Any, reciprocal: Any, out: Any) -> None:
    """Do what `law_slopes` does, for the power law and for its reciprocal."""
    sharpness = math.exp(x[SHARP])
    now = _power_terms(level, x[GAIN], x[SHAPE], sharpness, np)
    gain = _power_terms(level, x[GAIN] + _STEP, x[SHAPE], sharpness, np)
    shape = _power_terms(level, x[GAIN], x[SHAPE] + _STEP, sharpness, np)
    sharp = _power_terms(level, x[GAIN], x[SHAPE], math.exp(x[SHARP] + _STEP), np)
    for i in range(count):
        value, _, floor, amplitude, c, root = _power_slopes(u[i], now, np)
        factor = -1.0 / (value * value) if reciprocal else 1.0
        out[0, i] = 1.0 / value if reciprocal else value
        for row, near in enumerate((gain, shape, sharp)):
            total = floor * (near[1] - now[1]) + amplitude * (near[2] - now[2])
            total += c * (near[3] - now[3]) + root * (near[4] - now[4])
            out[row + 1, i] = factor * total / _STEP


@compiled
def law_slopes(law: Any, x: Any, u: Any, count: Any, out: Any) -> None:
    """Write the values of a law at positions, and their derivatives by gain, shape and log sharpness.

    Parameters
    ----------
    law, x, u, count : int, array, array, int
        As in `bayesscale.particles.local.law_values`.
    out : array, shape (4, N)
        Values and the three derivatives.
    """
    if law == 0:
        log_law_slopes(x, u, count, out)
    elif law == 1:
        power_slopes(-x[LEVEL], x, u, count, True, out)
    elif law == 2:
        rising_slopes(x, u, count, out)
    else:
        power_slopes(x[LEVEL], x, u, count, False, out)


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
    law_slopes(law, x, u, count, room)
    high, unit = math.exp(x[LEVEL]), unit_of(x[LEVEL], x[GAIN]) * math.exp(x[STRAY])
    by_gain = (unit_of(x[LEVEL], x[GAIN] + _STEP) * math.exp(x[STRAY]) - unit) / _STEP
    own, share = math.exp(2.0 * x[NOISE]), 1.0 / (1.0 + math.exp(-x[SHARE]))
    floor, degrees = data.floor[m] * data.floor[m], data.degrees
    gradient[:] = 0.0
    total, scales, ratios = 0.0, 1.0, 1.0
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
        scales *= square
        ratios *= 1.0 + off * off / (degrees * square)
        if not (1.0 / LARGE < scales < LARGE and ratios < LARGE):
            total -= 0.5 * math.log(scales) + 0.5 * (degrees + 1.0) * math.log(ratios)
            scales, ratios = 1.0, 1.0
        # Law, discrepancy and break are all in proportion to the level.
        gradient[LEVEL] += by_mean * mean
        gradient[GAIN] += by_mean * (room[1, i] + by_gain * path)
        gradient[SHAPE] += by_mean * room[2, i]
        gradient[SHARP] += by_mean * room[3, i]
        gradient[STRAY] += by_mean * unit * path
        gradient[MODE] += by_mean * unit * one
        gradient[MODE + 1] += by_mean * unit * two
        gradient[NOISE] += by_square * 2.0 * own
        gradient[SHARE] += by_square * share * (1.0 - share) * variance
        if ramp > 0.0:
            gradient[TAU] -= by_mean * data.sign[m] * high * x[SLOPE]
            gradient[SLOPE] += by_mean * data.sign[m] * high * ramp
    total -= 0.5 * math.log(scales) + 0.5 * (degrees + 1.0) * math.log(ratios)
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


@compiled
def pair_information(
    law: Any, broken: Any, x: Any, data: Any, c: Any, m: Any, room: Any, information: Any
) -> None:
    """Write what values are expected to tell of each local parameter by itself: Fisher's information.

    Parameters as in `pair_gradient`; `information` is written. Only what populations pool is filled in.
    """
    count, u = data.count[c, m], data.u[c, m]
    law_slopes(law, x, u, count, room)
    unit, degrees = unit_of(x[LEVEL], x[GAIN]) * math.exp(x[STRAY]), data.degrees
    own, share = math.exp(2.0 * x[NOISE]), 1.0 / (1.0 + math.exp(-x[SHARE]))
    information[:] = 0.0
    for i in range(count):
        path = x[MODE] * data.modes[c, m, i, 0] + x[MODE + 1] * data.modes[c, m, i, 1]
        square = own + data.floor[m] * data.floor[m] + share * data.variance[c, m, i]
        weight = (degrees + 1.0) / ((degrees + 3.0) * square)
        information[LEVEL] += weight * room[0, i] ** 2
        for row, place in enumerate((GAIN, SHAPE, SHARP)):
            information[place] += weight * room[row + 1, i] ** 2
        information[STRAY] += weight * (unit * path) ** 2
        scale = 0.5 * degrees / ((degrees + 3.0) * square * square)
        information[NOISE] += scale * (2.0 * own) ** 2
        information[SHARE] += scale * (share * (1.0 - share) * data.variance[c, m, i]) ** 2
