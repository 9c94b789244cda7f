"""Draws of the regression of levels and gains given the curves, compiled.

Coefficients are normal given all else. Spreads and correlations take Metropolis steps, whose sizes adapt
during warm-up.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.particles.compiled import compiled
from bayesscale.particles.linear import draw_normal, gram, product
from bayesscale.particles.state import LAW_COUNT
from bayesscale.particles.steps import accept, log_spread

_REPEATS = 2


@compiled
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


@compiled
def inverse_factor(partial: Any, sd: Any) -> Any:
    """Return the inverse of the Cholesky factor of the covariance between curves."""
    count = sd.shape[0]
    factor = correlation_factor(partial, count)
    inverse = np.zeros((count, count))
    for i in range(count):
        inverse[i, i] = 1.0 / (factor[i, i] * sd[i])
        for j in range(i):
            total = 0.0
            for k in range(j, i):
                total += factor[i, k] * sd[i] * inverse[k, j]
            inverse[i, j] = -total * inverse[i, i]
    return inverse


@compiled
def fill_prior(population: Any, data: Any, prior: Any, precision: Any) -> None:
    """Write what does not depend on other metrics of a population as the curves see it.

    Parameters
    ----------
    population, data, prior : Population, Assembly, LocalPrior
        The population, the data, and what is written.
    precision : array, shape (E, E)
        Written: the inverse covariance of levels and gains between curves.
    """
    inverse = inverse_factor(population.partial, population.sd)
    precision[:] = gram(inverse, inverse)
    for m in range(data.count.shape[1]):
        prior.fall[m] = population.fall[m]
        for kind in range(4):
            prior.pooled_mean[kind, m] = population.pooled_mean[kind, m]
            prior.pooled_sd[kind, m] = population.pooled_sd[kind, m]
        for k in range(LAW_COUNT):
            prior.shape_mean[m, k] = population.shape_mean[m, k]
            prior.shape_sd[m, k] = population.shape_sd[m, k]
            prior.log_share[m, k] = math.log(population.share[m, k]) if data.allowed[m, k] else -np.inf
        for c in range(data.count.shape[0]):
            rate = population.log_hazard[m] + population.hazard_alignment[m] * data.alignment[c]
            prior.hazard[c, m] = math.exp(rate) * data.span
            prior.precision[c, m, 0] = precision[2 * m, 2 * m]
            prior.precision[c, m, 1] = precision[2 * m, 2 * m + 1]
            prior.precision[c, m, 2] = precision[2 * m + 1, 2 * m + 1]


@compiled
def residuals(population: Any, data: Any, local: Any) -> Any:
    """Return levels and gains minus what the regression expects of them, shape (C, E)."""
    curves, metrics = data.count.shape
    expected = product(data.design, population.coef)
    for c in range(curves):
        for m in range(metrics):
            for e in range(2):
                expected[c, 2 * m + e] = local.x[c, m, e] - expected[c, 2 * m + e]
    return expected


@compiled
def draw_coefficients(population: Any, data: Any, precision: Any, rest: Any) -> None:
    """Draw all coefficients at once, and keep the residuals up to date.

    Effect by effect they would crawl, since levels and gains of all metrics hang together.
    """
    columns, effects = population.coef.shape
    target, square = product(data.design, population.coef), gram(data.design, data.design)
    for c in range(rest.shape[0]):
        for e in range(effects):
            target[c, e] += rest[c, e]
    moment = product(gram(data.design, target), precision)
    system, pull = np.empty((columns * effects, columns * effects)), np.empty(columns * effects)
    for e in range(effects):
        for other in range(effects):
            for q in range(columns):
                for p in range(columns):
                    system[e * columns + q, other * columns + p] = precision[e, other] * square[q, p]
        for q in range(columns):
            place = e * columns + q
            pull[place] = moment[q, e]
            if data.group[q] < 0:
                own = data.coef_sd[q, e] ** -2.0
                pull[place] += data.coef_mean[q, e] * own
            else:
                own = population.group_sd[data.group[q], e] ** -2.0
            system[place, place] += own
    draw_normal(system, pull)
    for e in range(effects):
        for q in range(columns):
            population.coef[q, e] = pull[e * columns + q]
    expected = product(data.design, population.coef)
    for c in range(rest.shape[0]):
        for e in range(effects):
            rest[c, e] = target[c, e] - expected[c, e]


@compiled
def move_groups(population: Any, data: Any, precision: Any, rest: Any, steps: Any) -> None:
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
            scaled_group(population, data, precision, rest, steps, f, e)


@compiled
def scaled_group(population: Any, data: Any, precision: Any, rest: Any, steps: Any, f: Any, e: Any) -> None:
    """Move the spread of a factor together with the effects of its levels."""
    now = math.log(population.group_sd[f, e])
    new = now + math.exp(steps.group_scale[f, e]) * np.random.standard_normal()
    curves = rest.shape[0]
    shift = np.zeros(curves)
    for q in range(population.coef.shape[0]):
        if data.group[q] == f:
            for c in range(curves):
                shift[c] += data.design[c, q] * population.coef[q, e] * (1.0 - math.exp(new - now))
    pulled = np.zeros(curves)
    for c in range(curves):
        for other in range(rest.shape[1]):
            pulled[c] += rest[c, other] * precision[e, other]
    change = log_spread(new, data.group_prior[f, e]) - log_spread(now, data.group_prior[f, e])
    for c in range(curves):
        change -= 0.5 * precision[e, e] * shift[c] * shift[c] + shift[c] * pulled[c]
    if accept(change, steps.group_scale, (f, e), steps.rate[0]):
        population.group_sd[f, e] = math.exp(new)
        for c in range(curves):
            rest[c, e] += shift[c]
        for q in range(population.coef.shape[0]):
            if data.group[q] == f:
                population.coef[q, e] *= math.exp(new - now)


@compiled
def log_scatter(partial: Any, sd: Any, scatter: Any, curves: Any) -> float:
    """Return the log density of residuals with a scatter matrix under a covariance."""
    inverse = inverse_factor(partial, sd)
    spread, total = product(inverse, scatter), 0.0
    for i in range(sd.shape[0]):
        total += curves * math.log(inverse[i, i])
        for j in range(i + 1):
            total -= 0.5 * spread[i, j] * inverse[i, j]
    return total


@compiled
def move_covariance(population: Any, data: Any, rest: Any, steps: Any) -> None:
    """Move spreads and partial correlations of levels and gains between curves."""
    scatter, curves = gram(rest, rest), rest.shape[0]
    sd, partial = population.sd, population.partial
    now = log_scatter(partial, sd, scatter, curves)
    for e in range(sd.shape[0]):
        old = sd[e]
        new = old * math.exp(math.exp(steps.sd[e]) * np.random.standard_normal())
        sd[e] = new
        then = log_scatter(partial, sd, scatter, curves)
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
        then = log_scatter(partial, sd, scatter, curves) if abs(new) < 1.0 - 1e-12 else -np.inf
        if accept(change + then - now, steps.partial, i, steps.rate[0]):
            now = then
        else:
            partial[i] = old
