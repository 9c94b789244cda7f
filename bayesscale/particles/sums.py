"""Sums over the particles of a curve: their log weights under a population, and its slopes, compiled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.particles.compiled import compiled
from bayesscale.particles.local import LOG_ROOT_2PI
from bayesscale.particles.places import (
    ALIGNMENT,
    EFFECTS,
    FALL,
    HAZARD,
    LAW_COUNT,
    MEAN,
    SHAPE_MEAN,
    SHAPE_SPREAD,
    SHARE_OF_LAW,
    SPREAD,
)

# Rows of what is summed over: level, gain, the four of `POOLED`, shape, 1, wait, break, fall.
ROW_SHAPE, ROW_ONE, ROW_RISK, ROW_BROKEN, ROW_FALL = 6, 7, 8, 9, 10
ROWS, SUMS = 11, 18
# Particles with less than e to this of the largest weight count nothing.
_NEGLIGIBLE = -40.0
# The bits of two thirds as a number of 64 bits.
_TWO_THIRDS = int(np.array(2.0 / 3).view(np.int64))


@compiled
def log_weights(at: Any, free: Any, allowed: Any, log_share: Any, expected: Any, inverse: Any, hazard: Any,
                data: Any, rows: Any, ends: Any, base: Any, room: Any, out: Any) -> float:  # fmt: skip
    """Write the log weights of a curve's particles under a population; return the largest.

    Parameters
    ----------
    at : array
        Parameters of the population, see `bayesscale.particles.places`.
    free : array of bool, shape (4,)
        Which of `POOLED` are estimated.
    allowed, log_share : array, shape (LAW_COUNT,)
        Which laws the metric may follow, and their log shares.
    expected, inverse : array, shape (6,), (3,)
        From `expect`, of this curve.
    hazard : float
        Breaks per unit of u; 0 where there are none.
    data, rows, ends, base
        From `gather`, of this curve.
    room : array, shape (4, particles + 1)
        Written first: `rest` and how far off each is in level, gain and shape. The others are to work in.
    out : array, shape (particles + 1,)
        Written: the log weights.
    """
    count, whole = out.shape[0], room[0]
    one, two = math.exp(-at[SPREAD]), math.exp(-at[SPREAD + 1])
    constant = -at[SPREAD] - at[SPREAD + 1]
    start, other = (
        (at[MEAN] + expected[0]) * one + expected[2],
        (at[MEAN + 1] + expected[1]) * two + expected[3],
    )
    for i in range(count):
        first, second = rows[0, i] * one - start, rows[1, i] * two - other
        square = inverse[0] * first * first + 2.0 * inverse[1] * first * second + inverse[2] * second * second
        whole[i], out[i] = expected[5] + square, base[i] + constant
    for kind in range(4):
        if free[kind]:
            one, constant = math.exp(-at[SPREAD + 2 + kind]), -at[SPREAD + 2 + kind]
            start = at[MEAN + 2 + kind] * one
            for i in range(count):
                off = rows[2 + kind, i] * one - start
                out[i] += constant - 0.5 * off * off
    if hazard > 0.0:
        spread = data.break_spread * math.exp(at[FALL])
        constant = math.log(hazard / spread) - LOG_ROOT_2PI
        for i in range(count):
            off = rows[ROW_FALL, i] / spread + 1.0 / data.break_spread
            out[i] += rows[ROW_BROKEN, i] * (constant - 0.5 * off * off) - hazard * rows[ROW_RISK, i]
    for k in range(LAW_COUNT):
        if allowed[k]:
            one, constant = math.exp(-at[SHAPE_SPREAD + k]), log_share[k] - at[SHAPE_SPREAD + k]
            start = at[SHAPE_MEAN + k] * one
            for i in range(ends[k], ends[k + 1]):
                off = rows[ROW_SHAPE, i] * one - start
                out[i] += constant
                whole[i] += off * off
    power = 0.5 * (expected[4] + EFFECTS)
    constant = power * math.log(expected[5])
    for i in range(count):
        out[i] += constant
        room[1, i] = whole[i]
    subtract_logs(power, room[1], out)
    largest = out[0]
    for i in range(count):
        largest = out[i] if out[i] > largest else largest
    return largest


@compiled
def subtract_logs(power: Any, values: Any, out: Any) -> None:
    """Subtract power * log(values) from `out`, to 2e-10 of the power: a loop without calls is quick.

    Values are positive, and overwritten.
    """
    bits, doublings = values.view(np.int64), power * math.log(2.0)
    for i in range(values.shape[0]):
        # Powers of two are taken out: what is left is between two thirds and four thirds.
        exponent = (bits[i] - _TWO_THIRDS) >> 52
        bits[i] -= exponent << 52
        out[i] -= doublings * exponent
    for i in range(values.shape[0]):
        t = (values[i] - 1.0) / (values[i] + 1.0)
        s = t * t
        series = 2.0 + s * (2.0 / 3 + s * (2.0 / 5 + s * (2.0 / 7 + s * (2.0 / 9 + s * (2.0 / 11)))))
        out[i] -= power * t * series


@compiled
def to_weights(logs: Any, largest: Any, weight: Any) -> None:
    """Write exp(logs - largest), to 1e-9 where it counts: a loop without calls is quick."""
    for i in range(logs.shape[0]):
        t = logs[i] - largest
        counts = t > _NEGLIGIBLE
        t = (t if counts else 0.0) / 64.0
        e = 1.0 + t * (1.0 + t / 2.0 * (1.0 + t / 3.0 * (1.0 + t / 4.0 * (1.0 + t / 5.0 * (1.0 + t / 6.0)))))
        e *= e
        e *= e
        e *= e
        e *= e
        e *= e
        e *= e
        weight[i] = e if counts else 0.0


@compiled
def product_sum(left: Any, right: Any) -> float:
    """Return the sum of products of two rows, in four parts that a processor takes at once."""
    one, two, three, four = 0.0, 0.0, 0.0, 0.0
    count = left.shape[0] // 4 * 4
    for i in range(0, count, 4):
        one += left[i] * right[i]
        two += left[i + 1] * right[i + 1]
        three += left[i + 2] * right[i + 2]
        four += left[i + 3] * right[i + 3]
    for i in range(count, left.shape[0]):
        one += left[i] * right[i]
    return one + two + three + four


@compiled
def moments(weight: Any, row: Any, ones: Any, room: Any) -> tuple[float, float]:
    """Return the sums of a row and of its square, with weights; their products are left in `room`."""
    for i in range(weight.shape[0]):
        room[i] = weight[i] * row[i]
    return product_sum(room, ones), product_sum(room, row)


@compiled
def add_slopes(at: Any, free: Any, share: Any, expected: Any, inverse: Any, hazard: Any, alignment: Any,
               data: Any, rows: Any, ends: Any, room: Any, sums: Any, out: Any, largest: Any,
               slope: Any) -> float:  # fmt: skip
    """Add the slopes of a curve's log density; return that density.

    `sums`, shape (SUMS,), is to work in; the other arguments are as in `log_weights`.
    """
    whole, weight, pull, spare = room[0], room[1], room[2], room[3]
    to_weights(out, largest, weight)
    ones = rows[ROW_ONE]
    total = product_sum(weight, ones)
    # A Student-t density pulls as a normal one whose precision falls with the distance.
    for i in range(weight.shape[0]):
        pull[i] = weight[i] * (expected[4] + EFFECTS) / whole[i]
    sums[1], sums[4] = moments(pull, rows[1], ones, spare)
    sums[3] = product_sum(spare, rows[0])
    sums[0], sums[2] = moments(pull, rows[0], ones, spare)
    sums[17] = product_sum(pull, ones)
    for kind in range(4):
        if free[kind]:
            sums[5 + kind], sums[9 + kind] = moments(weight, rows[2 + kind], ones, spare)
    if hazard > 0.0:
        sums[13], sums[14] = product_sum(weight, rows[ROW_BROKEN]), product_sum(weight, rows[ROW_RISK])
        sums[15], sums[16] = moments(weight, rows[ROW_FALL], ones, spare)
    for i in range(SUMS):
        sums[i] /= total
    add_effect_slopes(at, expected, inverse, sums, slope)
    for kind in range(4):
        if free[kind]:
            middle, width = at[MEAN + 2 + kind], math.exp(-2.0 * at[SPREAD + 2 + kind])
            slope[MEAN + 2 + kind] += (sums[5 + kind] - middle) * width
            square = sums[9 + kind] - 2.0 * middle * sums[5 + kind] + middle * middle
            slope[SPREAD + 2 + kind] += square * width - 1.0
    for k in range(LAW_COUNT):
        if share[k] > 0.0:
            part = slice(ends[k], ends[k + 1])
            own = product_sum(weight[part], ones[part]) / total
            pulled = product_sum(pull[part], ones[part]) / total
            first, second = moments(pull[part], rows[ROW_SHAPE, part], ones[part], spare[part])
            first, second = first / total, second / total
            middle, width = at[SHAPE_MEAN + k], math.exp(-2.0 * at[SHAPE_SPREAD + k])
            slope[SHAPE_MEAN + k] += (first - middle * pulled) * width
            slope[SHAPE_SPREAD + k] += (second - 2.0 * middle * first + middle**2 * pulled) * width - own
            slope[SHARE_OF_LAW + k] += own - share[k]
    if hazard > 0.0:
        now = sums[13] - hazard * sums[14]
        slope[HAZARD] += now
        slope[ALIGNMENT] += now * alignment
        spread = data.break_spread * math.exp(at[FALL])
        # d/d log fall of -log spread - (fall / spread + 1 / break_spread)^2 / 2
        slope[FALL] += sums[16] / spread**2 + sums[15] / (spread * data.break_spread) - sums[13]
    return largest + math.log(total)


@compiled
def add_effect_slopes(at: Any, expected: Any, inverse: Any, sums: Any, slope: Any) -> None:
    """Add the slopes by means and log spreads of level and gain."""
    one, two = math.exp(-at[SPREAD]), math.exp(-at[SPREAD + 1])
    middle, other = at[MEAN] + expected[0], at[MEAN + 1] + expected[1]
    # Moments of z, which is in sds from the mean, and of its precision times (z - t).
    size = sums[17]
    first, second = (sums[0] - middle * size) * one, (sums[1] - other * size) * two
    square = (sums[2] - 2.0 * middle * sums[0] + middle * middle * size) * one * one
    both = (sums[3] - middle * sums[1] - other * sums[0] + middle * other * size) * one * two
    last = (sums[4] - 2.0 * other * sums[1] + other * other * size) * two * two
    off, apart = first - expected[2] * size, second - expected[3] * size
    slope[MEAN] += (inverse[0] * off + inverse[1] * apart) * one
    slope[MEAN + 1] += (inverse[1] * off + inverse[2] * apart) * two
    slope[SPREAD] += (
        inverse[0] * (square - first * expected[2]) + inverse[1] * (both - first * expected[3]) - 1.0
    )
    slope[SPREAD + 1] += (
        inverse[1] * (both - second * expected[2]) + inverse[2] * (last - second * expected[3]) - 1.0
    )
