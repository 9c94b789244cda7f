"""A population as the curves see it: what is expected of each, given its other metrics, compiled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.particles.compiled import allocating, compiled
from bayesscale.particles.places import EFFECTS, LAW_COUNT
from bayesscale.particles.population import residuals, shape_place, squares


@allocating
def expect(
    m: Any, population: Any, data: Any, local: Any, precisions: Any, expected: Any, inverse: Any
) -> None:
    """Write level and gain that every curve is expected to have, given those of its other metrics.

    Parameters
    ----------
    m, population, data, local, precisions
        See `bayesscale.particles`.
    expected : array, shape (C, 6)
        Written: level and gain besides their means, what other metrics add to them in sds, and
        `LocalPrior.degrees` and `rest`.
    inverse : array, shape (C, 3)
        Written: precision of level and gain in sds, given other metrics.
    """
    rest = residuals(population, data, local)
    off = squares(population, data, local, precisions, rest)
    own, effects = 2 * m, rest.shape[1]
    sd, pull = population.sd[own : own + 2], np.zeros(2)
    for c in range(data.count.shape[0]):
        if data.count[c, m] == 0:
            continue
        precision = precisions[data.pattern[c]]
        for i in range(2):
            pull[i] = 0.0
            for e in range(effects):
                if e != own and e != own + 1:
                    pull[i] += precision[own + i, e] * rest[c, e]
            expected[c, i] = 0.0
            for q in range(1, data.group.shape[0]):
                expected[c, i] += data.design[c, q] * population.coef[q, own + i]
        one, both, two = precision[own, own], precision[own, own + 1], precision[own + 1, own + 1]
        determinant = one * two - both * both
        expected[c, 2] = -(two * pull[0] - both * pull[1]) / determinant / sd[0]
        expected[c, 3] = -(one * pull[1] - both * pull[0]) / determinant / sd[1]
        first, second = rest[c, own] - expected[c, 2] * sd[0], rest[c, own + 1] - expected[c, 3] * sd[1]
        here = one * first * first + 2.0 * both * first * second + two * second * second
        here += shape_place(population, local, c, m) ** 2
        expected[c, 4] = data.curve_degrees + off[c, 1] - EFFECTS
        expected[c, 5] = data.curve_degrees + max(off[c, 0] - here, 0.0)
        inverse[c, 0] = one * sd[0] * sd[0]
        inverse[c, 1] = both * sd[0] * sd[1]
        inverse[c, 2] = two * sd[1] * sd[1]


@compiled
def fill_prior(
    m: Any, population: Any, data: Any, precisions: Any, expected: Any, inverse: Any, prior: Any
) -> None:
    """Write a population as the curves see it for one metric, with `expected` and `inverse` from `expect`."""
    prior.fall[m] = population.fall[m]
    for kind in range(4):
        prior.pooled_mean[kind, m] = population.pooled_mean[kind, m]
        prior.pooled_sd[kind, m] = population.pooled_sd[kind, m]
    for k in range(LAW_COUNT):
        prior.shape_mean[m, k] = population.shape_mean[m, k]
        prior.shape_sd[m, k] = population.shape_sd[m, k]
        prior.log_share[:, m, k] = math.log(population.share[m, k]) if data.allowed[m, k] else -np.inf
    one, two = population.sd[2 * m], population.sd[2 * m + 1]
    for c in range(data.count.shape[0]):
        rate = population.log_hazard[m] + population.hazard_alignment[m] * data.alignment[c]
        prior.hazard[c, m] = math.exp(rate) * data.span
        if data.count[c, m] > 0:
            prior.mean[c, m, 0] = population.coef[0, 2 * m] + expected[c, 0] + one * expected[c, 2]
            prior.mean[c, m, 1] = population.coef[0, 2 * m + 1] + expected[c, 1] + two * expected[c, 3]
            prior.precision[c, m, 0] = inverse[c, 0] / (one * one)
            prior.precision[c, m, 1] = inverse[c, 1] / (one * two)
            prior.precision[c, m, 2] = inverse[c, 2] / (two * two)
            prior.degrees[c, m], prior.rest[c, m] = expected[c, 4], expected[c, 5]
        else:
            prior.precision[c, m, 0] = precisions[-1, 2 * m, 2 * m]
            prior.precision[c, m, 1] = precisions[-1, 2 * m, 2 * m + 1]
            prior.precision[c, m, 2] = precisions[-1, 2 * m + 1, 2 * m + 1]
