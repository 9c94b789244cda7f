"""Draws of the non-pretrained baseline: its cells, and their line in log D_f, compiled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.models.scale import log_value, place_of
from bayesscale.particles.compiled import allocating, compiled
from bayesscale.particles.linear import draw_normal, gram
from bayesscale.particles.local import log_likelihood
from bayesscale.particles.places import LOCAL, NOISE, SHARE
from bayesscale.particles.steps import accept, log_spread

_log_value, _place_of = compiled(log_value), compiled(place_of)
_REPEATS = 4


@allocating
def cell_likelihood(cell: Any, data: Any, b: Any, m: Any, out: Any) -> float:
    """Return the log likelihood of the values of a cell."""
    count, x = data.cell_count[b, m], np.zeros(LOCAL)
    x[NOISE], x[SHARE] = cell[1], cell[2]
    out[:count] = math.exp(_log_value(cell[0], data.log_near[m], np))
    return log_likelihood(
        out, 0.0, np.zeros((count, 2)), x, data.cell_value[b, m], data.cell_variance[b, m], count,
        math.exp(data.log_near[m]), data.floor[m], data.degrees,
    )  # fmt: skip


@allocating
def start_cells(population: Any, data: Any, local: Any) -> None:
    """Put every cell at the mean of its values; one without any at its line."""
    out = np.empty(data.cell_value.shape[2])
    for b in range(data.cell_count.shape[0]):
        for m in range(data.cell_count.shape[1]):
            count = data.cell_count[b, m]
            level = 0.0
            for i in range(2):
                level += data.cell_design[b, i] * population.line[i, m]
            if count:
                total = 0.0
                for i in range(count):
                    total += data.cell_value[b, m, i]
                level = _place_of(math.log(max(total / count, data.floor[m])), data.log_near[m], np)
            local.cell[b, m, 0] = level
            local.cell[b, m, 1] = population.pooled_mean[0, m]
            local.cell[b, m, 2] = population.pooled_mean[3, m] if data.pooled_free[3] else 0.0
            local.cell_likelihood[b, m] = cell_likelihood(local.cell[b, m], data, b, m, out)


@allocating
def move_cells(population: Any, data: Any, local: Any, steps: Any) -> None:
    """Move every cell: its level, and its noise with the share of its standard error."""
    out, new = np.empty(data.cell_value.shape[2]), np.empty(3)
    for b in range(data.cell_count.shape[0]):
        for m in range(data.cell_count.shape[1]):
            expected = data.cell_design[b, 0] * population.line[0, m]
            expected += data.cell_design[b, 1] * population.line[1, m]
            own, sd = local.cell[b, m], population.cell_sd[m]
            if data.cell_count[b, m] == 0:
                own[0] = expected + sd * np.random.standard_normal()
                own[1] = (
                    population.pooled_mean[0, m] + population.pooled_sd[0, m] * np.random.standard_normal()
                )
                if data.pooled_free[3]:
                    own[2] = population.pooled_mean[3, m]
                    own[2] += population.pooled_sd[3, m] * np.random.standard_normal()
                continue
            for turn in range(4):
                new[:] = own
                if turn % 2 == 0:
                    new[0] += math.exp(steps.cell[b, m]) * np.random.standard_normal()
                else:
                    new[1] += population.pooled_sd[0, m] * np.random.standard_normal()
                    if data.pooled_free[3]:
                        new[2] += population.pooled_sd[3, m] * np.random.standard_normal()
                change = -0.5 * ((new[0] - expected) ** 2 - (own[0] - expected) ** 2) / (sd * sd)
                for place, kind in ((1, 0), (2, 3)):
                    if data.pooled_free[kind]:
                        mean, width = population.pooled_mean[kind, m], population.pooled_sd[kind, m]
                        change -= (
                            0.5 * ((new[place] - mean) ** 2 - (own[place] - mean) ** 2) / (width * width)
                        )
                likelihood = cell_likelihood(new, data, b, m, out)
                change += likelihood - local.cell_likelihood[b, m]
                if turn % 2 == 0:
                    taken = accept(change, steps.cell, (b, m), steps.rate[0])
                else:
                    taken = math.log(np.random.random()) < change
                if taken:
                    own[:] = new
                    local.cell_likelihood[b, m] = likelihood


@allocating
def move_line(population: Any, data: Any, local: Any, steps: Any) -> None:
    """Draw the line of the cells given their levels, and move their spread around it."""
    cells = data.cell_count.shape[0]
    if cells == 0:
        return
    square = gram(data.cell_design, data.cell_design)
    pull, system = np.empty(2), np.empty((2, 2))
    for m in range(data.cell_count.shape[1]):
        own = population.cell_sd[m] ** -2.0
        for i in range(2):
            pull[i] = data.line_mean[i, m] * data.line_sd[i, m] ** -2.0
            for j in range(2):
                system[i, j] = own * square[i, j]
            system[i, i] += data.line_sd[i, m] ** -2.0
            for b in range(cells):
                pull[i] += own * data.cell_design[b, i] * local.cell[b, m, 0]
        draw_normal(system, pull)
        total, now = 0.0, math.log(population.cell_sd[m])
        for b in range(cells):
            rest = local.cell[b, m, 0]
            for i in range(2):
                rest -= data.cell_design[b, i] * pull[i]
            total += rest * rest
        for i in range(2):
            population.line[i, m] = pull[i]
        for _ in range(_REPEATS):
            new = now + math.exp(steps.cell_sd[m]) * np.random.standard_normal()
            change = log_spread(new, data.cell_sd_prior) - log_spread(now, data.cell_sd_prior)
            change += cells * (now - new) - 0.5 * total * (math.exp(-2.0 * new) - math.exp(-2.0 * now))
            if accept(change, steps.cell_sd, m, steps.rate[0]):
                now = new
        population.cell_sd[m] = math.exp(now)
