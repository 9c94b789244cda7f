"""Curves change places with their particles, and laws are weighed with the particles summed over, compiled.

State and particles of a curve together have the density p(state | population) * product of p(particle |
proposal). Both share the likelihood, so which of them is the state has odds p(. | population) / p(. |
proposal): a draw of it is as exact as it is cheap. Particles are moved as well, under the proposal, so that
a cloud is never used up.

Before that draw, shares and shapes of laws are moved with it summed over. Given the laws of the curves,
shares would crawl: a law that many curves follow draws in the rest.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.particles.compiled import compiled
from bayesscale.particles.glide import glide
from bayesscale.particles.local import log_prior
from bayesscale.particles.moves import BREAK, LAW, SINGLE, move
from bayesscale.particles.places import SHAPE
from bayesscale.particles.state import LAW_COUNT
from bayesscale.particles.steps import accept, log_spread

# So many particles of each cloud are moved in a sweep.
_REFRESHED = 2
_SHARE_TURNS, _SHAPE_TURNS = 10, 1


@compiled
def law_of(c: Any, m: Any, i: Any, pool: Any, local: Any) -> Any:
    """Return the law of a particle; behind the last, of the state."""
    return pool.law[c, m, i] if i < pool.law.shape[2] else local.law[c, m]


@compiled
def shape_of(c: Any, m: Any, i: Any, pool: Any, local: Any) -> Any:
    """Return the shape of a particle; behind the last, of the state."""
    return pool.x[c, m, i, SHAPE] if i < pool.law.shape[2] else local.x[c, m, SHAPE]


@compiled
def weigh(m: Any, odds: Any, under: Any, prior: Any, proposal: Any, data: Any, pool: Any, local: Any) -> None:
    """Write the log odds of all particles of a metric, and of the states, the last.

    Parameters
    ----------
    m : int
        The metric.
    odds : array, shape (C, particles + 1)
        Written: log p(. | population) - log p(. | proposal), the largest of a curve 0.
    under : array, shape (C,)
        Written: log density of the states under the proposal.
    prior, proposal : LocalPrior
        The population of the curves, and that of their particles.
    data, pool, local : Assembly, Pool, Local
        The data, the clouds and the curves.
    """
    particles = pool.law.shape[2]
    for c in range(data.count.shape[0]):
        if data.count[c, m] == 0:
            continue
        for i in range(particles):
            law, broken, x = pool.law[c, m, i], pool.broken[c, m, i], pool.x[c, m, i]
            odds[c, i] = log_prior(law, broken, x, prior, data, c, m) - pool.prior[c, m, i]
        law, broken, x = local.law[c, m], local.broken[c, m], local.x[c, m]
        under[c] = log_prior(law, broken, x, proposal, data, c, m)
        odds[c, particles] = log_prior(law, broken, x, prior, data, c, m) - under[c]
        odds[c] -= odds[c].max()


@compiled
def law_sums(k: Any, m: Any, mean: Any, sd: Any, odds: Any, prior: Any, data: Any, pool: Any, local: Any,
             sums: Any) -> None:  # fmt: skip
    """Write the weights of one law, its share left out, under another mean and sd of its shape."""
    old_mean, old_sd = prior.shape_mean[m, k], prior.shape_sd[m, k]
    constant = math.log(old_sd / sd) - prior.log_share[m, k]
    for c in range(data.count.shape[0]):
        total = 0.0
        for i in range(odds.shape[1] if data.count[c, m] > 0 else 0):
            if law_of(c, m, i, pool, local) == k:
                shape = shape_of(c, m, i, pool, local)
                before, after = (shape - old_mean) / old_sd, (shape - mean) / sd
                total += math.exp(odds[c, i] + 0.5 * (before * before - after * after) + constant)
        sums[c, k] = total


@compiled
def log_mixture(m: Any, share: Any, sums: Any, data: Any) -> float:
    """Return the log density of the curves with their laws summed over."""
    total = 0.0
    for c in range(sums.shape[0]):
        if data.count[c, m] > 0:
            own = 0.0
            for k in range(LAW_COUNT):
                own += share[k] * sums[c, k]
            total += math.log(own) if own > 0.0 else -np.inf
    return total


@compiled
def mix_laws(
    m: Any, odds: Any, population: Any, prior: Any, data: Any, pool: Any, local: Any, steps: Any
) -> None:
    """Move shares and shapes of a metric's laws with the particles summed over, and the odds with them."""
    curves = data.count.shape[0]
    sums, trial, share = (
        np.zeros((curves, LAW_COUNT)),
        np.zeros((curves, LAW_COUNT)),
        population.share[m].copy(),
    )
    mean, sd = population.shape_mean[m].copy(), population.shape_sd[m].copy()
    for k in range(LAW_COUNT):
        if data.allowed[m, k]:
            law_sums(k, m, mean[k], sd[k], odds, prior, data, pool, local, sums)
    for _ in range(_SHAPE_TURNS):
        draw_shares(m, share, sums, data)
        for k in range(LAW_COUNT):
            if not data.allowed[m, k]:
                continue
            now = log_mixture(m, share, sums, data)
            step = math.exp(steps.mixed[m, k])
            row = data.shapes[m, k]
            new_mean = mean[k] + step * sd[k] * np.random.standard_normal()
            new_sd = sd[k] * math.exp(step * np.random.standard_normal())
            trial[:] = sums
            law_sums(k, m, new_mean, new_sd, odds, prior, data, pool, local, trial)
            change = log_mixture(m, share, trial, data) - now
            change += log_spread(math.log(new_sd), row[2:]) - log_spread(math.log(sd[k]), row[2:])
            change += log_spread(new_mean, row[:2]) - log_spread(mean[k], row[:2])
            # The step of the mean is in units of the spread, which changes with it.
            off = (new_mean - mean[k]) / step
            change += 0.5 * off * off * (sd[k] ** -2.0 - new_sd**-2.0) + math.log(sd[k] / new_sd)
            if accept(change, steps.mixed, (m, k), steps.rate[0]):
                mean[k], sd[k] = new_mean, new_sd
                sums[:] = trial
    draw_shares(m, share, sums, data)
    settle_laws(m, share, mean, sd, odds, population, prior, data, pool, local)


@compiled
def draw_shares(m: Any, share: Any, sums: Any, data: Any) -> None:
    """Draw laws of curves and shares of laws in turn, some times."""
    counts = np.empty(LAW_COUNT)
    for _ in range(_SHARE_TURNS):
        counts[:] = 1.0
        for c in range(sums.shape[0]):
            if data.count[c, m] == 0:
                continue
            total = 0.0
            for k in range(LAW_COUNT):
                total += share[k] * sums[c, k]
            r, chosen = total * np.random.random(), -1
            for k in range(LAW_COUNT):
                r -= share[k] * sums[c, k]
                if chosen < 0 and r < 0.0:
                    chosen = k
            if chosen >= 0:
                counts[chosen] += 1.0
        total = 0.0
        for k in range(LAW_COUNT):
            share[k] = max(np.random.gamma(counts[k], 1.0), 1e-12) if data.allowed[m, k] else 0.0
            total += share[k]
        share /= total


@compiled
def settle_laws(m: Any, share: Any, mean: Any, sd: Any, odds: Any, population: Any, prior: Any, data: Any,
                pool: Any, local: Any) -> None:  # fmt: skip
    """Write new shares and shapes to the population, and what they mean for the odds of every particle."""
    for c in range(data.count.shape[0]):
        for i in range(odds.shape[1] if data.count[c, m] > 0 else 0):
            k, shape = law_of(c, m, i, pool, local), shape_of(c, m, i, pool, local)
            before = (shape - prior.shape_mean[m, k]) / prior.shape_sd[m, k]
            after = (shape - mean[k]) / sd[k]
            odds[c, i] += 0.5 * (before * before - after * after)
            odds[c, i] += math.log(share[k] * prior.shape_sd[m, k] / sd[k]) - prior.log_share[m, k]
    population.share[m], population.shape_mean[m], population.shape_sd[m] = share, mean, sd
    prior.shape_mean[m], prior.shape_sd[m] = mean, sd
    for k in range(LAW_COUNT):
        if data.allowed[m, k]:
            prior.log_share[m, k] = math.log(share[k])


@compiled
def exchange(c: Any, m: Any, odds: Any, under: Any, pool: Any, local: Any) -> None:
    """Let a curve and one of its particles change places.

    Parameters
    ----------
    c, m : int
        Curve and metric.
    odds : array, shape (particles + 1,)
        Log odds of the particles, and of the state, the last.
    under : float
        Log density of the state under the proposal.
    pool, local : Pool, Local
        The clouds and the curves.
    """
    count, largest, total, squares = odds.shape[0] - 1, odds.max(), 0.0, 0.0
    for i in range(count + 1):
        odds[i] = math.exp(odds[i] - largest)
        total += odds[i]
        squares += odds[i] * odds[i]
    local.effective[c, m] = total * total / squares
    r, chosen = total * np.random.random(), count
    for i in range(count):
        r -= odds[i]
        if r < 0.0:
            chosen = i
            break
    if chosen < count:
        x, law, broken = local.x[c, m].copy(), local.law[c, m], local.broken[c, m]
        likelihood = local.likelihood[c, m]
        local.x[c, m] = pool.x[c, m, chosen]
        local.law[c, m], local.broken[c, m] = pool.law[c, m, chosen], pool.broken[c, m, chosen]
        local.likelihood[c, m] = pool.likelihood[c, m, chosen]
        pool.x[c, m, chosen], pool.law[c, m, chosen], pool.broken[c, m, chosen] = x, law, broken
        pool.prior[c, m, chosen], pool.likelihood[c, m, chosen] = under, likelihood


@compiled
def refresh(c: Any, m: Any, several: Any, can_break: Any, proposal: Any, guide: Any, data: Any,
            pool: Any, steps: Any, room: Any) -> None:  # fmt: skip
    """Move some particles of a cloud under the proposal."""
    for _ in range(_REFRESHED):
        i, kind = np.random.randint(pool.law.shape[2]), SINGLE
        r = np.random.random()
        if several and r < 0.4:
            kind = LAW
        elif can_break and r > 0.6:
            kind = BREAK
        x = pool.x[c, m, i]
        law, broken, now, likelihood = move(
            kind, 1.0, pool.law[c, m, i], pool.broken[c, m, i], x, pool.prior[c, m, i],
            pool.likelihood[c, m, i], proposal, guide, data, c, m, room[0],
        )  # fmt: skip
        now, likelihood = glide(
            law, broken, x, now, likelihood, proposal, guide, data, c, m, steps.glide, 0.0, room
        )
        pool.law[c, m, i], pool.broken[c, m, i] = law, broken
        pool.prior[c, m, i], pool.likelihood[c, m, i] = now, likelihood
