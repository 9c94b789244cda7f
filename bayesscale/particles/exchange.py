"""Curves change places with their particles, compiled.

State and particles of a curve together have the density p(state | population) * product of p(particle |
proposal). Both share the likelihood, so which of them is the state has odds p(. | population) / p(. |
proposal): a draw of it is as exact as it is cheap.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bayesscale.particles.compiled import allocating, compiled
from bayesscale.particles.local import log_prior, log_rest
from bayesscale.particles.places import GAIN, LEVEL, LOCAL, SHAPE
from bayesscale.particles.sums import subtract_logs, to_weights


@compiled
def exchange(c: Any, m: Any, order: Any, odds: Any, proposal: Any, data: Any, pool: Any, local: Any) -> None:
    """Let a curve and one of its particles change places.

    `order` has the numbers of the particles, that of the state being the one behind the last; `odds` the log
    odds of each.
    """
    to_weights(odds, odds.max(), odds)
    r, chosen = odds.sum() * np.random.random(), pool.law.shape[2]
    for i in range(odds.shape[0]):
        r -= odds[i]
        if r < 0.0:
            chosen = order[i]
            break
    if chosen < pool.law.shape[2]:
        change_places(c, m, chosen, proposal, data, pool, local)


@compiled
def change_places(c: Any, m: Any, chosen: Any, proposal: Any, data: Any, pool: Any, local: Any) -> None:
    """Let a curve and the particle of a number change places; arguments as in `exchange`."""
    law, broken, likelihood = local.law[c, m], local.broken[c, m], local.likelihood[c, m]
    under = log_prior(law, broken, local.x[c, m], proposal, data, c, m)
    for place in range(LOCAL):
        x = local.x[c, m, place]
        local.x[c, m, place] = pool.x[c, m, chosen, place]
        pool.x[c, m, chosen, place] = x
    local.law[c, m], local.broken[c, m] = pool.law[c, m, chosen], pool.broken[c, m, chosen]
    local.likelihood[c, m] = pool.likelihood[c, m, chosen]
    pool.law[c, m, chosen], pool.broken[c, m, chosen] = law, broken
    pool.prior[c, m, chosen], pool.likelihood[c, m, chosen] = under, likelihood


@compiled
def gather_some(c: Any, m: Any, start: Any, rest: Any, population: Any, prior: Any, proposal: Any, data: Any,
                pool: Any, local: Any, own: Any, odds: Any) -> None:  # fmt: skip
    """Write what some particles of a curve and metric are, the state behind them.

    They are those from number `start` on; behind the last comes the first. `rest`, shape (E,), are residuals
    of the curve. Written are `own`, shape (3, particles + 1), residuals of level and gain, and the square of
    the place of the shape; and `odds`, the log odds of being the state but for these three.
    """
    count = odds.shape[0] - 1
    for i in range(count + 1):
        if i < count:
            p = (start + i) % pool.law.shape[2]
            x, law, broken = pool.x[c, m, p], pool.law[c, m, p], pool.broken[c, m, p]
            odds[i] = -pool.prior[c, m, p]
        else:
            x, law, broken = local.x[c, m], local.law[c, m], local.broken[c, m]
            odds[i] = -log_prior(law, broken, x, proposal, data, c, m)
        odds[i] += log_rest(law, broken, x, prior, data, c, m)
        own[0, i] = x[LEVEL] - local.x[c, m, LEVEL] + rest[2 * m]
        own[1, i] = x[GAIN] - local.x[c, m, GAIN] + rest[2 * m + 1]
        own[2, i] = ((x[SHAPE] - population.shape_mean[m, law]) / population.shape_sd[m, law]) ** 2


@allocating
def exchange_two(
    c: Any, one: Any, two: Any, rest: Any, square: Any, precision: Any, population: Any, prior: Any,
    proposal: Any, data: Any, pool: Any, local: Any, room: Any,
) -> None:  # fmt: skip
    """Let a curve change places with a particle of one metric and one of another, both at once.

    Metrics of a curve hang together: where two explanations fit, both metrics have to change theirs. `rest`,
    shape (E,), are the curve's residuals, `square` its row of `squares`, `precision`, shape (E, E), that of
    what was measured of it. `room`, shape (2, 4, particles + 1), is for as many as are tried of each metric.
    """
    count, starts = room.shape[2], np.empty(2, np.int64)
    for k in range(2):
        m, starts[k] = two if k else one, np.random.randint(pool.law.shape[2])
        gather_some(
            c, m, starts[k], rest, population, prior, proposal, data, pool, local, room[k, :3], room[k, 3]
        )
    # Of the quadratic form: what does not change, and what is linear in the residuals of either metric.
    first, second = 2 * one, 2 * two
    pull = np.zeros(4)
    for e in range(rest.shape[0]):
        if e // 2 != one and e // 2 != two:
            for k in range(4):
                pull[k] += precision[(first if k < 2 else second) + k % 2, e] * rest[e]
    here, there = room[0], room[1]
    by_one, by_two = alone(first, precision, pull[:2], here), alone(second, precision, pull[2:], there)
    across = np.empty((2, count))
    for k in range(2):
        across[k] = precision[first + k, second] * there[0] + precision[first + k, second + 1] * there[1]
    across *= 2.0
    last = count - 1
    fixed = data.curve_degrees + square[0] - by_one[last] - by_two[last]
    fixed -= here[0, last] * across[0, last] + here[1, last] * across[1, last]
    power = 0.5 * (data.curve_degrees + square[1])
    odds, squares, largest = np.empty((count, count)), np.empty(count), -np.inf
    for i in range(count):
        row, level, gain, start = odds[i], here[0, i], here[1, i], fixed + by_one[i]
        for j in range(count):
            row[j] = start + by_two[j] + level * across[0, j] + gain * across[1, j]
        squares[:] = row
        row[:] = there[3] + here[3, i]
        subtract_logs(power, squares, row)
        largest = max(largest, row.max())
    total = 0.0
    for i in range(count):
        to_weights(odds[i], largest, odds[i])
        total += odds[i].sum()
    r = total * np.random.random()
    for i in range(count):
        for j in range(count):
            r -= odds[i, j]
            if r < 0.0:
                if i < last:
                    change_places(c, one, (starts[0] + i) % pool.law.shape[2], proposal, data, pool, local)
                if j < last:
                    change_places(c, two, (starts[1] + j) % pool.law.shape[2], proposal, data, pool, local)
                return


@allocating
def alone(first: Any, precision: Any, pull: Any, own: Any) -> Any:
    """Return what the particles of one metric add to a curve's squared distance, without the other metric.

    `first` is the place of the metric's level in `precision`, `pull` what is linear in its residuals, `own`
    from `gather_some`.
    """
    level, gain = own[0], own[1]
    total = own[2] + 2.0 * (pull[0] * level + pull[1] * gain)
    total += precision[first, first] * level**2 + precision[first + 1, first + 1] * gain**2
    return total + 2.0 * precision[first, first + 1] * level * gain
