"""Gradient of one curve's log likelihood by its local parameters, its modes integrated out, compiled.

The terms of laws are differentiated by differences, once a curve; all else by hand. Trajectories with a
gradient that is a little off are as exact as any, since their ends are accepted by the density itself.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.laws import log_law, power_law, rising
from bayesscale.models.scale import LOGARITHMIC, above_zero, log_value_slope
from bayesscale.particles.collapsed import integrate
from bayesscale.particles.compiled import compiled
from bayesscale.particles.local import law_parameters, noise_variance, sharpness_of, unit_of
from bayesscale.particles.places import (
    EFFECTS,
    GAIN,
    LEVEL,
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
_log_value_slope, _above_zero = compiled(log_value_slope), compiled(above_zero)
_rising_terms, _rising_slopes = compiled(rising.terms), compiled(rising.slopes)


@compiled
def log_law_slopes(level: Any, gain: Any, x: Any, u: Any, count: Any, out: Any) -> None:
    """Do what `law_slopes` does, for the log-law."""
    now = _log_terms(level, gain, x[SHAPE], 1.0, np)
    more = _log_terms(level, gain + _STEP, x[SHAPE], 1.0, np)
    shape = _log_terms(level, gain, x[SHAPE] + _STEP, 1.0, np)
    for i in range(count):
        value, _, beta, start = _log_slopes(u[i], now, np)
        out[0, i] = value
        out[1, i] = (beta * (more[1] - now[1]) + start * (more[2] - now[2])) / _STEP
        out[2, i] = (beta * (shape[1] - now[1]) + start * (shape[2] - now[2])) / _STEP
        out[3, i] = 0.0


@compiled
def rising_slopes(level: Any, gain: Any, x: Any, u: Any, count: Any, out: Any) -> None:
    """Do what `law_slopes` does, for the rising power law."""
    now = _rising_terms(level, gain, x[SHAPE], 1.0, np)
    more = _rising_terms(level, gain + _STEP, x[SHAPE], 1.0, np)
    shape = _rising_terms(level, gain, x[SHAPE] + _STEP, 1.0, np)
    for i in range(count):
        value, high, lack, c, end = _rising_slopes(u[i], now, np)
        out[0, i], out[3, i] = value, 0.0
        for row, near in enumerate((more, shape)):
            total = high * (near[0] - now[0]) + lack * (near[1] - now[1])
            total += c * (near[2] - now[2]) + end * (near[3] - now[3])
            out[row + 1, i] = total / _STEP


@compiled
def power_slopes(level: Any, gain: Any, x: Any, u: Any, count: Any, reciprocal: Any, out: Any) -> None:
    """Do what `law_slopes` does, for the power law and for its reciprocal."""
    sharpness = sharpness_of(x[SHARP])
    now = _power_terms(level, gain, x[SHAPE], sharpness, np)
    more = _power_terms(level, gain + _STEP, x[SHAPE], sharpness, np)
    shape = _power_terms(level, gain, x[SHAPE] + _STEP, sharpness, np)
    sharp = _power_terms(level, gain, x[SHAPE], sharpness_of(x[SHARP] + _STEP), np)
    for i in range(count):
        value, _, floor, amplitude, c, root = _power_slopes(u[i], now, np)
        factor = -1.0 / (value * value) if reciprocal else 1.0
        out[0, i] = 1.0 / value if reciprocal else value
        for row, near in enumerate((more, shape, sharp)):
            total = floor * (near[1] - now[1]) + amplitude * (near[2] - now[2])
            total += c * (near[3] - now[3]) + root * (near[4] - now[4])
            out[row + 1, i] = factor * total / _STEP


@compiled
def law_slopes(law: Any, level: Any, gain: Any, x: Any, u: Any, count: Any, out: Any) -> None:
    """Write the values of a law at positions, and their derivatives by gain, shape and log sharpness.

    `out`, shape (4, N), has a row for each; the rest is as in `bayesscale.particles.local.law_values`.
    """
    if law == 0:
        log_law_slopes(level, gain, x, u, count, out)
    elif law == 1:
        power_slopes(-level, gain, x, u, count, True, out)
    elif law == 2:
        rising_slopes(level, gain, x, u, count, out)
    else:
        power_slopes(level, gain, x, u, count, False, out)


@compiled
def noise_slope(off: Any, square: Any, degrees: Any) -> tuple[float, float]:
    """Return the slopes of a Student-t log density by its mean and by its squared scale."""
    whole = degrees * square + off * off
    by_mean = (degrees + 1.0) * off / whole
    return by_mean, 0.5 * (by_mean * off - 1.0) / square


@compiled
def pair_gradient(
    law: Any, broken: Any, x: Any, weights: Any, data: Any, c: Any, m: Any, room: Any, gradient: Any
) -> float:
    """Write the gradient of `collapsed_likelihood`, shape (LOCAL,); return that likelihood."""
    count, u = data.count[c, m], data.u[c, m]
    log_near = data.log_near[m]
    level, gain = law_parameters(x, log_near)
    law_slopes(law, level, gain, x, u, count, room)
    high, scale = math.exp(level), unit_of(level, gain) * math.exp(x[STRAY])
    by_gain = (unit_of(level, gain + _STEP) * math.exp(x[STRAY]) - scale) / (_STEP * scale)
    share, fall = 1.0 / (1.0 + math.exp(-x[SHARE])), data.sign[m] * high * x[SLOPE]
    own, near = math.exp(2.0 * x[NOISE]), math.exp(log_near)
    gradient[:] = 0.0
    values = room[0]
    if broken:
        for i in range(count):
            values[i] += fall * max(u[i] - x[TAU], 0.0)
    fit = integrate(x, scale, values, weights, data, c, m)
    for i in range(count):
        part = _above_zero(values[i], near, np)
        one, two = data.modes[c, m, i, 0] * scale * part, data.modes[c, m, i, 1] * scale * part
        variance = data.variance[c, m, i]
        square = noise_variance(x, part, variance, data.floor[m]) / weights[i]
        strayed = fit[1] * one + fit[2] * two
        pull = (data.value[c, m, i] - values[i] - strayed) / square
        # The diagonal of the inverse covariance, by Woodbury's formula.
        known = (fit[3] * one * one + 2.0 * fit[4] * one * two + fit[5] * two * two) / (square * square)
        by_square = 0.5 * (pull * pull - 1.0 / square + known) / weights[i]
        gradient[NOISE] += by_square * 2.0 * own * part
        gradient[SHARE] += by_square * share * (1.0 - share) * variance
        # Noise and discrepancy grow with the value.
        if part > 0.0:
            by_part = by_square * own + (pull * strayed - known * square) / part
            pull += by_part * part * part * near / (values[i] * values[i])
        # Law and break are in proportion to the level.
        gradient[LEVEL] += pull * values[i]
        gradient[GAIN] += pull * room[1, i]
        gradient[SHAPE] += pull * room[2, i]
        gradient[SHARP] += pull * room[3, i]
        if broken and u[i] > x[TAU]:
            gradient[TAU] -= pull * fall
            gradient[SLOPE] += pull * data.sign[m] * high * (u[i] - x[TAU])
    by_scale = fit[1] * fit[1] + fit[2] * fit[2] - 2.0 + fit[3] + fit[5]
    gradient[STRAY] += by_scale
    gradient[LEVEL] += by_scale
    gradient[GAIN] += by_scale * by_gain
    if log_near > LOGARITHMIC:
        start = _log_value_slope(x[LEVEL] - x[GAIN], log_near, np)
        gradient[LEVEL] = (gradient[LEVEL] + gradient[GAIN]) * _log_value_slope(x[LEVEL], log_near, np)
        gradient[LEVEL] -= gradient[GAIN] * start
        gradient[GAIN] *= start
    return fit[0] if math.isfinite(fit[0]) else -np.inf


@compiled
def add_prior_gradient(
    law: Any, broken: Any, x: Any, prior: Any, data: Any, c: Any, m: Any, gradient: Any
) -> None:
    """Add the gradient of `bayesscale.particles.local.log_prior`, but for the modes."""
    precision = prior.precision[c, m]
    first, second = x[LEVEL] - prior.mean[c, m, 0], x[GAIN] - prior.mean[c, m, 1]
    off = (x[SHAPE] - prior.shape_mean[m, law]) / prior.shape_sd[m, law]
    by_level, by_gain = (
        precision[0] * first + precision[1] * second,
        precision[1] * first + precision[2] * second,
    )
    whole = prior.rest[c, m] + first * by_level + second * by_gain + off * off
    weight = (prior.degrees[c, m] + EFFECTS) / whole
    gradient[LEVEL] -= weight * by_level
    gradient[GAIN] -= weight * by_gain
    gradient[SHAPE] -= weight * off / prior.shape_sd[m, law]
    for kind in range(4):
        if data.pooled_free[kind]:
            off = x[NOISE + kind] - prior.pooled_mean[kind, m]
            gradient[NOISE + kind] -= off / prior.pooled_sd[kind, m] ** 2
    if broken:
        gradient[TAU] -= prior.hazard[c, m]
        gradient[SLOPE] -= (x[SLOPE] + prior.fall[m]) / (data.break_spread * prior.fall[m]) ** 2
