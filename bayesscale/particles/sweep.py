"""Sweeps of a chain: every curve under its population, then the population under its curves, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayesscale.particles.baseline import move_cells, move_line
from bayesscale.particles.collapsed import collapsed_likelihood, draw_modes, draw_weights
from bayesscale.particles.compiled import allocating, compiled
from bayesscale.particles.difference import step_by_difference
from bayesscale.particles.exchange import exchange, exchange_two
from bayesscale.particles.expected import expect, fill_prior
from bayesscale.particles.glide import glide
from bayesscale.particles.joint import joint
from bayesscale.particles.linear import draw_normal
from bayesscale.particles.local import log_prior, pair_likelihood
from bayesscale.particles.mixture import mix
from bayesscale.particles.moves import stir
from bayesscale.particles.open import move_open
from bayesscale.particles.places import LAW_COUNT
from bayesscale.particles.population import (
    block,
    draw_coefficients,
    draw_scales,
    fill_precisions,
    move_covariance,
    move_groups,
    residuals,
    squares,
)
from bayesscale.particles.temper import draw_prior

# In a sweep a metric's population takes so many turns; in each, so many particles of a pair are summed over.
_TURNS, _SUMMED = 4, 80
# In a sweep one particle of so many is stirred: large clouds are renewed as fast as small ones.
_STIRRED_OF = 240
# So many particles of each of two metrics are tried together, of so large a share of the curves.
_TOGETHER, _TRIED = 100, 0.25


@compiled
def move_pair(law: Any, broken: Any, x: Any, several: Any, can_break: Any, prior: Any, guide: Any, pool: Any,
              data: Any, c: Any, m: Any, steps: Any, rate: Any, room: Any,
              weights: Any) -> tuple[Any, Any, float, float]:  # fmt: skip
    """Move one curve and metric under a population; return law, break, log prior and log likelihood.

    `several` and `can_break` say whether it may follow several laws, and break within the data; steps adapt
    at `rate`. `weights`, shape (N,), is room to work in.
    """
    draw_weights(law, broken, x, data, c, m, room[0], weights)
    now = log_prior(law, broken, x, prior, data, c, m)
    likelihood = collapsed_likelihood(law, broken, x, weights, data, c, m, room[0])
    law, broken, now, likelihood = stir(
        law, broken, x, now, likelihood, weights, several, can_break, prior, guide, data, c, m, room[0]
    )
    law, broken, now, likelihood = step_by_difference(
        law, broken, x, now, likelihood, weights, prior, guide, pool, data, c, m, room[0]
    )
    glide(law, broken, x, now, likelihood, weights, prior, guide, data, c, m, steps.glide, rate, room)
    draw_modes(law, broken, x, weights, data, c, m, room[0])
    now = log_prior(law, broken, x, prior, data, c, m)
    return law, broken, now, pair_likelihood(law, broken, x, data, c, m, room[0])


@allocating
def refresh(proposal: Any, guide: Any, pool: Any, data: Any, c: Any, m: Any, several: Any, can_break: Any,
            room: Any) -> None:  # fmt: skip
    """Stir some particles of a pair under the proposal; arguments as in `move_pair`."""
    no_weights = np.empty(0)
    for _ in range(1 + pool.law.shape[2] // _STIRRED_OF):
        i = np.random.randint(pool.law.shape[2])
        law, broken, under, likelihood = stir(
            pool.law[c, m, i], pool.broken[c, m, i], pool.x[c, m, i], pool.prior[c, m, i],
            pool.likelihood[c, m, i], no_weights, several, can_break, proposal, guide, data, c, m, room[0],
        )  # fmt: skip
        pool.law[c, m, i], pool.broken[c, m, i] = law, broken
        pool.prior[c, m, i], pool.likelihood[c, m, i] = under, likelihood


@compiled
def count_laws(m: Any, data: Any) -> int:
    """Return how many laws a metric may follow."""
    count = 0
    for k in range(LAW_COUNT):
        count += data.allowed[m, k]
    return count


@allocating
def draw_shares(m: Any, population: Any, data: Any, local: Any) -> None:
    """Draw the shares of a metric's laws given the laws of its curves; their prior is flat."""
    size = np.zeros(LAW_COUNT)
    for k in range(LAW_COUNT):
        followed = ((local.law[:, m] == k) & (data.count[:, m] > 0)).sum()
        size[k] = np.random.gamma(1.0 + followed, 1.0) if data.allowed[m, k] else 0.0
    size /= size.sum()
    for k in range(LAW_COUNT):
        if data.allowed[m, k]:
            population.share[m, k] = max(size[k], 1e-12)


@allocating
def move_curves(
    population: Any, data: Any, local: Any, prior: Any, guide: Any, steps: Any, proposal: Any, pool: Any,
    precisions: Any,
) -> None:  # fmt: skip
    """Move the population of every metric with its particles summed over, then every curve under it.

    Shares of laws also move given the curves' laws: where few curves follow a law, its share ranges widely.
    Precisions are written.
    """
    curves = data.count.shape[0]
    room, summed = np.empty((4, data.u.shape[2])), 1 + min(_SUMMED, pool.law.shape[2])
    order, odds = np.empty((curves, summed), np.int64), np.empty((curves, summed))
    expected, inverse = np.zeros((curves, 6)), np.zeros((curves, 3))
    weights = np.empty(data.u.shape[2])
    for m in range(data.count.shape[1]):
        several = count_laws(m, data) > 1
        for _ in range(_TURNS):
            draw_shares(m, population, data, local)
            fill_precisions(population, data, precisions)
            expect(m, population, data, local, precisions, expected, inverse)
            mix(m, population, expected, inverse, data, pool, local, proposal, steps, order, odds)
            for c in range(curves):
                if data.count[c, m] > 0:
                    exchange(c, m, order[c], odds[c], proposal, data, pool, local)
        fill_prior(m, population, data, precisions, expected, inverse, prior)
        for c in range(curves):
            if data.count[c, m] > 0:
                can_break = data.may_break[m] and data.last[c, m] > data.first[c, m]
                law, broken, _, likelihood = move_pair(
                    local.law[c, m], local.broken[c, m], local.x[c, m], several, can_break, prior, guide,
                    pool, data, c, m, steps, steps.rate[0], room, weights,
                )  # fmt: skip
                local.law[c, m], local.broken[c, m], local.likelihood[c, m] = law, broken, likelihood
                refresh(proposal, guide, pool, data, c, m, several, can_break, room)
    fill_precisions(population, data, precisions)
    exchange_metrics(population, data, local, prior, proposal, pool, precisions)


@allocating
def exchange_metrics(
    population: Any, data: Any, local: Any, prior: Any, proposal: Any, pool: Any, precisions: Any
) -> None:
    """Let a quarter of the curves with several metrics change places with particles of two of them at once.

    Arguments as in `move_curves`.
    """
    rest = residuals(population, data, local)
    far = squares(population, data, local, precisions, rest)
    room = np.empty((2, 4, min(_TOGETHER, pool.law.shape[2]) + 1))
    for c in range(data.count.shape[0]):
        measured = np.flatnonzero(data.count[c])
        if measured.shape[0] > 1 and np.random.random() < _TRIED:
            i = np.random.randint(measured.shape[0])
            j = (i + 1 + np.random.randint(measured.shape[0] - 1)) % measured.shape[0]
            exchange_two(
                c, measured[i], measured[j], rest[c], far[c], precisions[data.pattern[c]], population, prior,
                proposal, data, pool, local, room,
            )  # fmt: skip


@allocating
def draw_unmeasured(population: Any, data: Any, local: Any, prior: Any, precisions: Any) -> None:
    """Draw what was not measured from what is expected of it, given the other metrics of its curve.

    Arguments as in `move_curves`.
    """
    rest = residuals(population, data, local)
    fill_precisions(population, data, precisions)
    scales = draw_scales(population, data, local, precisions, rest)
    curves = data.count.shape[0]
    expected, inverse = np.zeros((curves, 6)), np.zeros((curves, 3))
    for m in range(data.count.shape[1]):
        expect(m, population, data, local, precisions, expected, inverse)
        fill_prior(m, population, data, precisions, expected, inverse, prior)
    everything = precisions[-1]
    for c in range(data.count.shape[0]):
        unmeasured = data.count[c] == 0
        if not unmeasured.any():
            continue
        system, effects = block(everything, unmeasured)
        pull = np.zeros(effects.shape[0])
        for i in range(pull.shape[0]):
            for m in range(data.count.shape[1]):
                for e in range(2 * m, 2 * m + 2 if data.count[c, m] > 0 else 0):
                    pull[i] -= scales[c] * everything[effects[i], e] * rest[c, e]
        draw_normal(scales[c] * system, pull)
        for i in range(pull.shape[0]):
            m, place = effects[i] // 2, effects[i] % 2
            if place == 0:
                local.law[c, m], local.broken[c, m] = draw_prior(local.x[c, m], scales[c], prior, data, c, m)
            total = pull[i]
            for q in range(data.group.shape[0]):
                total += data.design[c, q] * population.coef[q, effects[i]]
            local.x[c, m, place] = total


@compiled
def seed_all(seed: Any) -> None:
    """Seed the random numbers of this thread's compiled code."""
    np.random.seed(seed)


@allocating
def move_population(
    population: Any, data: Any, local: Any, prior: Any, guide: Any, steps: Any, precisions: Any
) -> None:
    """Move the population given the curves."""
    rest = residuals(population, data, local)
    scales = draw_scales(population, data, local, precisions, rest)
    draw_coefficients(population, data, precisions, scales, rest)
    move_groups(population, data, precisions, scales, rest, steps)
    move_covariance(population, data, scales, rest, steps)
    fill_precisions(population, data, precisions)
    room = np.empty((4, max(data.u.shape[2], data.cell_value.shape[2])))
    move_open(population, data, local, precisions, scales, guide, steps, room[0])
    move_cells(population, data, local, steps)
    move_line(population, data, local, steps)
    fill_precisions(population, data, precisions)
    curves = data.count.shape[0]
    expected, inverse = np.zeros((curves, 6)), np.zeros((curves, 3))
    for m in range(data.count.shape[1]):
        expect(m, population, data, local, precisions, expected, inverse)
        fill_prior(m, population, data, precisions, expected, inverse, prior)
        joint(m, population, data, local, scales, prior, guide, steps, room)
