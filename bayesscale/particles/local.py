"""One curve and metric under its local parameters: value, likelihood and prior density, compiled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.laws import log_law, power_law, rising
from bayesscale.models import breaks, discrepancy
from bayesscale.models.scale import LOGARITHMIC, above_zero, log_sharpness, log_value
from bayesscale.particles.compiled import compiled
from bayesscale.particles.places import (
    EFFECTS,
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

LOG_ROOT_2PI = 0.5 * math.log(2.0 * math.pi)
# Products of so large numbers are turned into sums of logarithms.
LARGE = 1e100

_log_terms, _log_at = compiled(log_law.terms), compiled(log_law.at)
_power_terms, _power_at = compiled(power_law.terms), compiled(power_law.at)
_rising_terms, _rising_at = compiled(rising.terms), compiled(rising.at)
_log_value, _log_sharpness = compiled(log_value), compiled(log_sharpness)
_above_zero = compiled(above_zero)
_unit, _with_break = compiled(discrepancy.discrepancy_unit), compiled(breaks.with_break)


@compiled
def unit_of(level: Any, gain: Any) -> float:
    """Return what the scale of the discrepancy counts in."""
    return float(_unit(level, gain, np))


@compiled
def law_parameters(x: Any, log_near: Any) -> tuple[float, float]:
    """Return level and gain as laws take them; see `bayesscale.models.scale.law_parameters`."""
    level, start = x[LEVEL], x[LEVEL] - x[GAIN]
    if log_near > LOGARITHMIC:
        level, start = _log_value(level, log_near, np), _log_value(start, log_near, np)
    return level, level - start


@compiled
def sharpness_of(place: Any) -> float:
    """Return the sharpness at a place of its scale."""
    return math.exp(_log_sharpness(place, np))


@compiled
def law_values(law: Any, level: Any, gain: Any, x: Any, u: Any, count: Any, out: Any) -> None:
    """Write the values of a law at the first `count` positions; level and gain are from `law_parameters`."""
    if law == 0:
        parts = _log_terms(level, gain, x[SHAPE], 1.0, np)
        for i in range(count):
            out[i] = _log_at(u[i], parts, np)
    elif law == 1:
        own = _power_terms(-level, gain, x[SHAPE], sharpness_of(x[SHARP]), np)
        for i in range(count):
            out[i] = 1.0 / _power_at(u[i], own, np)
    elif law == 2:
        rising_parts = _rising_terms(level, gain, x[SHAPE], 1.0, np)
        for i in range(count):
            out[i] = _rising_at(u[i], rising_parts, np)
    else:
        own = _power_terms(level, gain, x[SHAPE], sharpness_of(x[SHARP]), np)
        for i in range(count):
            out[i] = _power_at(u[i], own, np)


@compiled
def law_and_break(law: Any, broken: Any, x: Any, data: Any, c: Any, m: Any, out: Any) -> float:
    """Write the values of a curve without its discrepancy; return the scale of that in the metric's unit."""
    u, count = data.u[c, m], data.count[c, m]
    level, gain = law_parameters(x, data.log_near[m])
    law_values(law, level, gain, x, u, count, out)
    if broken:
        for i in range(count):
            out[i] = _with_break(out[i], data.sign[m], level, x[SLOPE], u[i] - x[TAU], np)
    return unit_of(level, gain) * math.exp(x[STRAY])


@compiled
def value_and_noise(x: Any, scale: Any, value: Any, data: Any, c: Any, m: Any, i: Any) -> tuple[float, float]:
    """Return what measurement i is expected to be, and the squared scale of its noise.

    Scale and value are from `law_and_break`.
    """
    part = _above_zero(value, math.exp(data.log_near[m]), np)
    strayed = x[MODE] * data.modes[c, m, i, 0] + x[MODE + 1] * data.modes[c, m, i, 1]
    return value + scale * part * strayed, noise_variance(x, part, data.variance[c, m, i], data.floor[m])


@compiled
def noise_variance(x: Any, part: Any, variance: Any, floor: Any) -> float:
    """Return the squared scale of the noise of a value with a squared standard error.

    The own noise counts by how far the value is from zero, see `bayesscale.models.scale.above_zero`.
    """
    return part * math.exp(2.0 * x[NOISE]) + floor * floor + variance / (1.0 + math.exp(-x[SHARE]))


@compiled
def log_likelihood(
    law: Any, scale: Any, modes: Any, x: Any, value: Any, variance: Any, count: Any, near: Any, floor: Any,
    degrees: Any,
) -> float:  # fmt: skip
    """Return the log density of Student-t noise, up to a constant; -inf where it is no number.

    `law` are values of law and break, `scale` and `modes`, shape (N, 2), those of the discrepancy, `variance`
    squared standard errors. Of `x` noise and modes count. `near` is below which value the metric is near
    zero, `floor` its resolution.
    """
    own, least, share = math.exp(2.0 * x[NOISE]), floor * floor, 1.0 / (1.0 + math.exp(-x[SHARE]))
    total, scales, ratios = 0.0, 1.0, 1.0
    for i in range(count):
        part = _above_zero(law[i], near, np)
        square = own * part + least + share * variance[i]
        off = value[i] - law[i] - scale * part * (x[MODE] * modes[i, 0] + x[MODE + 1] * modes[i, 1])
        scales *= square
        ratios *= 1.0 + off * off / (degrees * square)
        if not (1.0 / LARGE < scales < LARGE and ratios < LARGE):
            total -= 0.5 * math.log(scales) + 0.5 * (degrees + 1.0) * math.log(ratios)
            scales, ratios = 1.0, 1.0
    total -= 0.5 * math.log(scales) + 0.5 * (degrees + 1.0) * math.log(ratios)
    return total if math.isfinite(total) else -np.inf


@compiled
def pair_likelihood(law: Any, broken: Any, x: Any, data: Any, c: Any, m: Any, out: Any) -> float:
    """Return the log likelihood of the values of a curve and metric."""
    scale = law_and_break(law, broken, x, data, c, m, out)
    return log_likelihood(
        out, scale, data.modes[c, m], x, data.value[c, m], data.variance[c, m], data.count[c, m],
        math.exp(data.log_near[m]), data.floor[m], data.degrees,
    )  # fmt: skip


@compiled
def square_of(law: Any, x: Any, prior: Any, c: Any, m: Any) -> float:
    """Return how far off level, gain and shape are of what is expected of them, squared."""
    first, second = x[LEVEL] - prior.mean[c, m, 0], x[GAIN] - prior.mean[c, m, 1]
    precision = prior.precision[c, m]
    off = (x[SHAPE] - prior.shape_mean[m, law]) / prior.shape_sd[m, law]
    square = precision[0] * first * first + 2.0 * precision[1] * first * second
    return float(square + precision[2] * second * second + off * off)


@compiled
def log_prior(law: Any, broken: Any, x: Any, prior: Any, data: Any, c: Any, m: Any) -> float:
    """Return the log density of local parameters under a population.

    Up to a constant that is the same for all laws, broken or not.
    """
    apart = math.log(1.0 + square_of(law, x, prior, c, m) / prior.rest[c, m])
    return log_rest(law, broken, x, prior, data, c, m) - 0.5 * (prior.degrees[c, m] + EFFECTS) * apart


@compiled
def log_rest(law: Any, broken: Any, x: Any, prior: Any, data: Any, c: Any, m: Any) -> float:
    """Return `log_prior` without what `square_of` says."""
    total = prior.log_share[c, m, law] - math.log(prior.shape_sd[m, law])
    for kind in range(4):
        if data.pooled_free[kind]:
            off = (x[NOISE + kind] - prior.pooled_mean[kind, m]) / prior.pooled_sd[kind, m]
            total -= 0.5 * off * off
    total -= 0.5 * (x[MODE] * x[MODE] + x[MODE + 1] * x[MODE + 1])
    if data.may_break[m]:
        hazard = prior.hazard[c, m]
        if broken:
            spread = data.break_spread * prior.fall[m]
            off = (x[SLOPE] + prior.fall[m]) / spread
            total += math.log(hazard / spread) - hazard * (x[TAU] - data.first[c, m]) - 0.5 * off * off
            total -= LOG_ROOT_2PI
        else:
            total -= hazard * (data.last[c, m] - data.first[c, m])
    return total
