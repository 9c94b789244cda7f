"""Draws of what is pooled over curves given the curves: noise, discrepancy, laws and breaks, compiled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.particles.compiled import compiled
from bayesscale.particles.places import NOISE, SHAPE, SLOPE, TAU
from bayesscale.particles.state import LAW_COUNT
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
    """Move means and spreads of what every curve has for itself, of shapes, and the shares of laws."""
    curves, metrics = data.count.shape
    cells = data.cell_count.shape[0]
    values = np.empty(curves + cells)
    for m in range(metrics):
        for kind in range(4):
            if not data.pooled_free[kind]:
                continue
            count = curves
            for c in range(curves):
                values[c] = local.x[c, m, NOISE + kind]
            for b in range(cells if kind == 0 or kind == 3 else 0):
                values[count] = local.cell[b, m, 1 if kind == 0 else 2]
                count += 1
            population.pooled_mean[kind, m], population.pooled_sd[kind, m] = move_normal(
                values, count, population.pooled_mean[kind, m], population.pooled_sd[kind, m],
                data.pooled[kind, m], steps.pooled_sd, (kind, m), steps.rate[0],
            )  # fmt: skip
        total = 0.0
        for k in range(LAW_COUNT):
            if not data.allowed[m, k]:
                continue
            count = 0
            for c in range(curves):
                if local.law[c, m] == k:
                    values[count] = local.x[c, m, SHAPE]
                    count += 1
            population.shape_mean[m, k], population.shape_sd[m, k] = move_normal(
                values, count, population.shape_mean[m, k], population.shape_sd[m, k], data.shapes[m, k],
                steps.shape_sd, (m, k), steps.rate[0],
            )  # fmt: skip
            population.share[m, k] = np.random.gamma(1.0 + count, 1.0)
            total += population.share[m, k]
        for k in range(LAW_COUNT):
            if data.allowed[m, k]:
                population.share[m, k] = max(population.share[m, k] / total, 1e-12)


@compiled
def log_hazards(log_hazard: Any, slope: Any, data: Any, local: Any, m: Any) -> float:
    """Return the log density of whether and where the curves of a metric broke."""
    total = 0.0
    for c in range(data.count.shape[0]):
        rate = log_hazard + slope * data.alignment[c]
        if local.broken[c, m]:
            total += rate
            waited = local.x[c, m, TAU] - data.first[c, m]
        else:
            waited = data.last[c, m] - data.first[c, m]
        total -= math.exp(rate) * data.span * waited
    return total


@compiled
def move_breaks(population: Any, data: Any, local: Any, steps: Any) -> None:
    """Move how often laws break, what alignment has to do with it, and how far they fall."""
    aligned = False
    for c in range(data.count.shape[0]):
        aligned = aligned or data.alignment[c] != 0.0
    for m in range(data.count.shape[1]):
        if not data.may_break[m]:
            continue
        now = population.log_hazard[m]
        slope = population.hazard_alignment[m]
        new = now + math.exp(steps.log_hazard[m]) * np.random.standard_normal()
        change = log_hazards(new, slope, data, local, m) - log_hazards(now, slope, data, local, m)
        change += log_spread(new, data.hazard) - log_spread(now, data.hazard)
        if accept(change, steps.log_hazard, m, steps.rate[0]):
            population.log_hazard[m] = now = new
        if aligned:
            other = slope + math.exp(steps.hazard_alignment[m]) * np.random.standard_normal()
            change = log_hazards(now, other, data, local, m) - log_hazards(now, slope, data, local, m)
            change += log_spread(other, data.hazard_alignment) - log_spread(slope, data.hazard_alignment)
            if accept(change, steps.hazard_alignment, m, steps.rate[0]):
                population.hazard_alignment[m] = other
        old = math.log(population.fall[m])
        log_fall = old + math.exp(steps.fall[m]) * np.random.standard_normal()
        change = log_spread(log_fall, data.break_scale) - log_spread(old, data.break_scale)
        for c in range(data.count.shape[0]):
            if local.broken[c, m]:
                before = (local.x[c, m, SLOPE] * math.exp(-old) + 1.0) / data.break_spread
                after = (local.x[c, m, SLOPE] * math.exp(-log_fall) + 1.0) / data.break_spread
                change += old - log_fall + 0.5 * (before * before - after * after)
        if accept(change, steps.fall, m, steps.rate[0]):
            population.fall[m] = math.exp(log_fall)
