"""Joint moves of a population's parameter and all curves that it concerns, compiled.

Where data say little of each curve, a mean is held fast by its own curves, and they by it: moved in turn, both
would crawl. Moved together, what the curves have in common is judged by the likelihood alone (interweaving of
two parameterisations: Yu and Meng, J. Comput. Graph. Stat. 20, 2011).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.particles.baseline import cell_likelihood
from bayesscale.particles.compiled import compiled
from bayesscale.particles.local import pair_likelihood
from bayesscale.particles.places import NOISE, SHAPE
from bayesscale.particles.population import accept, log_spread

KINDS = 10
"""Level, gain, the four of `POOLED`, the shape under four laws."""


@compiled
def concerned(kind: Any, c: Any, m: Any, local: Any) -> bool:
    """Return whether a curve has the parameter: all do, but for the shapes of other laws."""
    return kind < 6 or local.law[c, m] == kind - 6


@compiled
def place_of(kind: Any) -> int:
    """Return the place of a kind's parameter in the local vector."""
    return kind if kind < 2 else NOISE + kind - 2 if kind < 6 else SHAPE


@compiled
def likelihoods(place: Any, change: Any, m: Any, data: Any, local: Any, found: Any) -> float:
    """Write the likelihoods of all curves with one parameter changed; return what all gain.

    Parameters
    ----------
    place : int
        Which local parameter.
    change : array, shape (C,)
        Added to it.
    m : int
        Metric.
    data, local : Assembly, Local
        Data and curves.
    found : array, shape (C,)
        Where the likelihoods go.
    """
    out, total = np.empty(data.u.shape[2]), 0.0
    for c in range(data.count.shape[0]):
        found[c] = local.likelihood[c, m]
        if data.count[c, m] > 0 and change[c] != 0.0:
            x = local.x[c, m].copy()
            x[place] += change[c]
            found[c] = pair_likelihood(local.law[c, m], local.broken[c, m], x, data, c, m, out)
            total += found[c] - local.likelihood[c, m]
    return total


@compiled
def cell_likelihoods(place: Any, change: Any, m: Any, data: Any, local: Any, found: Any) -> float:
    """Do the same for the cells of the baseline; `place` is that in a cell, 0 where it has none."""
    out, total = np.empty(data.cell_value.shape[2]), 0.0
    for b in range(data.cell_count.shape[0]):
        found[b] = local.cell_likelihood[b, m]
        if place > 0 and data.cell_count[b, m] > 0:
            cell = local.cell[b, m].copy()
            cell[place] += change[b]
            found[b] = cell_likelihood(cell, data, b, m, out)
            total += found[b] - local.cell_likelihood[b, m]
    return total


@compiled
def try_change(kind: Any, m: Any, change: Any, own: Any, prior: Any, data: Any, local: Any, steps: Any,
               row: Any, rate: Any) -> bool:  # fmt: skip
    """Change a parameter of all curves (and cells) if the likelihood and the change of the prior allow it."""
    place = place_of(kind)
    cell_place = 1 if kind == 2 else 2 if kind == 5 else 0
    found, cells = np.empty(change.shape[0]), np.empty(own.shape[0])
    gained = likelihoods(place, change, m, data, local, found)
    gained += cell_likelihoods(cell_place, own, m, data, local, cells)
    if not accept(gained + prior, steps, row, rate):
        return False
    local.x[:, m, place] += change
    local.likelihood[:, m] = found
    if cell_place > 0:
        local.cell[:, m, cell_place] += own
        local.cell_likelihood[:, m] = cells
    return True


@compiled
def mean_and_prior(kind: Any, m: Any, population: Any, data: Any) -> tuple[float, float, float]:
    """Return the mean of a kind, and mean and sd of its prior."""
    if kind < 2:
        e = 2 * m + kind
        return population.coef[0, e], data.coef_mean[0, e], data.coef_sd[0, e]
    if kind < 6:
        row = data.pooled[kind - 2, m]
        return population.pooled_mean[kind - 2, m], row[0], row[1]
    row = data.shapes[m, kind - 6]
    return population.shape_mean[m, kind - 6], row[0], row[1]


@compiled
def shift(kind: Any, m: Any, population: Any, data: Any, local: Any, steps: Any) -> None:
    """Shift a mean and all its curves by the same amount."""
    mean, prior_mean, prior_sd = mean_and_prior(kind, m, population, data)
    step = math.exp(steps.shift[m, kind]) * np.random.standard_normal()
    before, after = (mean - prior_mean) / prior_sd, (mean + step - prior_mean) / prior_sd
    change = np.zeros(data.count.shape[0])
    for c in range(change.shape[0]):
        if concerned(kind, c, m, local):
            change[c] = step
    own = np.full(data.cell_count.shape[0], step)
    prior = 0.5 * (before * before - after * after)
    if try_change(kind, m, change, own, prior, data, local, steps.shift, (m, kind), steps.rate[0]):
        if kind < 2:
            population.coef[0, 2 * m + kind] += step
        elif kind < 6:
            population.pooled_mean[kind - 2, m] += step
        else:
            population.shape_mean[m, kind - 6] += step


@compiled
def scale(kind: Any, m: Any, population: Any, data: Any, local: Any, steps: Any, rest: Any) -> None:
    """Scale a spread and what sets its curves apart from their mean by the same factor."""
    mean, _, _ = mean_and_prior(kind, m, population, data)
    if kind < 2:
        now, prior = math.log(population.sd[2 * m + kind]), data.sd_prior[2 * m + kind]
    elif kind < 6:
        now, prior = math.log(population.pooled_sd[kind - 2, m]), data.pooled[kind - 2, m, 2:]
    else:
        now, prior = math.log(population.shape_sd[m, kind - 6]), data.shapes[m, kind - 6, 2:]
    new = now + math.exp(steps.scale[m, kind]) * np.random.standard_normal()
    more = math.exp(new - now) - 1.0
    change = np.zeros(data.count.shape[0])
    for c in range(change.shape[0]):
        if concerned(kind, c, m, local):
            apart = rest[c, 2 * m + kind] if kind < 2 else local.x[c, m, place_of(kind)] - mean
            change[c] = more * apart
    own = np.zeros(data.cell_count.shape[0])
    cell_place = 1 if kind == 2 else 2 if kind == 5 else 0
    if cell_place > 0:
        own[:] = more * (local.cell[:, m, cell_place] - mean)
    gained = log_spread(new, prior) - log_spread(now, prior)
    if try_change(kind, m, change, own, gained, data, local, steps.scale, (m, kind), steps.rate[0]):
        if kind < 2:
            population.sd[2 * m + kind] = math.exp(new)
            rest[:, 2 * m + kind] += change
        elif kind < 6:
            population.pooled_sd[kind - 2, m] = math.exp(new)
        else:
            population.shape_sd[m, kind - 6] = math.exp(new)


@compiled
def shift_column(m: Any, population: Any, data: Any, local: Any, steps: Any) -> None:
    """Shift one coefficient of the regression, and all curves by what it means for them."""
    q, kind = np.random.randint(data.group.shape[0]), np.random.randint(2)
    e = 2 * m + kind
    step = math.exp(steps.column[q, e]) * np.random.standard_normal()
    mean, sd = data.coef_mean[q, e], data.coef_sd[q, e]
    if data.group[q] >= 0:
        mean, sd = 0.0, population.group_sd[data.group[q], e]
    before, after = (population.coef[q, e] - mean) / sd, (population.coef[q, e] + step - mean) / sd
    change = data.design[:, q] * step
    prior = 0.5 * (before * before - after * after)
    own = np.zeros(data.cell_count.shape[0])
    if try_change(kind, m, change, own, prior, data, local, steps.column, (q, e), steps.rate[0]):
        population.coef[q, e] += step


@compiled
def free_kind(kind: Any, m: Any, data: Any) -> bool:
    """Return whether a kind is estimated for a metric."""
    if kind < 2:
        return True
    return bool(data.pooled_free[kind - 2]) if kind < 6 else bool(data.allowed[m, kind - 6])


@compiled
def interweave(turns: Any, population: Any, data: Any, local: Any, steps: Any, rest: Any) -> None:
    """Take some joint moves of every metric, of kinds chosen at random.

    Parameters
    ----------
    turns : int
        Moves of each metric.
    population, data, local, steps : Population, Assembly, Local, Steps
        The chain.
    rest : array, shape (C, E)
        Residuals of levels and gains, kept up to date.
    """
    for m in range(data.count.shape[1]):
        for _ in range(turns):
            kind = np.random.randint(KINDS)
            while not free_kind(kind, m, data):
                kind = np.random.randint(KINDS)
            if kind < 2 and np.random.random() < 0.3:
                shift_column(m, population, data, local, steps)
            elif np.random.random() < 0.5:
                shift(kind, m, population, data, local, steps)
            else:
                scale(kind, m, population, data, local, steps, rest)
