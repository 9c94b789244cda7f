"""Draws of what is pooled over curves given the curves: noise, discrepancy, laws and breaks, compiled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.particles.compiled import compiled
from bayesscale.particles.places import NOISE
from bayesscale.particles.steps import accept, log_spread

_REPEATS = 2


@compiled
def move_normal(values: Any, count: Any, mean: Any, sd: Any, prior: Any, steps: Any, place: Any, rate: Any):  # type: ignore[no-untyped-def]
    """Return mean and sd of a normal population given its members.

    Parameters
    ----------
    values : array
        The members, of which the first `count` count.
    count : int
        How many.
    mean, sd : float
        Where they are.
    prior : array, shape (4,)
        A row of `Assembly.pooled`.
    steps, place, rate : array, tuple, float
        Sizes of steps, which one is meant, how fast it adapts.
    """
    if count == 0:
        mean = prior[0] + prior[1] * np.random.standard_normal()
        return mean, math.exp(prior[2] + prior[3] * np.random.standard_normal())
    total, square = 0.0, 0.0
    for i in range(count):
        total += values[i]
    precision = count / (sd * sd) + 1.0 / (prior[1] * prior[1])
    pull = total / (sd * sd) + prior[0] / (prior[1] * prior[1])
    mean = pull / precision + np.random.standard_normal() / math.sqrt(precision)
    for i in range(count):
        square += (values[i] - mean) ** 2
    now = math.log(sd)
    for _ in range(_REPEATS):
        new = now + math.exp(steps[place]) * np.random.standard_normal()
        change = log_spread(new, prior[2:]) - log_spread(now, prior[2:])
        change += count * (now - new) - 0.5 * square * (math.exp(-2.0 * new) - math.exp(-2.0 * now))
        if accept(change, steps, place, rate):
            now = new
    return mean, math.exp(now)


@compiled
def move_pooled(population: Any, data: Any, local: Any, steps: Any) -> None:
    """Move means and spreads of what every curve has for itself."""
    curves, metrics = data.count.shape
    cells = data.cell_count.shape[0]
    values = np.empty(curves + cells)
    for m in range(metrics):
        for kind in range(4):
            if not data.pooled_free[kind]:
                continue
            count = 0
            for c in range(curves):
                if data.count[c, m] > 0:
                    values[count] = local.x[c, m, NOISE + kind]
                    count += 1
            for b in range(cells if kind == 0 or kind == 3 else 0):
                if data.cell_count[b, m] > 0:
                    values[count] = local.cell[b, m, 1 if kind == 0 else 2]
                    count += 1
            population.pooled_mean[kind, m], population.pooled_sd[kind, m] = move_normal(
                values, count, population.pooled_mean[kind, m], population.pooled_sd[kind, m],
                data.pooled[kind, m], steps.pooled_sd, (kind, m), steps.rate[0],
            )  # fmt: skip
