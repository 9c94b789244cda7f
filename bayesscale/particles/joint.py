"""One trajectory for all curves of a metric and what they have in common, compiled.

Where data say little of each curve, a mean is held fast by its own curves, and they by it: moved in turn,
both would crawl. Here they move at once. Of what a curve's data tell, the value itself is the coordinate; of
what they leave open, the place in the population in sds from the mean (Papaspiliopoulos, Roberts and Sköld,
Stat. Sci. 22, 2007).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.particles.baseline import cell_likelihood
from bayesscale.particles.collapsed import draw_modes, draw_weights
from bayesscale.particles.compiled import compiled
from bayesscale.particles.gradient import noise_slope, pair_gradient
from bayesscale.particles.local import pair_likelihood
from bayesscale.particles.moves import count_moved
from bayesscale.particles.places import GAIN, LAW_COUNT, LEVEL, LOCAL, NOISE, SHAPE, SLOPE, TAU
from bayesscale.particles.steps import arrive, learn

_KINDS = 4 + LAW_COUNT
"""The four of `POOLED`, and the shape under each law."""
# Trajectories are so long on average, in sds, and have at most so many steps.
_LENGTH, _MOST = 1.5, 16
_NARROWEST = 0.03


@compiled
def place_of(kind: Any) -> int:
    """Return the place of a kind's parameter in the local vector."""
    return NOISE + kind if kind < 4 else SHAPE


@compiled
def parameters(m: Any, population: Any, data: Any, local: Any, kinds: Any, values: Any, priors: Any) -> int:
    """Write means and log spreads of the kinds that curves have, and their priors; return how many kinds.

    Parameters
    ----------
    m, population, data, local : int, Population, Assembly, Local
        The metric, and the chain.
    kinds : array of int, shape (_KINDS,)
        Written: the kinds, numbered as in `_KINDS`.
    values : array, shape (2, _KINDS)
        Written: means and logarithms of spreads.
    priors : array, shape (_KINDS, 4)
        Written: rows of `Assembly.pooled` or `Assembly.shapes`.
    """
    count = 0
    for kind in range(4):
        if data.pooled_free[kind]:
            kinds[count] = kind
            values[0, count] = population.pooled_mean[kind, m]
            values[1, count] = math.log(population.pooled_sd[kind, m])
            priors[count] = data.pooled[kind, m]
            count += 1
    for k in range(LAW_COUNT):
        members = 0
        for c in range(data.count.shape[0]):
            members += data.count[c, m] > 0 and local.law[c, m] == k
        if members > 0:
            kinds[count] = 4 + k
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
def has(kind: Any, law: Any) -> bool:
    """Return whether a curve with a law has a kind of parameter."""
    return bool(kind < 4 or law == kind - 4)


@compiled
def apart(c: Any, m: Any, kind: Any, guide: Any) -> bool:
    """Return whether data leave a parameter of a curve open."""
    return bool(guide.open[c, m, min(kind, 4)])


@compiled
def to_local(
    c: Any, m: Any, law: Any, count: Any, kinds: Any, values: Any, y: Any, guide: Any, x: Any
) -> None:
    """Write the local parameters of a curve with coordinates y."""
    x[:] = y
    for i in range(count):
        if has(kinds[i], law) and apart(c, m, kinds[i], guide):
            place = place_of(kinds[i])
            x[place] = values[0, i] + math.exp(values[1, i]) * y[place]


@compiled
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
def add_pooled(c: Any, m: Any, law: Any, count: Any, kinds: Any, values: Any, y: Any, guide: Any,
               gradient: Any, slopes: Any) -> float:  # fmt: skip
    """Add a curve's part of the gradient by means and log spreads; return its log density given these.

    The gradient by local parameters becomes that by coordinates.
    """
    total = 0.0
    for i in range(count):
        if not has(kinds[i], law):
            continue
        place, sd = place_of(kinds[i]), math.exp(values[1, i])
        if apart(c, m, kinds[i], guide):
            slopes[0, i] += gradient[place]
            slopes[1, i] += gradient[place] * sd * y[place]
            gradient[place] = sd * gradient[place] - y[place]
            total -= 0.5 * y[place] * y[place]
        else:
            off = (y[place] - values[0, i]) / sd
            slopes[0, i] += off / sd
            slopes[1, i] += off * off - 1.0
            gradient[place] -= off / sd
            total -= 0.5 * off * off + values[1, i]
    return total


@compiled
def rest_prior(broken: Any, x: Any, prior: Any, data: Any, c: Any, m: Any, gradient: Any) -> float:
    """Add the gradient of the log prior of what follows: level, gain, break; return that prior."""
    first, second = x[LEVEL] - prior.mean[c, m, 0], x[GAIN] - prior.mean[c, m, 1]
    precision = prior.precision[c, m]
    gradient[LEVEL] -= precision[0] * first + precision[1] * second
    gradient[GAIN] -= precision[1] * first + precision[2] * second
    total = -0.5 * (
        precision[0] * first * first + 2.0 * precision[1] * first * second + precision[2] * second * second
    )
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
                scale = math.exp(-steps.reach[m, _KINDS + kinds[i], 1])
        for e in range(d + 1):
            factor[d, e] = guide.factor[c, m, part, d, e] * scale


@compiled
def slope_at(m: Any, count: Any, kinds: Any, values: Any, priors: Any, y: Any, places: Any, weights: Any,
             factors: Any, prior: Any, guide: Any, data: Any, local: Any, cells: Any, slopes: Any, white: Any,
             room: Any) -> float:  # fmt: skip
    """Write the gradient by all coordinates; return the log density.

    Parameters
    ----------
    m, count, kinds, values, priors
        From `parameters`.
    y, factors : array, shape (C, LOCAL), (C, LOCAL, LOCAL)
        Coordinates of curves, and what makes them round.
    places : array, shape (B, _KINDS)
        Cells of the baseline keep their place in the population.
    weights : array, shape (C, N)
        Weights of the values.
    prior, guide, data, local : LocalPrior, Guide, Assembly, Local
        The chain.
    cells : array, shape (B,)
        Written: log likelihoods of cells.
    slopes, white : array, shape (2, _KINDS), (C, LOCAL)
        Written: the gradient.
    """
    total = log_density(values, priors, count, slopes)
    gradient, x = np.empty(LOCAL), np.empty(LOCAL)
    for c in range(data.count.shape[0]):
        if data.count[c, m] == 0:
            continue
        law, broken = local.law[c, m], local.broken[c, m]
        to_local(c, m, law, count, kinds, values, y[c], guide, x)
        if broken and not data.first[c, m] < x[TAU] < data.last[c, m]:
            return -np.inf
        total += pair_gradient(law, broken, x, weights[c], data, c, m, room, gradient)
        total += rest_prior(broken, x, prior, data, c, m, gradient)
        total += add_pooled(c, m, law, count, kinds, values, y[c], guide, gradient, slopes)
        if not math.isfinite(total):
            return -np.inf
        free = guide.free[broken]
        size = count_moved(free, weights[c])
        for j in range(size):
            white[c, j] = 0.0
            for i in range(j, size):
                white[c, j] += factors[c, i, j] * gradient[free[i]]
    total += cell_slopes(m, count, kinds, values, places, data, local, cells, slopes, room)
    return total if math.isfinite(total) else -np.inf


@compiled
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
def joint(
    m: Any, population: Any, data: Any, local: Any, prior: Any, guide: Any, steps: Any, room: Any
) -> None:
    """Move means and spreads of a metric and all its curves along a trajectory.

    Parameters
    ----------
    m : int
        The metric.
    population, data, local, prior, guide, steps : Population, Assembly, Local, LocalPrior, Guide, Steps
        The chain.
    room : array, shape (4, N)
        Room to work in, with as many columns as curves or cells have values.
    """
    curves, cell_total = data.count.shape[0], data.cell_count.shape[0]
    kinds, values, priors = np.zeros(_KINDS, np.int64), np.zeros((2, _KINDS)), np.zeros((_KINDS, 4))
    count = parameters(m, population, data, local, kinds, values, priors)
    places, cells = np.zeros((cell_total, _KINDS)), np.zeros(cell_total)
    for i in range(count):
        place = 1 if kinds[i] == 0 else 2 if kinds[i] == 3 else 0
        for b in range(cell_total if place > 0 else 0):
            places[b, i] = (local.cell[b, m, place] - values[0, i]) * math.exp(-values[1, i])
    y, factors, weights = (
        np.zeros((curves, LOCAL)),
        np.zeros((curves, LOCAL, LOCAL)),
        np.empty((curves, data.u.shape[2])),
    )
    sizes, momenta, own = np.zeros(curves, np.int64), np.zeros((curves, LOCAL)), np.zeros(curves)
    kinetic, size = 0.0, math.exp(steps.joint[m])
    for c in range(curves):
        if data.count[c, m] == 0:
            continue
        law, broken = local.law[c, m], local.broken[c, m]
        draw_weights(law, broken, local.x[c, m], data, c, m, room[0], weights[c])
        to_coordinates(c, m, law, count, kinds, values, local.x[c, m], guide, y[c])
        if guide.known[c, m, 2 * law + broken]:
            free = guide.free[broken]
            sizes[c], own[c] = count_moved(free, weights[c]), size * math.exp(steps.glide[c, m])
            whiten(c, m, 2 * law + broken, free, sizes[c], count, kinds, steps, guide, factors[c])
            for j in range(sizes[c]):
                momenta[c, j] = np.random.standard_normal()
                kinetic += 0.5 * momenta[c, j] ** 2
    slopes, white = np.empty((2, _KINDS)), np.zeros((curves, LOCAL))
    widths, momentum = np.empty((2, _KINDS)), np.empty((2, _KINDS))
    for i in range(count):
        for row in range(2):
            widths[row, i] = steps.reach[m, row * _KINDS + kinds[i], 0]
            momentum[row, i] = np.random.standard_normal()
            kinetic += 0.5 * momentum[row, i] ** 2
    now = slope_at(m, count, kinds, values, priors, y, places, weights, factors, prior, guide, data, local,
                   cells, slopes, white, room)  # fmt: skip
    then = now
    for _ in range(1 + np.random.randint(min(_MOST, 1 + int(2.0 * _LENGTH / size)))):
        push(count, size, widths, slopes, momentum, own, sizes, white, momenta)
        for i in range(count):
            for row in range(2):
                values[row, i] += size * widths[row, i] * momentum[row, i]
        for c in range(curves):
            free = guide.free[local.broken[c, m]]
            for i in range(sizes[c]):
                for j in range(i + 1):
                    y[c, free[i]] += own[c] * factors[c, i, j] * momenta[c, j]
        then = slope_at(m, count, kinds, values, priors, y, places, weights, factors, prior, guide, data,
                        local, cells, slopes, white, room)  # fmt: skip
        if not math.isfinite(then):
            break
        push(count, size, widths, slopes, momentum, own, sizes, white, momenta)
    change = then - now + kinetic
    for i in range(count):
        change -= 0.5 * (momentum[0, i] ** 2 + momentum[1, i] ** 2)
    for c in range(curves):
        for j in range(sizes[c]):
            change -= 0.5 * momenta[c, j] ** 2
    if arrive(change, steps.joint, m, steps.rate[0]) and math.isfinite(change):
        settle(m, count, kinds, values, y, places, cells, guide, population, data, local)
    if steps.rate[0] > 0.0:
        parameters(m, population, data, local, kinds, values, priors)
        learn_reach(m, count, kinds, values, priors, steps)
    for c in range(curves):
        if data.count[c, m] > 0:
            law, broken, x = local.law[c, m], local.broken[c, m], local.x[c, m]
            draw_modes(law, broken, x, weights[c], data, c, m, room[0])
            local.likelihood[c, m] = pair_likelihood(law, broken, x, data, c, m, room[0])


@compiled
def push(count: Any, size: Any, widths: Any, slopes: Any, momentum: Any, own: Any, sizes: Any, white: Any,
         momenta: Any) -> None:  # fmt: skip
    """Change all momenta by half a step."""
    for i in range(count):
        for row in range(2):
            momentum[row, i] += 0.5 * size * widths[row, i] * slopes[row, i]
    for c in range(sizes.shape[0]):
        for j in range(sizes[c]):
            momenta[c, j] += 0.5 * own[c] * white[c, j]


@compiled
def settle(m: Any, count: Any, kinds: Any, values: Any, y: Any, places: Any, cells: Any, guide: Any,
           population: Any, data: Any, local: Any) -> None:  # fmt: skip
    """Put population, curves and cells where a trajectory has ended."""
    for c in range(y.shape[0]):
        if data.count[c, m] > 0:
            to_local(c, m, local.law[c, m], count, kinds, values, y[c], guide, local.x[c, m])
    for i in range(count):
        mean, sd = values[0, i], math.exp(values[1, i])
        if kinds[i] < 4:
            population.pooled_mean[kinds[i], m], population.pooled_sd[kinds[i], m] = mean, sd
        else:
            population.shape_mean[m, kinds[i] - 4], population.shape_sd[m, kinds[i] - 4] = mean, sd
        place = 1 if kinds[i] == 0 else 2 if kinds[i] == 3 else 0
        if place > 0:
            for b in range(local.cell.shape[0]):
                local.cell[b, m, place] = mean + sd * places[b, i]
    for b in range(cells.shape[0]):
        local.cell_likelihood[b, m] = cells[b]


@compiled
def learn_reach(m: Any, count: Any, kinds: Any, values: Any, priors: Any, steps: Any) -> None:
    """Learn in warm-up how wide means and log spreads range."""
    for i in range(count):
        for row in range(2):
            place = row * _KINDS + kinds[i]
            learn(values[row, i], _NARROWEST * priors[i, 2 * row + 1], steps.reach[m, place])
