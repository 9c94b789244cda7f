"""Draws of the regression of levels and gains given the curves, compiled.

Coefficients are normal given all else. Spreads and correlations take Metropolis steps, whose sizes adapt
during warm-up.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.particles.compiled import allocating, compiled
from bayesscale.particles.linear import cholesky, draw_normal, gram, lower_inverse, product
from bayesscale.particles.places import EFFECTS, SHAPE
from bayesscale.particles.steps import accept, log_spread

_REPEATS = 2
# Covariances are cheap to move, and their elements hang together.
_COVARIANCE_TURNS = 10


@allocating
def correlation_factor(partial: Any, count: Any) -> Any:
    """Return the Cholesky factor of a correlation; the formula of `bayesscale.models.correlation`."""
    factor = np.zeros((count, count))
    place = 0
    for i in range(count):
        left = 1.0
        for j in range(i):
            factor[i, j] = partial[place] * math.sqrt(left)
            left *= 1.0 - partial[place] ** 2
            place += 1
        factor[i, i] = math.sqrt(left)
    return factor


@allocating
def covariance(partial: Any, sd: Any) -> Any:
    """Return the covariance of levels and gains between curves."""
    factor = correlation_factor(partial, sd.shape[0])
    for e in range(sd.shape[0]):
        factor[e] *= sd[e]
    found = np.zeros((sd.shape[0], sd.shape[0]))
    for i in range(sd.shape[0]):
        for j in range(sd.shape[0]):
            for k in range(min(i, j) + 1):
                found[i, j] += factor[i, k] * factor[j, k]
    return found


@allocating
def fill_precisions(population: Any, data: Any, precisions: Any) -> None:
    """Write the precision of levels and gains of every pattern of measured metrics; the last: of all metrics.

    Precisions, shape (P + 1, E, E), are 0 for metrics that a pattern does not have.
    """
    between = covariance(population.partial, population.sd)
    everything = np.ones(data.count.shape[1], np.bool_)
    for p in range(precisions.shape[0]):
        measured = data.measured[p] if p < data.measured.shape[0] else everything
        part, effects = block(between, measured)
        inverse = lower_inverse(cholesky(part))
        precisions[p] = 0.0
        for i in range(part.shape[0]):
            for j in range(part.shape[0]):
                for k in range(max(i, j), part.shape[0]):
                    precisions[p, effects[i], effects[j]] += inverse[k, i] * inverse[k, j]


@allocating
def block(matrix: Any, measured: Any) -> tuple[Any, Any]:
    """Return what of a matrix belongs to measured metrics, and which effects those are."""
    effects = np.empty(2 * measured.sum(), np.int64)
    count = 0
    for m in range(measured.shape[0]):
        if measured[m]:
            effects[count], effects[count + 1] = 2 * m, 2 * m + 1
            count += 2
    part = np.empty((count, count))
    for i in range(count):
        for j in range(count):
            part[i, j] = matrix[effects[i], effects[j]]
    return part, effects


@allocating
def residuals(population: Any, data: Any, local: Any) -> Any:
    """Return levels and gains minus what the regression expects of them, shape (C, E)."""
    curves, metrics = data.count.shape
    expected = product(data.design, population.coef)
    for c in range(curves):
        for m in range(metrics):
            for e in range(2):
                expected[c, 2 * m + e] = local.x[c, m, e] - expected[c, 2 * m + e]
    return expected


@allocating
def squares(population: Any, data: Any, local: Any, precisions: Any, rest: Any) -> Any:
    """Return how far off curves are in what was measured, and in how many effects, shape (C, 2).

    `rest` are `residuals`.
    """
    found = np.zeros((rest.shape[0], 2))
    for c in range(rest.shape[0]):
        precision = precisions[data.pattern[c]]
        for e in range(rest.shape[1]):
            for other in range(rest.shape[1]):
                found[c, 0] += rest[c, e] * precision[e, other] * rest[c, other]
        for m in range(data.count.shape[1]):
            if data.count[c, m] > 0:
                found[c, 0] += shape_place(population, local, c, m) ** 2
                found[c, 1] += EFFECTS
    return found


@compiled
def shape_place(population: Any, local: Any, c: Any, m: Any) -> float:
    """Return the shape of a curve and metric in sds from the mean of its law."""
    law = local.law[c, m]
    return float((local.x[c, m, SHAPE] - population.shape_mean[m, law]) / population.shape_sd[m, law])


@allocating
def draw_scales(population: Any, data: Any, local: Any, precisions: Any, rest: Any) -> Any:
    """Draw the precision of every curve, as a multiple of the population's, shape (C,).

    Given these gamma variables what sets curves apart is normal; with them summed over, Student-t. Arguments
    as in `squares`.
    """
    scales, degrees = squares(population, data, local, precisions, rest), data.curve_degrees
    for c in range(rest.shape[0]):
        rate = 0.5 * (degrees + scales[c, 0])
        scales[c, 0] = np.random.gamma(0.5 * (degrees + scales[c, 1]), 1.0) / rate
    return scales[:, 0].copy()


@allocating
def draw_coefficients(population: Any, data: Any, precisions: Any, scales: Any, rest: Any) -> None:
    """Draw all coefficients at once, and keep the residuals up to date.

    Effect by effect they would crawl, since levels and gains of all metrics hang together. What was not
    measured says nothing: its precision is 0.
    """
    columns, effects = population.coef.shape
    curves = rest.shape[0]
    target = product(data.design, population.coef)
    pulled = np.zeros((curves, effects))
    for c in range(curves):
        precision = precisions[data.pattern[c]]
        for e in range(effects):
            target[c, e] += rest[c, e]
        for e in range(effects):
            for other in range(effects):
                pulled[c, e] += scales[c] * target[c, other] * precision[other, e]
    moment = gram(data.design, pulled)
    system, pull = np.zeros((columns * effects, columns * effects)), np.empty(columns * effects)
    for p in range(data.measured.shape[0]):
        chosen = data.pattern == p
        square = gram(data.design[chosen], weighted(data.design[chosen], scales[chosen]))
        for e in range(effects):
            for other in range(effects):
                for q in range(columns):
                    for r in range(columns):
                        system[e * columns + q, other * columns + r] += precisions[p, e, other] * square[q, r]
    for e in range(effects):
        for q in range(columns):
            place = e * columns + q
            pull[place] = moment[q, e]
            if data.group[q] < 0:
                width = data.coef_sd[q, e] ** -2.0
                pull[place] += data.coef_mean[q, e] * width
            else:
                width = population.group_sd[data.group[q], e] ** -2.0
            system[place, place] += width
    draw_normal(system, pull)
    for e in range(effects):
        for q in range(columns):
            population.coef[q, e] = pull[e * columns + q]
    expected = product(data.design, population.coef)
    for c in range(curves):
        for e in range(effects):
            rest[c, e] = target[c, e] - expected[c, e]


@allocating
def weighted(rows: Any, scales: Any) -> Any:
    """Return rows times the precisions of their curves."""
    found = rows.copy()
    for c in range(rows.shape[0]):
        found[c] *= scales[c]
    return found


@compiled
def move_groups(population: Any, data: Any, precisions: Any, scales: Any, rest: Any, steps: Any) -> None:
    """Move the spreads of the factors, with the effects of their levels as they are, and in step."""
    columns, effects = population.coef.shape
    for f in range(data.group_prior.shape[0]):
        for e in range(effects):
            square, count = 0.0, 0
            for q in range(columns):
                if data.group[q] == f:
                    square += population.coef[q, e] ** 2
                    count += 1
            now = math.log(population.group_sd[f, e])
            for _ in range(_REPEATS):
                new = now + math.exp(steps.group_sd[f, e]) * np.random.standard_normal()
                change = log_spread(new, data.group_prior[f, e]) - log_spread(now, data.group_prior[f, e])
                change += count * (now - new) - 0.5 * square * (math.exp(-2.0 * new) - math.exp(-2.0 * now))
                if accept(change, steps.group_sd, (f, e), steps.rate[0]):
                    now = new
            population.group_sd[f, e] = math.exp(now)
            scaled_group(population, data, precisions, scales, rest, steps, f, e)


@allocating
def scaled_group(
    population: Any, data: Any, precisions: Any, scales: Any, rest: Any, steps: Any, f: Any, e: Any
) -> None:
    """Move the spread of a factor in step with the effects of its levels; the mean of all curves stays.

    The intercept makes up for it: where few levels were measured, effects and intercept hold one another.
    """
    now = math.log(population.group_sd[f, e])
    new = now + math.exp(steps.group_scale[f, e]) * np.random.standard_normal()
    curves = rest.shape[0]
    shift = np.zeros(curves)
    for q in range(population.coef.shape[0]):
        if data.group[q] == f:
            for c in range(curves):
                shift[c] += data.design[c, q] * population.coef[q, e] * (1.0 - math.exp(new - now))
    measured = data.count[:, e // 2] > 0
    common = (shift * measured).sum() / max(measured.sum(), 1)
    shift -= common
    pulled = np.zeros(curves)
    for c in range(curves):
        for other in range(rest.shape[1]):
            pulled[c] += rest[c, other] * precisions[data.pattern[c], e, other]
    change = log_spread(new, data.group_prior[f, e]) - log_spread(now, data.group_prior[f, e])
    off, sd = population.coef[0, e] - data.coef_mean[0, e], data.coef_sd[0, e]
    change += 0.5 * (off * off - (off + common) ** 2) / (sd * sd)
    for c in range(curves):
        square = 0.5 * precisions[data.pattern[c], e, e] * shift[c] * shift[c]
        change -= scales[c] * (square + shift[c] * pulled[c])
    if accept(change, steps.group_scale, (f, e), steps.rate[0]):
        population.group_sd[f, e] = math.exp(new)
        for c in range(curves):
            rest[c, e] += shift[c]
        population.coef[0, e] += common
        for q in range(population.coef.shape[0]):
            if data.group[q] == f:
                population.coef[q, e] *= math.exp(new - now)


@allocating
def log_scatter(partial: Any, sd: Any, data: Any, scatter: Any, sizes: Any) -> float:
    """Return the log density of residuals under a covariance, up to a constant.

    Of every pattern of measured metrics, `scatter`, shape (P, E, E), is the sum of squares and products of
    the residuals. `sizes` are numbers of curves.
    """
    between, total = covariance(partial, sd), 0.0
    for p in range(sizes.shape[0]):
        part, effects = block(between, data.measured[p])
        inverse = lower_inverse(cholesky(part))
        for i in range(effects.shape[0]):
            total += sizes[p] * math.log(inverse[i, i])
            for j in range(i + 1):
                for k in range(i + 1):
                    total -= 0.5 * inverse[i, j] * inverse[i, k] * scatter[p, effects[j], effects[k]]
    return total


@allocating
def move_covariance(population: Any, data: Any, scales: Any, rest: Any, steps: Any) -> None:
    """Move spreads and partial correlations of levels and gains between curves, some times."""
    patterns, effects = data.measured.shape[0], rest.shape[1]
    scatter, sizes = np.zeros((patterns, effects, effects)), np.zeros(patterns)
    for p in range(patterns):
        own = rest[data.pattern == p]
        scatter[p], sizes[p] = gram(own, weighted(own, scales[data.pattern == p])), own.shape[0]
    sd, partial = population.sd, population.partial
    now = log_scatter(partial, sd, data, scatter, sizes)
    for _ in range(_COVARIANCE_TURNS):
        for e in range(sd.shape[0]):
            old = sd[e]
            new = old * math.exp(math.exp(steps.sd[e]) * np.random.standard_normal())
            sd[e] = new
            then = log_scatter(partial, sd, data, scatter, sizes)
            change = then - now + log_spread(math.log(new), data.sd_prior[e])
            change -= log_spread(math.log(old), data.sd_prior[e])
            if accept(change, steps.sd, e, steps.rate[0]):
                now = then
            else:
                sd[e] = old
        for i in range(partial.shape[0]):
            old = partial[i]
            new = math.tanh(math.atanh(old) + math.exp(steps.partial[i]) * np.random.standard_normal())
            # In the Fisher transform a symmetric Beta(b, b) has the density (1 - r^2)^b.
            change = data.partial[i] * (math.log(max(1.0 - new * new, 1e-300)) - math.log(1.0 - old * old))
            partial[i] = new
            then = log_scatter(partial, sd, data, scatter, sizes) if abs(new) < 1.0 - 1e-12 else -np.inf
            if accept(change + then - now, steps.partial, i, steps.rate[0]):
                now = then
            else:
                partial[i] = old
