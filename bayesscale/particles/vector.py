"""The population of one metric as a vector, its prior, and what the baseline adds, compiled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.particles.compiled import allocating, compiled
from bayesscale.particles.places import (
    ALIGNMENT,
    FALL,
    HAZARD,
    LAW_COUNT,
    MEAN,
    MIXED,
    SHAPE_MEAN,
    SHAPE_SPREAD,
    SHARE_OF_LAW,
    SPREAD,
)


@allocating
def read_population(m: Any, population: Any, data: Any, aligned: Any, at: Any, mean: Any, sd: Any) -> None:
    """Write where the population of a metric is, and its normal prior; sd 0 where nothing is to be moved.

    All have the shape (MIXED + 2 (Q - 1),): behind `MIXED` are the other coefficients of level and gain.
    `aligned` says whether alignment varies.
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


@allocating
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
