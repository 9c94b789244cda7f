"""The population of one metric along a trajectory, with the particles of its curves summed over, compiled.

A curve's state and its particles, without knowledge of which of them is the state, have a density that is a
sum of ratios of prior densities. Its logarithm and slopes cost no likelihood. So means, spreads, shares and
hazards move together, and are held by whole clouds instead of single states.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.particles.compiled import compiled, vectorised
from bayesscale.particles.local import LOG_ROOT_2PI, log_prior
from bayesscale.particles.places import (
    ALIGNMENT,
    FALL,
    HAZARD,
    LAW_COUNT,
    MEAN,
    MIXED,
    MODE,
    NOISE,
    SHAPE,
    SHAPE_MEAN,
    SHAPE_SPREAD,
    SHARE_OF_LAW,
    SLOPE,
    SPREAD,
    TAU,
)
from bayesscale.particles.steps import arrive, learn

# Rows of what is summed over: level, gain, the four of `POOLED`, shape, time at risk, broken, fall.
_SHAPE, _RISK, _BROKEN, _FALL = 6, 7, 8, 9
_ROWS = 10
# Trajectories are so long on average, in sds, and have at most so many steps.
_LENGTH, _MOST = 1.5, 12
# Particles with less than e to this of the largest weight count as if they had that.
_NEGLIGIBLE = -40.0
_NARROWEST = 0.03


@compiled
def read_population(m: Any, population: Any, data: Any, aligned: Any, at: Any, mean: Any, sd: Any) -> None:
    """Write where the population of a metric is, and its normal prior; sd 0 where nothing is to be moved.

    Parameters
    ----------
    m, population, data : int, Population, Assembly
        The metric, and the chain.
    aligned : bool
        Whether alignment varies.
    at, mean, sd : array, shape (MIXED + 2 (Q - 1),)
        Written: the parameters, and mean and sd of their priors; behind `MIXED` the other coefficients of level
        and gain.
    """
    sd[:] = 0.0
    for q in range(1, data.group.shape[0]):
        for e in range(2):
            place, own = MIXED + 2 * (q - 1) + e, 2 * m + e
            at[place] = population.coef[q, own]
            if data.group[q] < 0:
                mean[place], sd[place] = data.coef_mean[q, own], data.coef_sd[q, own]
            else:
                mean[place], sd[place] = 0.0, population.group_sd[data.group[q], own]
    for e in range(2):
        own = 2 * m + e
        at[MEAN + e], mean[MEAN + e], sd[MEAN + e] = (
            population.coef[0, own],
            data.coef_mean[0, own],
            data.coef_sd[0, own],
        )
        at[SPREAD + e] = math.log(population.sd[own])
        mean[SPREAD + e], sd[SPREAD + e] = data.sd_prior[own, 0], data.sd_prior[own, 1]
    for kind in range(4):
        prior = data.pooled[kind, m]
        at[MEAN + 2 + kind], mean[MEAN + 2 + kind] = population.pooled_mean[kind, m], prior[0]
        at[SPREAD + 2 + kind], mean[SPREAD + 2 + kind] = math.log(population.pooled_sd[kind, m]), prior[2]
        if data.pooled_free[kind]:
            sd[MEAN + 2 + kind], sd[SPREAD + 2 + kind] = prior[1], prior[3]
    several = data.allowed[m].sum() > 1
    for k in range(LAW_COUNT):
        prior = data.shapes[m, k]
        at[SHAPE_MEAN + k], mean[SHAPE_MEAN + k] = population.shape_mean[m, k], prior[0]
        at[SHAPE_SPREAD + k], mean[SHAPE_SPREAD + k] = math.log(population.shape_sd[m, k]), prior[2]
        at[SHARE_OF_LAW + k] = 0.0
        if data.allowed[m, k]:
            sd[SHAPE_MEAN + k], sd[SHAPE_SPREAD + k] = prior[1], prior[3]
            sd[SHARE_OF_LAW + k] = 1.0 if several else 0.0
    at[HAZARD], mean[HAZARD] = population.log_hazard[m], data.hazard[0]
    at[ALIGNMENT], mean[ALIGNMENT] = population.hazard_alignment[m], data.hazard_alignment[0]
    at[FALL], mean[FALL] = math.log(population.fall[m]), data.break_scale[0]
    if data.may_break[m]:
        sd[HAZARD], sd[FALL] = data.hazard[1], data.break_scale[1]
        sd[ALIGNMENT] = data.hazard_alignment[1] if aligned else 0.0


@compiled
def draw_total(m: Any, population: Any, data: Any, at: Any) -> None:
    """Write gamma variables that have the shares of laws; their sum is independent of these, and drawn."""
    total = np.random.gamma(float(data.allowed[m].sum()), 1.0)
    for k in range(LAW_COUNT):
        if data.allowed[m, k]:
            at[SHARE_OF_LAW + k] = math.log(population.share[m, k] * total)


@compiled
def write_population(m: Any, at: Any, sd: Any, population: Any, data: Any) -> None:
    """Put the population of a metric where a trajectory has ended."""
    for q in range(1, data.group.shape[0]):
        for e in range(2):
            population.coef[q, 2 * m + e] = at[MIXED + 2 * (q - 1) + e]
    for e in range(2):
        population.coef[0, 2 * m + e] = at[MEAN + e]
        population.sd[2 * m + e] = math.exp(at[SPREAD + e])
    for kind in range(4):
        if sd[MEAN + 2 + kind] > 0.0:
            population.pooled_mean[kind, m] = at[MEAN + 2 + kind]
            population.pooled_sd[kind, m] = math.exp(at[SPREAD + 2 + kind])
    total = 0.0
    for k in range(LAW_COUNT):
        if sd[SHAPE_MEAN + k] > 0.0:
            population.shape_mean[m, k] = at[SHAPE_MEAN + k]
            population.shape_sd[m, k] = math.exp(at[SHAPE_SPREAD + k])
            total += math.exp(at[SHARE_OF_LAW + k])
    for k in range(LAW_COUNT):
        if sd[SHARE_OF_LAW + k] > 0.0:
            population.share[m, k] = max(math.exp(at[SHARE_OF_LAW + k]) / total, 1e-12)
    if data.may_break[m]:
        population.log_hazard[m], population.fall[m] = at[HAZARD], math.exp(at[FALL])
        population.hazard_alignment[m] = at[ALIGNMENT]


@compiled
def log_normal(at: Any, mean: Any, sd: Any, slope: Any) -> float:
    """Write the slopes of the log prior of the parameters; return it."""
    total = 0.0
    for j in range(at.shape[0]):
        slope[j] = 0.0
        if sd[j] > 0.0:
            if SHARE_OF_LAW <= j < SHARE_OF_LAW + LAW_COUNT:
                size = math.exp(at[j])
                total += at[j] - size
                slope[j] = 1.0 - size
            else:
                off = (at[j] - mean[j]) / sd[j]
                total -= 0.5 * off * off
                slope[j] = -off / sd[j]
    return total


@compiled
def gather(
    m: Any, data: Any, pool: Any, local: Any, proposal: Any, start: Any, rows: Any, law: Any, base: Any
) -> None:
    """Write what is summed over, for every curve that has values of a metric; the state is the last.

    Parameters
    ----------
    m, data, pool, local, proposal : int, Assembly, Pool, Local, LocalPrior
        The metric, the clouds and the curves.
    start : array of int, shape (C,)
        The first of the particles that are summed over; behind the last comes the first.
    rows : array, shape (C, _ROWS, particles + 1)
        Written: what the population's density is made of.
    law : array of int, shape (C, particles + 1)
        Written: laws.
    base : array, shape (C, particles + 1)
        Written: what the density has besides, minus the log density under the proposal.
    """
    particles, room = base.shape[1] - 1, pool.law.shape[2]
    for c in range(data.count.shape[0]):
        if data.count[c, m] == 0:
            continue
        own = rows[c]
        for i in range(particles + 1):
            if i < particles:
                p = start[c] + i
                p -= room if p >= room else 0
                x, broken, law[c, i] = pool.x[c, m, p], pool.broken[c, m, p], pool.law[c, m, p]
                base[c, i] = -pool.prior[c, m, p]
            else:
                x, broken, law[c, i] = local.x[c, m], local.broken[c, m], local.law[c, m]
                base[c, i] = -log_prior(local.law[c, m], broken, x, proposal, data, c, m)
            base[c, i] -= 0.5 * (x[MODE] * x[MODE] + x[MODE + 1] * x[MODE + 1])
            own[0, i], own[1, i], own[_SHAPE, i] = x[0], x[1], x[SHAPE]
            for kind in range(4):
                own[2 + kind, i] = x[NOISE + kind]
            own[_BROKEN, i] = broken
            own[_FALL, i] = x[SLOPE] if broken else 0.0
            own[_RISK, i] = (x[TAU] if broken else data.last[c, m]) - data.first[c, m]


@vectorised
def log_weights(c: Any, at: Any, free: Any, allowed: Any, log_share: Any, expected: Any, inverse: Any, hazard: Any,
                data: Any, rows: Any, law: Any, base: Any, out: Any) -> float:  # fmt: skip
    """Write the log weights of a curve's particles under a population; return the largest.

    Parameters
    ----------
    c, at : int, array
        Curve, and parameters of the population.
    free : array of bool, shape (4,)
        Which of `POOLED` are estimated.
    allowed, log_share : array, shape (LAW_COUNT,)
        Which laws the metric may follow, and their log shares.
    expected : array, shape (4,)
        What is expected of level and gain besides their means; what other metrics add to that, in sds.
    inverse : array, shape (3,)
        Precision of level and gain in sds, given other metrics.
    hazard : float
        Breaks per unit of u; 0 where there are none.
    data, rows, law, base : Assembly, array, array, array
        From `gather`, of this curve.
    out : array, shape (particles + 1,)
        Written.
    """
    count = out.shape[0]
    one, two = math.exp(-at[SPREAD]), math.exp(-at[SPREAD + 1])
    constant = -at[SPREAD] - at[SPREAD + 1]
    start, other = (
        (at[MEAN] + expected[0]) * one + expected[2],
        (at[MEAN + 1] + expected[1]) * two + expected[3],
    )
    for i in range(count):
        first, second = rows[0, i] * one - start, rows[1, i] * two - other
        square = inverse[0] * first * first + 2.0 * inverse[1] * first * second + inverse[2] * second * second
        out[i] = base[i] + constant - 0.5 * square
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
            off = rows[_FALL, i] / spread + 1.0 / data.break_spread
            out[i] += rows[_BROKEN, i] * (constant - 0.5 * off * off) - hazard * rows[_RISK, i]
    for k in range(LAW_COUNT):
        if allowed[k]:
            one, constant = math.exp(-at[SHAPE_SPREAD + k]), log_share[k] - at[SHAPE_SPREAD + k]
            start = at[SHAPE_MEAN + k] * one
            for i in range(count):
                off = rows[_SHAPE, i] * one - start
                out[i] += constant - 0.5 * off * off if law[i] == k else 0.0
    largest = out[0]
    for i in range(count):
        largest = out[i] if out[i] > largest else largest
    return largest


@vectorised
def to_weights(out: Any, largest: Any, weight: Any) -> float:
    """Write exp(out - largest); return the sum. To 1e-9 where it counts: loops without calls are vectorised."""
    total = 0.0
    for i in range(out.shape[0]):
        t = out[i] - largest
        t = (t if t > _NEGLIGIBLE else _NEGLIGIBLE) / 64.0
        e = 1.0 + t * (1.0 + t / 2.0 * (1.0 + t / 3.0 * (1.0 + t / 4.0 * (1.0 + t / 5.0 * (1.0 + t / 6.0)))))
        e *= e
        e *= e
        e *= e
        e *= e
        e *= e
        e *= e
        weight[i] = e
        total += e
    return total


@vectorised
def moments(weight: Any, row: Any) -> tuple[float, float]:
    """Return the sums of a row and of its square, with weights."""
    first, second = 0.0, 0.0
    for i in range(weight.shape[0]):
        own = weight[i] * row[i]
        first += own
        second += own * row[i]
    return first, second


@vectorised
def law_moments(weight: Any, row: Any, law: Any, k: Any) -> tuple[float, float, float]:
    """Return the sums of weights, of a row and of its square, of the particles of a law."""
    total, first, second = 0.0, 0.0, 0.0
    for i in range(weight.shape[0]):
        own = weight[i] if law[i] == k else 0.0
        total += own
        first += own * row[i]
        second += own * row[i] * row[i]
    return total, first, second


@vectorised
def cross(weight: Any, one: Any, two: Any) -> float:
    """Return the sum of products of two rows, with weights."""
    total = 0.0
    for i in range(weight.shape[0]):
        total += weight[i] * one[i] * two[i]
    return total


@compiled
def add_slopes(at: Any, free: Any, share: Any, expected: Any, inverse: Any, hazard: Any, alignment: Any,
               data: Any, rows: Any, law: Any, out: Any, largest: Any, weight: Any, slope: Any) -> float:  # fmt: skip
    """Add the slopes of a curve's log density; return that density. Arguments as in `log_weights`."""
    total = to_weights(out, largest, weight)
    sums = np.empty(17)
    sums[0], sums[2] = moments(weight, rows[0])
    sums[1], sums[4] = moments(weight, rows[1])
    sums[3] = cross(weight, rows[0], rows[1])
    for kind in range(4):
        if free[kind]:
            sums[5 + kind], sums[9 + kind] = moments(weight, rows[2 + kind])
    if hazard > 0.0:
        sums[13], _ = moments(weight, rows[_BROKEN])
        sums[14], _ = moments(weight, rows[_RISK])
        sums[15], sums[16] = moments(weight, rows[_FALL])
    sums /= total
    add_effect_slopes(at, expected, inverse, sums, slope)
    for kind in range(4):
        if free[kind]:
            middle, width = at[MEAN + 2 + kind], math.exp(-2.0 * at[SPREAD + 2 + kind])
            slope[MEAN + 2 + kind] += (sums[5 + kind] - middle) * width
            square = sums[9 + kind] - 2.0 * middle * sums[5 + kind] + middle * middle
            slope[SPREAD + 2 + kind] += square * width - 1.0
    for k in range(LAW_COUNT):
        if share[k] > 0.0:
            own, first, second = law_moments(weight, rows[_SHAPE], law, k)
            own, first, second = own / total, first / total, second / total
            middle, width = at[SHAPE_MEAN + k], math.exp(-2.0 * at[SHAPE_SPREAD + k])
            slope[SHAPE_MEAN + k] += (first - middle * own) * width
            slope[SHAPE_SPREAD + k] += (second - 2.0 * middle * first + middle * middle * own) * width - own
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
    first, second = (sums[0] - middle) * one, (sums[1] - other) * two
    square = (sums[2] - 2.0 * middle * sums[0] + middle * middle) * one * one
    both = (sums[3] - middle * sums[1] - other * sums[0] + middle * other) * one * two
    last = (sums[4] - 2.0 * other * sums[1] + other * other) * two * two
    slope[MEAN] += (inverse[0] * (first - expected[2]) + inverse[1] * (second - expected[3])) * one
    slope[MEAN + 1] += (inverse[1] * (first - expected[2]) + inverse[2] * (second - expected[3])) * two
    slope[SPREAD] += (
        inverse[0] * (square - first * expected[2]) + inverse[1] * (both - first * expected[3]) - 1.0
    )
    slope[SPREAD + 1] += (
        inverse[1] * (both - second * expected[2]) + inverse[2] * (last - second * expected[3]) - 1.0
    )


@compiled
def add_cells(m: Any, at: Any, data: Any, local: Any, slope: Any) -> float:
    """Add the slopes of the log density of the noise of the baseline's cells; return that density."""
    total = 0.0
    for b in range(data.cell_count.shape[0]):
        if data.cell_count[b, m] == 0:
            continue
        for place, kind in ((1, 0), (2, 3)):
            if data.pooled_free[kind]:
                off = (local.cell[b, m, place] - at[MEAN + 2 + kind]) * math.exp(-at[SPREAD + 2 + kind])
                total -= 0.5 * off * off + at[SPREAD + 2 + kind]
                slope[MEAN + 2 + kind] += off * math.exp(-at[SPREAD + 2 + kind])
                slope[SPREAD + 2 + kind] += off * off - 1.0
    return total


@compiled
def log_mixture(m: Any, at: Any, mean: Any, sd: Any, expected: Any, inverse: Any, data: Any, local: Any,
                rows: Any, law: Any, base: Any, odds: Any, slope: Any) -> float:  # fmt: skip
    """Write the log weights of all particles of a metric, and the slopes of the log density; return it.

    Parameters
    ----------
    m : int
        The metric.
    at, mean, sd : array
        As in `read_population`.
    expected, inverse : array, shape (C, 4), (C, 3)
        As in `log_weights`.
    rows, law, base
        From `gather`.
    odds : array, shape (C, particles + 1)
        Written: log weights, the largest of a curve 0.
    slope : array
        Written.
    """
    total = log_normal(at, mean, sd, slope)
    share, log_share, weight = np.zeros(LAW_COUNT), np.zeros(LAW_COUNT), np.empty(odds.shape[1])
    most = -np.inf
    for k in range(LAW_COUNT):
        if data.allowed[m, k]:
            most = max(most, at[SHARE_OF_LAW + k])
    for k in range(LAW_COUNT):
        share[k] = math.exp(at[SHARE_OF_LAW + k] - most) if data.allowed[m, k] else 0.0
    log_share[:] = np.log(share / share.sum())
    share /= share.sum()
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
            c, at, data.pooled_free, data.allowed[m], log_share, expected[c], inverse[c], hazard, data, rows[c], law[c],
            base[c], odds[c],
        )  # fmt: skip
        if not math.isfinite(largest):
            return -np.inf
        total += add_slopes(
            at, data.pooled_free, share, expected[c], inverse[c], hazard, data.alignment[c], data, rows[c],
            law[c], odds[c], largest, weight, slope,
        )  # fmt: skip
        odds[c] -= largest
        by_level, by_gain = slope[MEAN] - by_level, slope[MEAN + 1] - by_gain
        for q in range(1, data.group.shape[0]):
            slope[MIXED + 2 * (q - 1)] += data.design[c, q] * by_level
            slope[MIXED + 2 * (q - 1) + 1] += data.design[c, q] * by_gain
    total += add_cells(m, at, data, local, slope)
    return total if math.isfinite(total) else -np.inf


@compiled
def mix(m: Any, population: Any, expected: Any, inverse: Any, data: Any, pool: Any, local: Any,
        proposal: Any, steps: Any, start: Any, odds: Any) -> None:  # fmt: skip
    """Move the population of a metric along a trajectory, with some particles of each curve summed over.

    Parameters
    ----------
    m, population : int, Population
        The metric, and what is moved.
    expected, inverse : array, shape (C, 4), (C, 3)
        As in `log_weights`; level and gain besides their means are written.
    data, pool, local, proposal, steps : Assembly, Pool, Local, LocalPrior, Steps
        The chain, its clouds, and the population under which they are.
    start : array of int, shape (C,)
        The first of the particles that are summed over.
    odds : array, shape (C, particles + 1)
        Written: log odds of these particles to be the state, and of the state, under the new population.
    """
    curves, count = odds.shape
    rows, base = np.empty((curves, _ROWS, count)), np.empty((curves, count))
    law = np.empty((curves, count), np.int64)
    gather(m, data, pool, local, proposal, start, rows, law, base)
    aligned = np.abs(data.alignment).max() > 0.0
    size = MIXED + 2 * (data.group.shape[0] - 1)
    at, mean, sd, slope = np.empty(size), np.zeros(size), np.empty(size), np.empty(size)
    read_population(m, population, data, aligned, at, mean, sd)
    draw_total(m, population, data, at)
    now = log_mixture(m, at, mean, sd, expected, inverse, data, local, rows, law, base, odds, slope)
    begun, momentum, kinetic = at.copy(), np.zeros(size), 0.0
    width = steps.width[m, :, 0]
    for j in range(at.shape[0]):
        if sd[j] > 0.0:
            momentum[j] = np.random.standard_normal()
            kinetic += 0.5 * momentum[j] ** 2
    step, then = math.exp(steps.mixed[m]), now
    turns = 1 + np.random.randint(min(_MOST, 1 + int(2.0 * _LENGTH / step)))
    for _ in range(turns):
        for j in range(at.shape[0]):
            if sd[j] > 0.0:
                momentum[j] += 0.5 * step * width[j] * slope[j]
                at[j] += step * width[j] * momentum[j]
        then = log_mixture(m, at, mean, sd, expected, inverse, data, local, rows, law, base, odds, slope)
        if not math.isfinite(then):
            break
        for j in range(at.shape[0]):
            if sd[j] > 0.0:
                momentum[j] += 0.5 * step * width[j] * slope[j]
    change = then - now + kinetic
    for j in range(at.shape[0]):
        change -= 0.5 * momentum[j] ** 2
    if not (arrive(change, steps.mixed, m, steps.rate[0]) and math.isfinite(change)):
        at[:] = begun
        log_mixture(m, at, mean, sd, expected, inverse, data, local, rows, law, base, odds, slope)
    else:
        write_population(m, at, sd, population, data)
    if steps.rate[0] > 0.0:
        learn_widths(m, at, sd, steps)


@compiled
def learn_widths(m: Any, at: Any, sd: Any, steps: Any) -> None:
    """Learn in warm-up how wide the parameters of a metric range."""
    for j in range(at.shape[0]):
        if sd[j] > 0.0:
            learn(at[j], _NARROWEST * sd[j], steps.width[m, j])
