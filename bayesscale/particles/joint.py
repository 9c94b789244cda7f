"""Trajectories of what the curves of a metric have in common, the curves moving along, compiled.

Where data say little of each curve, a mean is held fast by its own curves, and they by it: moved in turn,
both would crawl. Here every curve keeps its place in its population, in sds from the mean, while means and
spreads move. The likelihood alone judges (the non-centred half of interweaving: Yu and Meng, J. Comput.
Graph. Stat. 20, 2011).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.particles.baseline import cell_likelihood
from bayesscale.particles.compiled import compiled
from bayesscale.particles.gradient import noise_slope, pair_gradient, pair_information
from bayesscale.particles.places import LOCAL, NOISE, SHAPE
from bayesscale.particles.state import LAW_COUNT
from bayesscale.particles.steps import arrive

_KINDS = 6 + LAW_COUNT
"""Level, gain, the four of `POOLED`, and the shape under each law."""
_FEWEST, _MOST = 4, 9


@compiled
def place_of(kind: Any) -> int:
    """Return the place of a kind's parameter in the local vector."""
    return kind if kind < 2 else NOISE + kind - 2 if kind < 6 else SHAPE


@compiled
def parameters(m: Any, population: Any, data: Any, local: Any, kinds: Any, values: Any, priors: Any) -> int:
    """Write means and log spreads of the kinds that curves have, and their priors; return how many kinds.

    Parameters
    ----------
    m, population, data, local : int, Population, Assembly, Local
        The metric, and the chain.
    kinds : array of int, shape (10,)
        Written: the kinds, numbered as in `_KINDS`.
    values : array, shape (2, 10)
        Written: means and logarithms of spreads.
    priors : array, shape (10, 4)
        Written: rows of `Assembly.pooled` or `Assembly.shapes`.
    """
    count = 2
    for kind in range(2):
        e = 2 * m + kind
        kinds[kind] = kind
        values[0, kind], values[1, kind] = population.coef[0, e], math.log(population.sd[e])
        priors[kind, 0], priors[kind, 1] = data.coef_mean[0, e], data.coef_sd[0, e]
        priors[kind, 2:] = data.sd_prior[e]
    for kind in range(2, 6):
        if data.pooled_free[kind - 2]:
            kinds[count] = kind
            values[0, count] = population.pooled_mean[kind - 2, m]
            values[1, count] = math.log(population.pooled_sd[kind - 2, m])
            priors[count] = data.pooled[kind - 2, m]
            count += 1
    for k in range(LAW_COUNT):
        members = 0
        for c in range(data.count.shape[0]):
            members += local.law[c, m] == k
        if members > 0:
            kinds[count] = 6 + k
            values[0, count] = population.shape_mean[m, k]
            values[1, count] = math.log(population.shape_sd[m, k])
            priors[count] = data.shapes[m, k]
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
def follow(m: Any, count: Any, kinds: Any, values: Any, priors: Any, places: Any, offsets: Any, data: Any,
           local: Any, found: Any, cells: Any, slopes: Any, room: Any) -> float:  # fmt: skip
    """Write likelihoods and gradient with the curves moved along; return the log density.

    Curves and cells are `places` sds from what is expected of them, which for a curve is the mean and its
    `offsets`. Likelihoods go to `found` and `cells`, the gradient by means and log spreads to `slopes`.
    """
    total = log_density(values, priors, count, slopes)
    gradient, curves = np.empty(LOCAL), data.count.shape[0]
    for c in range(curves):
        if data.count[c, m] == 0:
            continue
        x = local.x[c, m].copy()
        for i in range(count):
            if kinds[i] < 6 or local.law[c, m] == kinds[i] - 6:
                apart = offsets[c, i] + math.exp(values[1, i]) * places[c, i]
                x[place_of(kinds[i])] = values[0, i] + apart
        found[c] = pair_gradient(local.law[c, m], local.broken[c, m], x, data, c, m, room, gradient)
        total += found[c]
        for i in range(count):
            if kinds[i] < 6 or local.law[c, m] == kinds[i] - 6:
                own = gradient[place_of(kinds[i])]
                slopes[0, i] += own
                slopes[1, i] += own * math.exp(values[1, i]) * places[c, i]
    for b in range(data.cell_count.shape[0]):
        if data.cell_count[b, m] == 0:
            continue
        cell = local.cell[b, m].copy()
        for i in range(count):
            place = 1 if kinds[i] == 2 else 2 if kinds[i] == 5 else 0
            if place > 0:
                cell[place] = values[0, i] + math.exp(values[1, i]) * places[curves + b, i]
        cells[b] = cell_likelihood(cell, data, b, m, room[0])
        total += cells[b]
        by_noise, by_share = cell_gradient(cell, data, b, m)
        for i in range(count):
            own = by_noise if kinds[i] == 2 else by_share if kinds[i] == 5 else 0.0
            slopes[0, i] += own
            slopes[1, i] += own * math.exp(values[1, i]) * places[curves + b, i]
    return total if math.isfinite(total) else -np.inf


@compiled
def cell_gradient(cell: Any, data: Any, b: Any, m: Any) -> tuple[float, float]:
    """Return the slopes of a cell's log likelihood by its log noise and by the logit of its share."""
    own, share = math.exp(2.0 * cell[1]), 1.0 / (1.0 + math.exp(-cell[2]))
    by_noise, by_share = 0.0, 0.0
    for i in range(data.cell_count[b, m]):
        variance = data.cell_variance[b, m, i]
        square = own + data.floor[m] * data.floor[m] + share * variance
        _, by_square = noise_slope(data.cell_value[b, m, i] - math.exp(cell[0]), square, data.degrees)
        by_noise += by_square * 2.0 * own
        by_share += by_square * share * (1.0 - share) * variance
    return by_noise, by_share


@compiled
def joint(m: Any, population: Any, data: Any, local: Any, steps: Any, room: Any) -> None:
    """Move means and spreads of a metric along a trajectory, the curves with them.

    Parameters
    ----------
    m : int
        The metric.
    population, data, local, steps : Population, Assembly, Local, Steps
        The chain.
    room : array, shape (4, N)
        Room to work in.
    """
    curves, cell_total = data.count.shape[0], data.cell_count.shape[0]
    # Cells may have more values than curves.
    if room.shape[1] < data.cell_value.shape[2]:
        room = np.empty((4, data.cell_value.shape[2]))
    kinds, values, priors = np.zeros(_KINDS, np.int64), np.zeros((2, _KINDS)), np.zeros((_KINDS, 4))
    count = parameters(m, population, data, local, kinds, values, priors)
    places, offsets = np.zeros((curves + cell_total, _KINDS)), np.zeros((curves, _KINDS))
    for kind in range(2):
        for c in range(curves):
            for q in range(1, data.group.shape[0]):
                offsets[c, kind] += data.design[c, q] * population.coef[q, 2 * m + kind]
    for i in range(count):
        sd = math.exp(values[1, i])
        for c in range(curves):
            if kinds[i] < 6 or local.law[c, m] == kinds[i] - 6:
                apart = local.x[c, m, place_of(kinds[i])] - values[0, i] - offsets[c, i]
                places[c, i] = apart / sd
        place = 1 if kinds[i] == 2 else 2 if kinds[i] == 5 else 0
        for b in range(cell_total if place > 0 else 0):
            places[curves + b, i] = (local.cell[b, m, place] - values[0, i]) / sd
    found, cells, slopes = np.zeros(curves), np.zeros(cell_total), np.empty((2, _KINDS))
    now = follow(m, count, kinds, values, priors, places, offsets, data, local, found, cells, slopes, room)
    widths, momentum, kinetic = np.empty((2, _KINDS)), np.empty((2, _KINDS)), 0.0
    for i in range(count):
        for row in range(2):
            widths[row, i] = steps.width[m, row, kinds[i]]
            momentum[row, i] = np.random.standard_normal()
            kinetic += 0.5 * momentum[row, i] ** 2
    size, then = math.exp(steps.joint[m]), now
    for _ in range(np.random.randint(_FEWEST, _MOST + 1)):
        for i in range(count):
            for row in range(2):
                momentum[row, i] += 0.5 * size * widths[row, i] * slopes[row, i]
                values[row, i] += size * widths[row, i] * momentum[row, i]
        then = follow(
            m, count, kinds, values, priors, places, offsets, data, local, found, cells, slopes, room
        )
        if not math.isfinite(then):
            break
        for i in range(count):
            for row in range(2):
                momentum[row, i] += 0.5 * size * widths[row, i] * slopes[row, i]
    change = then - now + kinetic
    for i in range(count):
        change -= 0.5 * (momentum[0, i] ** 2 + momentum[1, i] ** 2)
    if arrive(change, steps.joint, m, steps.rate[0]) and math.isfinite(change):
        settle(m, count, kinds, values, places, offsets, population, local)
        for c in range(curves):
            local.likelihood[c, m] = found[c]
        for b in range(cell_total):
            local.cell_likelihood[b, m] = cells[b]


@compiled
def settle(
    m: Any, count: Any, kinds: Any, values: Any, places: Any, offsets: Any, population: Any, local: Any
) -> None:
    """Put population, curves and cells where a trajectory has ended."""
    curves = local.law.shape[0]
    for i in range(count):
        mean, sd = values[0, i], math.exp(values[1, i])
        if kinds[i] < 2:
            population.coef[0, 2 * m + kinds[i]], population.sd[2 * m + kinds[i]] = mean, sd
        elif kinds[i] < 6:
            population.pooled_mean[kinds[i] - 2, m], population.pooled_sd[kinds[i] - 2, m] = mean, sd
        else:
            population.shape_mean[m, kinds[i] - 6], population.shape_sd[m, kinds[i] - 6] = mean, sd
        for c in range(curves):
            if kinds[i] < 6 or local.law[c, m] == kinds[i] - 6:
                local.x[c, m, place_of(kinds[i])] = mean + offsets[c, i] + sd * places[c, i]
        place = 1 if kinds[i] == 2 else 2 if kinds[i] == 5 else 0
        if place > 0:
            for b in range(local.cell.shape[0]):
                local.cell[b, m, place] = mean + sd * places[curves + b, i]


@compiled
def measure(m: Any, population: Any, data: Any, local: Any, steps: Any, room: Any) -> None:
    """Write the conditional sds of means and log spreads, from the information that values have of them.

    Called in warm-up only: trajectories need widths that do not depend on where they begin.
    """
    kinds, values, priors = np.zeros(_KINDS, np.int64), np.zeros((2, _KINDS)), np.zeros((_KINDS, 4))
    count = parameters(m, population, data, local, kinds, values, priors)
    found, information = np.zeros((2, _KINDS)), np.empty(LOCAL)
    for c in range(data.count.shape[0]):
        if data.count[c, m] == 0:
            continue
        pair_information(local.law[c, m], local.broken[c, m], local.x[c, m], data, c, m, room, information)
        for i in range(count):
            if kinds[i] < 6 or local.law[c, m] == kinds[i] - 6:
                found[0, i] += information[place_of(kinds[i])]
    for i in range(count):
        # Curves are one sd from their mean, on average.
        found[1, i] = found[0, i] * math.exp(2.0 * values[1, i])
        for row in range(2):
            total = found[row, i] + priors[i, 2 * row + 1] ** -2.0
            steps.width[m, row, kinds[i]] = 1.0 / math.sqrt(total)
