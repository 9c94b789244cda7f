"""Clouds of particles: adaptive tempered sequential Monte Carlo for one curve and metric, compiled.

Particles are drawn from a proposal population and brought to the curve's posterior by raising the power of
the likelihood from 0 to 1. Each step is as large as leaves half of the particles effective (Del Moral,
Doucet and Jasra, J. R. Stat. Soc. B 68, 2006).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.particles.compiled import allocating, compiled
from bayesscale.particles.guide import fit_parts
from bayesscale.particles.linear import copy_to
from bayesscale.particles.local import log_prior, pair_likelihood
from bayesscale.particles.moves import BREAK, JUMP, LAW, SINGLE, WALK, move, stir
from bayesscale.particles.places import GAIN, LAW_COUNT, LEVEL, LOCAL, MODE, NOISE, SHAPE, SLOPE, TAU

_EFFECTIVE = 0.5
_STEPS = 60
# At least such a share of a cloud follows each law. The log of a law's share in the proposal is raised by so
# much at once, and at most so far above another's.
_LEAST_SHARE, _RAISED, _FARTHEST = 0.15, 0.7, 5.0
# At the end particles are stirred until no correlation with where they were is more than so many times as
# large as by chance. That is looked at every few rounds; then as many follow again, and more while means
# change by so many standard errors.
_CHANCE, _LOOKED, _DRIFT, _ROUNDS = 3.0, 4, 4.0, 240


@compiled
def draw_prior(x: Any, scale: Any, prior: Any, data: Any, c: Any, m: Any) -> tuple[Any, Any]:
    """Write a draw from the population; return its law, and whether it breaks within the data.

    `scale` is the precision of level, gain and shape as a multiple of the population's.
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


@allocating
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


@allocating
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


@allocating
def keep_laws(weight: Any, law: Any, log_priors: Any, share: Any) -> bool:
    """Raise the shares of rare laws in the proposal, and weights with them; return whether no law is rare.

    A cloud has then some particles of each law, so that a curve can change its law once the population has
    changed. A law that fits far worse than another is let go. Weights sum to 1; `share`, log shares of the
    laws, is written.
    """
    total, change, done = np.zeros(LAW_COUNT), np.zeros(LAW_COUNT), True
    for i in range(weight.shape[0]):
        total[law[i]] += weight[i]
    lowest = 0.0
    for k in range(LAW_COUNT):
        if math.isfinite(share[k]):
            lowest = min(lowest, share[k])
    for k in range(LAW_COUNT):
        if math.isfinite(share[k]):
            missing = math.log(max(_LEAST_SHARE / max(total[k], 1.0 / weight.shape[0]), 1.0))
            change[k] = min(missing, _RAISED, max(_FARTHEST + lowest - share[k], 0.0))
            done = done and change[k] < _RAISED
    change -= math.log(np.exp(share + change).sum())
    share += change
    for i in range(weight.shape[0]):
        weight[i] *= math.exp(change[law[i]])
        log_priors[i] += change[law[i]]
    weight /= weight.sum()
    return done


@allocating
def correlation(one: Any, two: Any) -> float:
    """Return the correlation of two arrays, 0 where one of them is constant."""
    off, also = one - one.mean(), two - two.mean()
    size = math.sqrt((off * off).sum() * (also * also).sum())
    return float((off * also).sum() / size) if size > 0.0 else 0.0


@allocating
def difference(one: Any, two: Any) -> float:
    """Return the difference of the means of two independent arrays in standard errors."""
    error = math.sqrt((one.var() + two.var()) / one.shape[0])
    return float(abs(one.mean() - two.mean()) / error) if error > 0.0 else 0.0


@allocating
def features(x: Any, law: Any, broken: Any) -> Any:
    """Return a row a number of particles: places, indicators of laws, and of being broken."""
    found = np.empty((MODE + 3 + LAW_COUNT, x.shape[0]))
    for d in range(MODE + 2):
        found[d] = x[:, d]
    for k in range(LAW_COUNT):
        found[MODE + 2 + k] = law == k
    found[-1] = broken
    return found


@compiled
def remembered(before: Any, now: Any) -> float:
    """Return the largest correlation of particles with what they were, given `features`."""
    most = 0.0
    for row in range(now.shape[0]):
        most = max(most, correlation(before[row], now[row]))
    return most


@compiled
def drifted(before: Any, now: Any) -> float:
    """Return the largest change of a mean in standard errors, given `features` that are independent."""
    most = 0.0
    for row in range(now.shape[0]):
        most = max(most, difference(before[row], now[row]))
    return most


@compiled
def learn_from_others(
    half: Any, x: Any, law: Any, broken: Any, prior: Any, guide: Any, data: Any, c: Any, m: Any
) -> tuple[int, int]:
    """Fit the guide to one half of a cloud; return where the other half, which it may move, begins and ends.

    Moved by a guide that was fitted to them, particles leave small parts too easily: too few breaks are left.
    Descendants of one particle lie beside each other, so few of them are in both halves.
    """
    middle = x.shape[0] // 2
    if half == 0:
        fit_parts(x[middle:], law[middle:], broken[middle:], prior, guide, data, c, m)
        return 0, middle
    fit_parts(x[:middle], law[:middle], broken[:middle], prior, guide, data, c, m)
    return middle, x.shape[0]


@allocating
def even_out(
    x: Any, law: Any, broken: Any, log_priors: Any, likelihood: Any, several: Any, can_break: Any,
    prior: Any, guide: Any, data: Any, c: Any, m: Any, out: Any,
) -> int:  # fmt: skip
    """Stir particles until they have forgotten what resampling has left: many have the same ancestors.

    Then as long again; and all of it again while their means still drift. Returns the number of rounds.
    """
    no_weights, forgotten, number = np.empty(0), _CHANCE / math.sqrt(x.shape[0]), 0
    even = np.full(x.shape[0], 1.0 / x.shape[0])
    before, begun, last = features(x, law, broken), 0, _ROUNDS
    while number < last:
        learning, kept = last == _ROUNDS, True
        if learning:  # what tempering told of laws is rough
            kept = keep_laws(even, law, log_priors, prior.log_share[c, m])
        for half in range(2):
            begin, end = learn_from_others(half, x, law, broken, prior, guide, data, c, m)
            for i in range(begin, end):
                law[i], broken[i], log_priors[i], likelihood[i] = stir(
                    law[i], broken[i], x[i], log_priors[i], likelihood[i], no_weights, several, can_break,
                    prior, guide, data, c, m, out,
                )  # fmt: skip
        number += 1
        looked = learning and kept and (number - begun) % _LOOKED == 0
        if not (looked or number == last):
            continue
        now = features(x, law, broken)
        if looked and remembered(before, now) < forgotten:
            before, last = now, min(2 * number - begun, _ROUNDS)
        elif number == last and drifted(before, now) > _DRIFT:
            before, begun, last = now, number, _ROUNDS
    fit_parts(x, law, broken, prior, guide, data, c, m)
    return number


@allocating
def temper(seed: Any, c: Any, m: Any, moves: Any, prior: Any, guide: Any, data: Any, pool: Any) -> int:
    """Fill pool and guide of a curve and metric; return the number of temperatures.

    At each, every particle takes so many moves. The shares of laws of `prior`, the proposal, are equal at
    first, and become such that the cloud has some of each, see `keep_laws`.
    """
    np.random.seed(seed)
    particles, out = pool.law.shape[2], np.empty(data.u.shape[2])
    x = np.zeros((particles, LOCAL))
    law, broken = np.zeros(particles, np.int64), np.zeros(particles, np.int64)
    log_priors, likelihood = np.empty(particles), np.empty(particles)
    followed = np.isfinite(prior.log_share[c, m])
    prior.log_share[c, m] = np.where(followed, -math.log(followed.sum()), -np.inf)
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
        keep_laws(weight, law, log_priors, prior.log_share[c, m])
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
    even_out(x, law, broken, log_priors, likelihood, several, can_break, prior, guide, data, c, m, out)
    # Descendants of one particle lie beside each other, and neighbours are summed over together.
    order = np.random.permutation(particles)
    pool.x[c, m], pool.law[c, m], pool.broken[c, m] = x[order], law[order], broken[order]
    pool.prior[c, m], pool.likelihood[c, m] = log_priors[order], likelihood[order]
    return steps


@compiled
def begin(seed: Any, prior: Any, data: Any, pool: Any, local: Any) -> None:
    """Put every curve where one of its particles is; without values, where the proposal may be."""
    np.random.seed(seed)
    for c in range(data.count.shape[0]):
        for m in range(data.count.shape[1]):
            if data.count[c, m] > 0:
                i = np.random.randint(pool.law.shape[2])
                copy_to(pool.x[c, m, i], local.x[c, m])
                local.law[c, m], local.broken[c, m] = pool.law[c, m, i], pool.broken[c, m, i]
                local.likelihood[c, m] = pool.likelihood[c, m, i]
            else:
                local.law[c, m], local.broken[c, m] = draw_prior(local.x[c, m], 1.0, prior, data, c, m)
