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

from bayesscale.particles.collapsed import draw_modes, draw_weights
from bayesscale.particles.compiled import allocating, compiled
from bayesscale.particles.coordinates import (
    KINDS,
    add_pooled,
    cell_slopes,
    log_density,
    parameters,
    rest_prior,
    to_coordinates,
    to_local,
    whiten,
)
from bayesscale.particles.gradient import pair_gradient
from bayesscale.particles.guide import count_moved
from bayesscale.particles.local import pair_likelihood
from bayesscale.particles.places import LOCAL, TAU
from bayesscale.particles.steps import arrive, learn

# Trajectories are so long on average, in sds, and have at most so many steps.
_LENGTH, _MOST = 1.5, 16
_NARROWEST = 0.03


@allocating
def slope_at(m: Any, count: Any, kinds: Any, values: Any, priors: Any, y: Any, places: Any, weights: Any,
             scales: Any, factors: Any, prior: Any, guide: Any, data: Any, local: Any, cells: Any,
             slopes: Any, white: Any, room: Any) -> float:  # fmt: skip
    """Write the gradient by all coordinates; return the log density.

    Parameters
    ----------
    m, count, kinds, values, priors
        From `parameters`.
    y, factors : array, shape (C, LOCAL), (C, LOCAL, LOCAL)
        Coordinates of curves, and what makes them round.
    places : array, shape (B, KINDS)
        Cells of the baseline keep their place in the population.
    weights, scales : array, shape (C, N), (C,)
        Weights of the values, and of the curves.
    cells : array, shape (B,)
        Written: log likelihoods of cells.
    slopes, white : array, shape (2, KINDS), (C, LOCAL)
        Written: the gradient.
    prior, guide, data, local, room
        See `bayesscale.particles`.
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
        total += rest_prior(broken, x, scales[c], prior, data, c, m, gradient)
        total += add_pooled(c, m, law, count, kinds, values, y[c], scales[c], guide, gradient, slopes)
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


@allocating
def joint(
    m: Any, population: Any, data: Any, local: Any, scales: Any, prior: Any, guide: Any, steps: Any,
    room: Any,
) -> None:  # fmt: skip
    """Move means and spreads of a metric and all its curves along a trajectory.

    `scales` are from `draw_scales`; `room` has as many columns as curves or cells have values.
    """
    curves, cell_total = data.count.shape[0], data.cell_count.shape[0]
    kinds, values, priors = np.zeros(KINDS, np.int64), np.zeros((2, KINDS)), np.zeros((KINDS, 4))
    count = parameters(m, population, data, local, kinds, values, priors)
    places, cells = np.zeros((cell_total, KINDS)), np.zeros(cell_total)
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
    slopes, white = np.empty((2, KINDS)), np.zeros((curves, LOCAL))
    widths, momentum = np.empty((2, KINDS)), np.empty((2, KINDS))
    for i in range(count):
        for row in range(2):
            widths[row, i] = steps.reach[m, row * KINDS + kinds[i], 0]
            momentum[row, i] = np.random.standard_normal()
            kinetic += 0.5 * momentum[row, i] ** 2
    now = slope_at(m, count, kinds, values, priors, y, places, weights, scales, factors, prior, guide, data,
                   local, cells, slopes, white, room)  # fmt: skip
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
        then = slope_at(m, count, kinds, values, priors, y, places, weights, scales, factors, prior, guide,
                        data, local, cells, slopes, white, room)  # fmt: skip
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
            place = row * KINDS + kinds[i]
            learn(values[row, i], _NARROWEST * priors[i, 2 * row + 1], steps.reach[m, place])
