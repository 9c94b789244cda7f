"""The population of one metric along a trajectory, with the particles of its curves summed over, compiled.

A curve's state and its particles, without knowledge of which of them is the state, have a density that is a
sum of ratios of prior densities. Its logarithm and slopes cost no likelihood. So means, spreads, shares and
hazards move together, and are held by whole clouds instead of single states.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.particles.compiled import allocating, compiled
from bayesscale.particles.frame import add_product, learn_frame
from bayesscale.particles.local import log_prior
from bayesscale.particles.places import (
    ALIGNMENT,
    HAZARD,
    LAW_COUNT,
    MEAN,
    MIXED,
    MODE,
    NOISE,
    SHAPE,
    SHARE_OF_LAW,
    SLOPE,
    TAU,
)
from bayesscale.particles.steps import arrive, learn
from bayesscale.particles.sums import (
    ROW_BROKEN,
    ROW_FALL,
    ROW_ONE,
    ROW_RISK,
    ROW_SHAPE,
    ROWS,
    SUMS,
    add_slopes,
    log_weights,
)
from bayesscale.particles.vector import add_cells, draw_total, log_normal, read_population, write_population

# Trajectories are so long on average, in sds, and have at most so many steps.
_LENGTH, _MOST = 1.5, 12
# In warm-up every trajectory looks at the curvature with this chance: at slopes so many prior sds away.
_LOOKS, _NEAR = 0.06, 1e-4
# Once sizes of steps adapt no faster than this, axes stay as they are, so that the sizes can follow them.
_SETTLED = 0.1


@compiled
def gather(m: Any, data: Any, pool: Any, local: Any, proposal: Any, rows: Any, order: Any, ends: Any,
           base: Any) -> None:  # fmt: skip
    """Write what is summed over, for every curve that has values of a metric, one law behind the other.

    Parameters
    ----------
    m, data, pool, local, proposal
        See `bayesscale.particles`.
    rows : array, shape (C, ROWS, summed)
        Written: what the population's density is made of.
    order : array of int, shape (C, summed)
        Written: numbers of the particles as they lie here; the state has the number behind the last.
    ends : array of int, shape (C, LAW_COUNT + 1)
        Written: where each law begins and ends.
    base : array, shape (C, summed)
        Written: what the density has besides, minus the log density under the proposal.
    """
    particles, start = pool.law.shape[2], np.random.randint(pool.law.shape[2])
    for c in range(data.count.shape[0]):
        if data.count[c, m] == 0:
            continue
        own = rows[c]
        sort_by_law(pool.law[c, m], local.law[c, m], start, order[c], ends[c])
        for i in range(order.shape[1]):
            p = order[c, i]
            if p < particles:
                x, broken, base[c, i] = pool.x[c, m, p], pool.broken[c, m, p], -pool.prior[c, m, p]
            else:
                x, broken = local.x[c, m], local.broken[c, m]
                base[c, i] = -log_prior(local.law[c, m], broken, x, proposal, data, c, m)
            base[c, i] -= 0.5 * (x[MODE] * x[MODE] + x[MODE + 1] * x[MODE + 1])
            own[0, i], own[1, i], own[ROW_ONE, i], own[ROW_SHAPE, i] = x[0], x[1], 1.0, x[SHAPE]
            for kind in range(4):
                own[2 + kind, i] = x[NOISE + kind]
            own[ROW_BROKEN, i] = broken
            own[ROW_FALL, i] = x[SLOPE] if broken else 0.0
            own[ROW_RISK, i] = (x[TAU] if broken else data.last[c, m]) - data.first[c, m]


@compiled
def sort_by_law(law: Any, last: Any, start: Any, order: Any, ends: Any) -> None:
    """Write the numbers of some particles, one law behind the other, and where each law begins and ends.

    They are taken from number `start` on; behind the last comes the first. `law` are those of the particles,
    `last` that of the state.
    """
    particles, place = law.shape[0], 0
    for k in range(LAW_COUNT):
        ends[k] = place
        for i in range(order.shape[0] - 1):
            if law[(start + i) % particles] == k:
                order[place] = (start + i) % particles
                place += 1
        if last == k:
            order[place] = particles
            place += 1
    ends[LAW_COUNT] = place


@compiled
def log_mixture(m: Any, at: Any, mean: Any, sd: Any, expected: Any, inverse: Any, data: Any, local: Any,
                rows: Any, ends: Any, base: Any, room: Any, sums: Any, odds: Any,
                slope: Any) -> float:  # fmt: skip
    """Write the log weights of all particles of a metric, and the slopes of the log density; return it.

    `at`, `mean` and `sd` are as in `read_population`, `expected` and `inverse` as in `expect`, `rows`, `ends`
    and `base` from `gather`, `room` and `sums` as in `add_slopes`. In `odds`, shape (C, summed), the largest
    log weight of a curve is 0.
    """
    total = log_normal(at, mean, sd, slope)
    share, log_share = sums[1], sums[2]
    read_shares(m, at, data, share, log_share)
    for c in range(data.count.shape[0]):
        if data.count[c, m] == 0:
            continue
        hazard = 0.0
        if data.may_break[m]:
            hazard = math.exp(at[HAZARD] + at[ALIGNMENT] * data.alignment[c]) * data.span
        for e in range(2):
            expected[c, e] = 0.0
            for q in range(1, data.group.shape[0]):
                expected[c, e] += data.design[c, q] * at[MIXED + 2 * (q - 1) + e]
        by_level, by_gain = slope[MEAN], slope[MEAN + 1]
        largest = log_weights(
            at, data.pooled_free, data.allowed[m], log_share, expected[c], inverse[c], hazard, data, rows[c],
            ends[c], base[c], room, odds[c],
        )  # fmt: skip
        if not math.isfinite(largest):
            return -np.inf
        total += add_slopes(
            at, data.pooled_free, share, expected[c], inverse[c], hazard, data.alignment[c], data, rows[c],
            ends[c], room, sums[0], odds[c], largest, slope,
        )  # fmt: skip
        for i in range(odds.shape[1]):
            odds[c, i] -= largest
        by_level, by_gain = slope[MEAN] - by_level, slope[MEAN + 1] - by_gain
        for q in range(1, data.group.shape[0]):
            slope[MIXED + 2 * (q - 1)] += data.design[c, q] * by_level
            slope[MIXED + 2 * (q - 1) + 1] += data.design[c, q] * by_gain
    total += add_cells(m, at, data, local, slope)
    return total if math.isfinite(total) else -np.inf


@compiled
def read_shares(m: Any, at: Any, data: Any, share: Any, log_share: Any) -> None:
    """Write the shares of a metric's laws and their logarithms; 0 and -inf where it may not follow one."""
    most, total = -np.inf, 0.0
    for k in range(LAW_COUNT):
        if data.allowed[m, k]:
            most = max(most, at[SHARE_OF_LAW + k])
    for k in range(LAW_COUNT):
        share[k] = math.exp(at[SHARE_OF_LAW + k] - most) if data.allowed[m, k] else 0.0
        total += share[k]
    for k in range(LAW_COUNT):
        share[k] /= total
        log_share[k] = math.log(share[k]) if data.allowed[m, k] else -np.inf


@allocating
def mix(m: Any, population: Any, expected: Any, inverse: Any, data: Any, pool: Any, local: Any,
        proposal: Any, steps: Any, order: Any, odds: Any) -> None:  # fmt: skip
    """Move the population of a metric along a trajectory, with the particles of each curve summed over.

    Some of a cloud's particles are summed over, others in every sweep: their luck is not remembered.
    `expected` and `inverse` are as in `expect`; level and gain besides their means are written. So are
    `order`, see `gather`, and `odds`, the log odds of each particle to be the state under the new population.
    """
    curves, count = odds.shape
    rows, base = np.empty((curves, ROWS, count)), np.empty((curves, count))
    ends = np.zeros((curves, LAW_COUNT + 1), np.int64)
    room, sums = np.empty((4, count)), np.empty((3, SUMS))
    gather(m, data, pool, local, proposal, rows, order, ends, base)
    aligned = np.abs(data.alignment).max() > 0.0
    size = MIXED + 2 * (data.group.shape[0] - 1)
    at, mean, sd, slope = np.empty(size), np.zeros(size), np.empty(size), np.empty(size)
    read_population(m, population, data, aligned, at, mean, sd)
    draw_total(m, population, data, at)
    now = log_mixture(
        m, at, mean, sd, expected, inverse, data, local, rows, ends, base, room, sums, odds, slope
    )
    begun, momentum, kinetic = at.copy(), np.zeros(size), 0.0
    for j in range(size):
        if sd[j] > 0.0:
            momentum[j] = np.random.standard_normal()
            kinetic += 0.5 * momentum[j] ** 2
    frame, step, then = steps.frame[m], math.exp(steps.mixed[m]), now
    for _ in range(1 + np.random.randint(min(_MOST, 1 + int(2.0 * _LENGTH / step)))):
        add_product(frame.T, 0.5 * step, slope, momentum)
        add_product(frame, step, momentum, at)
        then = log_mixture(
            m, at, mean, sd, expected, inverse, data, local, rows, ends, base, room, sums, odds, slope
        )
        if not math.isfinite(then):
            break
        add_product(frame.T, 0.5 * step, slope, momentum)
    change = then - now + kinetic - 0.5 * (momentum**2).sum()
    taken = arrive(change, steps.mixed, m, steps.rate[0]) and math.isfinite(change)
    if taken:
        write_population(m, at, sd, population, data)
    else:
        at[:] = begun
    if steps.rate[0] > _SETTLED:
        for j in range(size):
            learn(at[j], 0.0, steps.width[m, j])
        if np.random.random() < _LOOKS or not steps.curvature[m].any():
            look(m, at, mean, sd, expected, inverse, data, local, rows, ends, base, room, sums, odds, slope,
                 steps)  # fmt: skip
            taken = False
    if not taken:
        log_mixture(
            m, at, mean, sd, expected, inverse, data, local, rows, ends, base, room, sums, odds, slope
        )


@allocating
def look(m: Any, at: Any, mean: Any, sd: Any, expected: Any, inverse: Any, data: Any, local: Any,
         rows: Any, ends: Any, base: Any, room: Any, sums: Any, odds: Any, slope: Any,
         steps: Any) -> None:  # fmt: skip
    """Learn from the curvature where a metric's population is; arguments as in `log_mixture`."""
    curvature = np.zeros((at.shape[0], at.shape[0]))
    for j in np.flatnonzero(sd > 0.0):
        here, near = at[j], _NEAR * sd[j]
        for side in (1.0, -1.0):
            at[j] = here + side * near
            log_mixture(
                m, at, mean, sd, expected, inverse, data, local, rows, ends, base, room, sums, odds, slope
            )
            curvature[j] -= 0.5 * side / near * slope
        at[j] = here
    learn_frame(curvature, sd, steps.width[m, :, 0], steps.curvature[m], steps.frame[m])
