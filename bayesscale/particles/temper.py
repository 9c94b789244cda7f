"""Clouds of particles: adaptive tempered sequential Monte Carlo for one curve and metric, compiled.

Particles are drawn from a proposal population and brought to the curve's posterior by raising the power of
the likelihood from 0 to 1. Each step is as large as leaves half of the particles effective (Del Moral,
Doucet and Jasra, J. R. Stat. Soc. B 68, 2006).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.particles.compiled import compiled
from bayesscale.particles.linear import cholesky
from bayesscale.particles.local import log_prior, pair_likelihood
from bayesscale.particles.moves import BREAK, JUMP, LAW, PARTS, SINGLE, WALK, count_free, move, prior_sd, stir
from bayesscale.particles.places import GAIN, LAW_COUNT, LEVEL, LOCAL, MODE, NOISE, SHAPE, SLOPE, TAU

_EFFECTIVE = 0.5
_STEPS = 60
# Jumps of every particle at the end.
_STIRRED = 3
# So many particles of a part are needed to fit a distribution to it, per parameter and at least.
_PER_PARAMETER, _LEAST = 2, 16
# A fitted covariance is widened a little, and never narrower than this share of the prior's sd.
_WIDER, _NARROWEST, _SHRUNK = 1.15, 1e-3, 0.1


@compiled
def draw_prior(x: Any, scale: Any, prior: Any, data: Any, c: Any, m: Any) -> tuple[Any, Any]:
    """Write a draw from the population; return its law, and whether it breaks within the data.

    Parameters
    ----------
    x : array, shape (LOCAL,)
        Written.
    scale : float
        Precision of level, gain and shape as a multiple of the population's.
    prior, data, c, m : LocalPrior, Assembly, int, int
        The population, the data, curve and metric.
    """
    r, law = np.random.random(), -1
    last = 0
    for k in range(LAW_COUNT):
        if data.allowed[m, k] and law < 0:
            last = k
            r -= math.exp(prior.log_share[c, m, k])
            if r < 0.0:
                law = k
    law = law if law >= 0 else last
    precision = prior.precision[c, m]
    spread = 1.0 / math.sqrt(scale)
    # Gain first, then level given the gain.
    gain_sd = math.sqrt(precision[0] / (precision[0] * precision[2] - precision[1] ** 2))
    gain = gain_sd * np.random.standard_normal()
    level = -precision[1] / precision[0] * gain + np.random.standard_normal() / math.sqrt(precision[0])
    x[LEVEL], x[GAIN] = prior.mean[c, m, 0] + spread * level, prior.mean[c, m, 1] + spread * gain
    x[SHAPE] = prior.shape_mean[m, law] + prior.shape_sd[m, law] * spread * np.random.standard_normal()
    for kind in range(4):
        x[NOISE + kind] = 0.0
        if data.pooled_free[kind]:
            off = prior.pooled_sd[kind, m] * np.random.standard_normal()
            x[NOISE + kind] = prior.pooled_mean[kind, m] + off
    x[MODE], x[MODE + 1] = np.random.standard_normal(), np.random.standard_normal()
    x[TAU], x[SLOPE] = 0.0, 0.0
    broken = 0
    if data.may_break[m]:
        waited = np.random.standard_exponential() / prior.hazard[c, m]
        x[TAU] = data.first[c, m] + waited
        x[SLOPE] = prior.fall[m] * (data.break_spread * np.random.standard_normal() - 1.0)
        broken = 1 if x[TAU] < data.last[c, m] else 0
    return law, broken


@compiled
def effective(likelihood: Any, step: Any, weight: Any) -> float:
    """Write the weights of a step in temperature; return the share of particles that is effective."""
    largest = likelihood.max()
    total, squares = 0.0, 0.0
    for i in range(likelihood.shape[0]):
        weight[i] = math.exp(step * (likelihood[i] - largest)) if math.isfinite(likelihood[i]) else 0.0
        total += weight[i]
        squares += weight[i] * weight[i]
    for i in range(likelihood.shape[0]):
        weight[i] /= total
    return total * total / squares / likelihood.shape[0]


@compiled
def next_step(likelihood: Any, left: Any, weight: Any) -> float:
    """Return the largest step in temperature that leaves half of the particles effective."""
    if effective(likelihood, left, weight) >= _EFFECTIVE:
        return float(left)
    low, high = 0.0, left
    for _ in range(30):
        middle = 0.5 * (low + high)
        if effective(likelihood, middle, weight) >= _EFFECTIVE:
            low = middle
        else:
            high = middle
    step = max(low, 1e-12)
    effective(likelihood, step, weight)
    return step


@compiled
def resampled(weight: Any) -> Any:
    """Return which particles survive, by systematic resampling."""
    count = weight.shape[0]
    chosen = np.empty(count, np.int64)
    at, place, total = np.random.random(), 0, weight[0]
    for i in range(count):
        while total < (i + at) / count and place < count - 1:
            place += 1
            total += weight[place]
        chosen[i] = place
    return chosen


@compiled
def fit_parts(x: Any, law: Any, broken: Any, prior: Any, guide: Any, data: Any, c: Any, m: Any) -> None:
    """Write the covariance of the particles of each part; of parts with too few it stays as it was."""
    particles = x.shape[0]
    for part in range(PARTS):
        free = guide.free[part % 2]
        count, own = count_free(free), 0
        centre = np.zeros(count)
        for i in range(particles):
            if 2 * law[i] + broken[i] == part:
                own += 1
                for d in range(count):
                    centre[d] += x[i, free[d]]
        if own < max(_LEAST, _PER_PARAMETER * count):
            continue
        centre /= own
        covariance = np.zeros((count, count))
        for i in range(particles):
            if 2 * law[i] + broken[i] == part:
                for d in range(count):
                    for e in range(d + 1):
                        covariance[d, e] += (x[i, free[d]] - centre[d]) * (x[i, free[e]] - centre[e])
        # Correlations from few particles look stronger than they are. Where they are strong, a little less of
        # them already makes a step long in the narrow direction.
        shrink = 1.0 - _SHRUNK * count / own
        for d in range(count):
            for e in range(d):
                covariance[d, e] *= _WIDER * shrink / own
                covariance[e, d] = covariance[d, e]
            floor = _NARROWEST * prior_sd(free[d], part // 2, prior, data, c, m)
            covariance[d, d] = _WIDER * covariance[d, d] / own + floor * floor
        factor = cholesky(covariance)
        guide.known[c, m, part] = True
        for d in range(count):
            guide.centre[c, m, part, d] = centre[d]
            for e in range(d + 1):
                guide.factor[c, m, part, d, e] = factor[d, e]


@compiled
def temper(
    c: Any,
    m: Any,
    particles: Any,
    moves: Any,
    prior: Any,
    guide: Any,
    data: Any,
    pool: Any,
    local: Any,
    out: Any,
) -> int:
    """Fill pool and guide of a curve and metric, and put the curve where one of its particles is.

    Returns the number of temperatures.
    """
    x = np.zeros((particles, LOCAL))
    law, broken = np.zeros(particles, np.int64), np.zeros(particles, np.int64)
    log_priors, likelihood = np.empty(particles), np.empty(particles)
    for i in range(particles):
        scale = np.random.gamma(0.5 * prior.degrees[c, m], 2.0) / prior.rest[c, m]
        law[i], broken[i] = draw_prior(x[i], scale, prior, data, c, m)
        log_priors[i] = log_prior(law[i], broken[i], x[i], prior, data, c, m)
        likelihood[i] = pair_likelihood(law[i], broken[i], x[i], data, c, m, out)
    several = data.allowed[m].sum() > 1
    can_break = data.may_break[m] and data.last[c, m] > data.first[c, m]
    temperature, steps, weight, no_weights = 0.0, 0, np.empty(particles), np.empty(0)
    while temperature < 1.0 and steps < _STEPS:
        steps += 1
        step = next_step(likelihood, 1.0 - temperature, weight)
        # At the limit of steps the rest is taken at once: the chains are exact all the same.
        temperature = 1.0 if steps == _STEPS else min(1.0, temperature + step)
        chosen = resampled(weight)
        x, law, broken = x[chosen], law[chosen], broken[chosen]
        log_priors, likelihood = log_priors[chosen], likelihood[chosen]
        fit_parts(x, law, broken, prior, guide, data, c, m)
        for i in range(particles):
            for number in range(moves):
                kind = WALK
                if number % 4 == 3:
                    kind = SINGLE
                elif number % 4 == 0 and (several or can_break) and np.random.random() < 0.5:
                    kind = JUMP
                elif number % 4 == 1 and several and np.random.random() < 0.5:
                    kind = LAW
                elif number % 4 == 2 and can_break and np.random.random() < 0.5:
                    kind = BREAK
                law[i], broken[i], log_priors[i], likelihood[i] = move(
                    kind, temperature, law[i], broken[i], x[i], log_priors[i], likelihood[i], no_weights,
                    prior, guide, data, c, m, out,
                )  # fmt: skip
    fit_parts(x, law, broken, prior, guide, data, c, m)
    # Shares of the parts are those that resampling has left: moves between them put that right.
    for i in range(particles):
        for _ in range(_STIRRED):
            law[i], broken[i], log_priors[i], likelihood[i] = stir(
                law[i], broken[i], x[i], log_priors[i], likelihood[i], no_weights, several, can_break,
                prior, guide, data, c, m, out,
            )  # fmt: skip
    # Descendants of one particle lie beside each other, and neighbours are summed over together.
    order = np.random.permutation(particles)
    pool.x[c, m], pool.law[c, m], pool.broken[c, m] = x[order], law[order], broken[order]
    pool.prior[c, m], pool.likelihood[c, m] = log_priors[order], likelihood[order]
    i = np.random.randint(particles)
    local.x[c, m], local.law[c, m], local.broken[c, m] = x[i], law[i], broken[i]
    local.likelihood[c, m] = likelihood[i]
    return steps


@compiled
def temper_all(seed: Any, moves: Any, prior: Any, guide: Any, data: Any, pool: Any, local: Any) -> int:
    """Temper every curve and metric; return the most temperatures.

    Parameters
    ----------
    seed : int
        Seed of the random numbers.
    moves : int
        Moves of each particle at every temperature.
    prior : LocalPrior
        The proposal population.
    guide, pool, local : Guide, Pool, Local
        What is written.
    data : Assembly
        The data.
    """
    np.random.seed(seed)
    out = np.empty(data.u.shape[2])
    most = 0
    for c in range(data.count.shape[0]):
        for m in range(data.count.shape[1]):
            if data.count[c, m] > 0:
                most = max(most, temper(c, m, pool.law.shape[2], moves, prior, guide, data, pool, local, out))
            else:
                local.law[c, m], local.broken[c, m] = draw_prior(local.x[c, m], 1.0, prior, data, c, m)
    return most
