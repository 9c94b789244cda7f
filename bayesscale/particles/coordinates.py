"""Coordinates in which all curves of a metric move with their population, and slopes by them, compiled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.models.scale import above_zero, log_value
from bayesscale.particles.baseline import cell_likelihood
from bayesscale.particles.compiled import allocating, compiled
from bayesscale.particles.gradient import noise_slope
from bayesscale.particles.linear import copy_to
from bayesscale.particles.places import GAIN, LAW_COUNT, LEVEL, NOISE, SHAPE, SLOPE, TAU

_above_zero, _log_value = compiled(above_zero), compiled(log_value)

KINDS = 4 + LAW_COUNT
"""The four of `POOLED`, and the shape under each law."""


@compiled
def place_of(kind: Any) -> int:
    """Return the place of a kind's parameter in the local vector."""
    return NOISE + kind if kind < 4 else SHAPE


@compiled
def parameters(m: Any, population: Any, data: Any, local: Any, kinds: Any, values: Any, priors: Any) -> int:
    """Write means and log spreads of the kinds that curves have, and their priors; return how many kinds.

    Written are the kinds, numbered as in `KINDS`; `values`, shape (2, KINDS), means, then log spreads; and
    `priors`, shape (KINDS, 4), rows of `Assembly.pooled` or `Assembly.shapes`.
    """
    count = 0
    for kind in range(4):
        if data.pooled_free[kind]:
            kinds[count] = kind
            values[0, count] = population.pooled_mean[kind, m]
            values[1, count] = math.log(population.pooled_sd[kind, m])
            copy_to(data.pooled[kind, m], priors[count])
            count += 1
    for k in range(LAW_COUNT):
        members = 0
        for c in range(data.count.shape[0]):
            members += data.count[c, m] > 0 and local.law[c, m] == k
        if members > 0:
            kinds[count] = 4 + k
            values[0, count] = population.shape_mean[m, k]
            values[1, count] = math.log(population.shape_sd[m, k])
            copy_to(data.shapes[m, k], priors[count])
            count += 1
    return count


@compiled
def log_density(values: Any, priors: Any, count: Any, slopes: Any) -> float:
    """Write the gradient of the log prior of means and log spreads; return the log prior."""
    total = 0.0
    for i in range(count):
        for row in range(2):
            off = (values[row, i] - priors[i, 2 * row]) / priors[i, 2 * row + 1]
            total -= 0.5 * off * off
            slopes[row, i] = -off / priors[i, 2 * row + 1]
    return total


@compiled
def has(kind: Any, law: Any) -> bool:
    """Return whether a curve with a law has a kind of parameter."""
    return bool(kind < 4 or law == kind - 4)


@compiled
def apart(c: Any, m: Any, kind: Any, guide: Any) -> bool:
    """Return whether data leave a parameter of a curve open."""
    return bool(guide.open[c, m, min(kind, 4)])


@allocating
def to_local(
    c: Any, m: Any, law: Any, count: Any, kinds: Any, values: Any, y: Any, guide: Any, x: Any
) -> None:
    """Write the local parameters of a curve with coordinates y."""
    x[:] = y
    for i in range(count):
        if has(kinds[i], law) and apart(c, m, kinds[i], guide):
            place = place_of(kinds[i])
            x[place] = values[0, i] + math.exp(values[1, i]) * y[place]


@allocating
def to_coordinates(
    c: Any, m: Any, law: Any, count: Any, kinds: Any, values: Any, x: Any, guide: Any, y: Any
) -> None:
    """Write the coordinates of a curve with local parameters x."""
    y[:] = x
    for i in range(count):
        if has(kinds[i], law) and apart(c, m, kinds[i], guide):
            place = place_of(kinds[i])
            y[place] = (x[place] - values[0, i]) * math.exp(-values[1, i])


@compiled
def add_pooled(c: Any, m: Any, law: Any, count: Any, kinds: Any, values: Any, y: Any, weight: Any,
               guide: Any, gradient: Any, slopes: Any) -> float:  # fmt: skip
    """Add a curve's part of the gradient by means and log spreads; return its log density given these.

    The gradient by local parameters becomes that by coordinates. `weight` is the curve's precision, as a
    multiple of what the population's is.
    """
    total = 0.0
    for i in range(count):
        if not has(kinds[i], law):
            continue
        place, sd = place_of(kinds[i]), math.exp(values[1, i])
        own = weight if kinds[i] >= 4 else 1.0
        if apart(c, m, kinds[i], guide):
            slopes[0, i] += gradient[place]
            slopes[1, i] += gradient[place] * sd * y[place]
            gradient[place] = sd * gradient[place] - own * y[place]
            total -= 0.5 * own * y[place] * y[place]
        else:
            off = (y[place] - values[0, i]) / sd
            slopes[0, i] += own * off / sd
            slopes[1, i] += own * off * off - 1.0
            gradient[place] -= own * off / sd
            total -= 0.5 * own * off * off + values[1, i]
    return total


@compiled
def rest_prior(broken: Any, x: Any, weight: Any, prior: Any, data: Any, c: Any, m: Any,
               gradient: Any) -> float:  # fmt: skip
    """Add the gradient of the log prior of level, gain and break; return that prior."""
    first, second = x[LEVEL] - prior.mean[c, m, 0], x[GAIN] - prior.mean[c, m, 1]
    precision = prior.precision[c, m]
    by_level = weight * (precision[0] * first + precision[1] * second)
    by_gain = weight * (precision[1] * first + precision[2] * second)
    gradient[LEVEL] -= by_level
    gradient[GAIN] -= by_gain
    total = -0.5 * (first * by_level + second * by_gain)
    if broken:
        spread = data.break_spread * prior.fall[m]
        off = (x[SLOPE] + prior.fall[m]) / spread
        total -= prior.hazard[c, m] * x[TAU] + 0.5 * off * off
        gradient[TAU] -= prior.hazard[c, m]
        gradient[SLOPE] -= off / spread
    return total


@compiled
def whiten(c: Any, m: Any, part: Any, free: Any, size: Any, count: Any, kinds: Any, steps: Any, guide: Any,
           factor: Any) -> None:  # fmt: skip
    """Write the Cholesky factor of a curve's cloud in its coordinates.

    Spreads count as what they were on average in warm-up: a trajectory must not depend on where it begins.
    """
    for d in range(size):
        scale = 1.0
        for i in range(count):
            if has(kinds[i], part // 2) and place_of(kinds[i]) == free[d] and apart(c, m, kinds[i], guide):
                scale = math.exp(-steps.reach[m, KINDS + kinds[i], 1])
        for e in range(d + 1):
            factor[d, e] = guide.factor[c, m, part, d, e] * scale


@allocating
def cell_slopes(m: Any, count: Any, kinds: Any, values: Any, places: Any, data: Any, local: Any, cells: Any,
                slopes: Any, room: Any) -> float:  # fmt: skip
    """Add the cells of the baseline to the gradient; return their log likelihood."""
    total = 0.0
    for b in range(data.cell_count.shape[0]):
        if data.cell_count[b, m] == 0:
            continue
        cell = local.cell[b, m].copy()
        for i in range(count):
            place = 1 if kinds[i] == 0 else 2 if kinds[i] == 3 else 0
            if place > 0:
                cell[place] = values[0, i] + math.exp(values[1, i]) * places[b, i]
        cells[b] = cell_likelihood(cell, data, b, m, room[0])
        total += cells[b]
        by_noise, by_share = cell_gradient(cell, data, b, m)
        for i in range(count):
            own = by_noise if kinds[i] == 0 else by_share if kinds[i] == 3 else 0.0
            slopes[0, i] += own
            slopes[1, i] += own * math.exp(values[1, i]) * places[b, i]
    return total


@compiled
def cell_gradient(cell: Any, data: Any, b: Any, m: Any) -> tuple[float, float]:
    """Return the slopes of a cell's log likelihood by its log noise and by the logit of its share."""
    value, near = math.exp(_log_value(cell[0], data.log_near[m], np)), math.exp(data.log_near[m])
    own, share = math.exp(2.0 * cell[1]) * _above_zero(value, near, np), 1.0 / (1.0 + math.exp(-cell[2]))
    by_noise, by_share = 0.0, 0.0
    for i in range(data.cell_count[b, m]):
        variance = data.cell_variance[b, m, i]
        square = own + data.floor[m] * data.floor[m] + share * variance
        _, by_square = noise_slope(data.cell_value[b, m, i] - value, square, data.degrees)
        by_noise += by_square * 2.0 * own
        by_share += by_square * share * (1.0 - share) * variance
    return by_noise, by_share
