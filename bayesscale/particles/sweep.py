"""Sweeps of a chain: every curve under its population, then the population under its curves, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayesscale.particles.baseline import move_cells, move_line
from bayesscale.particles.compiled import compiled
from bayesscale.particles.exchange import exchange, mix_laws, refresh, weigh
from bayesscale.particles.glide import glide
from bayesscale.particles.joint import joint, measure
from bayesscale.particles.local import log_prior
from bayesscale.particles.moves import BREAK, LAW, WALK, move
from bayesscale.particles.pooled import move_breaks, move_pooled
from bayesscale.particles.population import (
    draw_coefficients,
    fill_prior,
    move_covariance,
    move_groups,
    residuals,
)
from bayesscale.particles.state import LAW_COUNT
from bayesscale.particles.temper import draw_prior

_ROUND = (LAW, BREAK, WALK)
_LAW_TURNS = 3
# Covariances are cheap to move, and their elements hang together.
_COVARIANCE_TURNS = 5


@compiled
def expect(c: Any, m: Any, rest: Any, precision: Any, data: Any, local: Any, prior: Any) -> None:
    """Write level and gain that a curve is expected to have, given those of its other metrics."""
    effects = precision.shape[0]
    own = 2 * m
    pull = np.zeros(2)
    for i in range(2):
        for e in range(effects):
            if e != own and e != own + 1:
                pull[i] += precision[own + i, e] * rest[c, e]
    one, both, two = precision[own, own], precision[own, own + 1], precision[own + 1, own + 1]
    determinant = one * two - both * both
    shift = (two * pull[0] - both * pull[1]) / determinant, (one * pull[1] - both * pull[0]) / determinant
    for i in range(2):
        prior.mean[c, m, i] = local.x[c, m, i] - rest[c, own + i] - shift[i]


@compiled
def move_curve(c: Any, m: Any, several: Any, can_break: Any, prior: Any, guide: Any, data: Any,
               local: Any, steps: Any, room: Any) -> None:  # fmt: skip
    """Move one curve and metric under its population."""
    law, broken, x = local.law[c, m], local.broken[c, m], local.x[c, m]
    now = log_prior(law, broken, x, prior, data, c, m)
    likelihood = local.likelihood[c, m]
    for kind in _ROUND:
        if (kind == LAW and not several) or (kind == BREAK and not can_break):
            continue
        law, broken, now, likelihood = move(
            kind, 1.0, law, broken, x, now, likelihood, prior, guide, data, c, m, room[0]
        )
    now, likelihood = glide(
        law, broken, x, now, likelihood, prior, guide, data, c, m, steps.glide, steps.rate[0], room
    )
    local.law[c, m], local.broken[c, m], local.likelihood[c, m] = law, broken, likelihood


@compiled
def count_laws(m: Any, data: Any) -> int:
    """Return how many laws a metric may follow."""
    count = 0
    for k in range(LAW_COUNT):
        count += data.allowed[m, k]
    return count


@compiled
def try_law(c: Any, m: Any, prior: Any, guide: Any, data: Any, local: Any, out: Any) -> None:
    """Try another law for a curve."""
    law, broken, x = local.law[c, m], local.broken[c, m], local.x[c, m]
    now = log_prior(law, broken, x, prior, data, c, m)
    law, broken, now, likelihood = move(
        LAW, 1.0, law, broken, x, now, local.likelihood[c, m], prior, guide, data, c, m, out
    )
    local.law[c, m], local.likelihood[c, m] = law, likelihood


@compiled
def move_curves(
    population: Any, data: Any, local: Any, prior: Any, guide: Any, steps: Any, proposal: Any, pool: Any,
    precision: Any,
) -> Any:  # fmt: skip
    """Move every curve and metric; what was not measured is drawn from what is expected of it.

    Parameters
    ----------
    population, data, local, prior, guide, steps, proposal, pool : tuples of arrays
        The chain, and its clouds with the population under which they are.
    precision : array, shape (E, E)
        Written: the inverse covariance of levels and gains between curves.

    Returns
    -------
    array, shape (C, E)
        Residuals of levels and gains.
    """
    rest = residuals(population, data, local)
    fill_prior(population, data, prior, precision)
    curves = data.count.shape[0]
    room = np.empty((4, data.u.shape[2]))
    before = np.empty((curves, 2))
    odds, under = np.empty((curves, pool.law.shape[2] + 1)), np.empty(curves)
    for m in range(data.count.shape[1]):
        several = count_laws(m, data) > 1
        for c in range(curves):
            expect(c, m, rest, precision, data, local, prior)
            for i in range(2):
                before[c, i] = local.x[c, m, i]
        for turn in range(_LAW_TURNS if several else 1):
            weigh(m, odds, under, prior, proposal, data, pool, local)
            if several:
                mix_laws(m, odds, population, prior, data, pool, local, steps)
            for c in range(curves):
                if data.count[c, m] > 0:
                    exchange(c, m, odds[c], under[c], pool, local)
                    if turn > 0:
                        try_law(c, m, prior, guide, data, local, room[0])
        for c in range(curves):
            if data.count[c, m] > 0:
                can_break = data.may_break[m] and data.last[c, m] > data.first[c, m]
                move_curve(c, m, several, can_break, prior, guide, data, local, steps, room)
                refresh(c, m, several, can_break, proposal, guide, data, pool, steps, room)
            else:
                local.law[c, m], local.broken[c, m] = draw_prior(local.x[c, m], prior, data, c, m)
            for i in range(2):
                rest[c, 2 * m + i] += local.x[c, m, i] - before[c, i]
    return rest


@compiled
def seed_all(seed: Any) -> None:
    """Seed the random numbers of this thread's compiled code."""
    np.random.seed(seed)


@compiled
def move_population(
    population: Any, data: Any, local: Any, steps: Any, precision: Any, rest: Any, warm: Any
) -> None:
    """Move the population given the curves, then both along trajectories.

    Parameters
    ----------
    population, data, local, steps : Population, Assembly, Local, Steps
        The chain.
    precision : array, shape (E, E)
        Inverse covariance of levels and gains between curves.
    rest : array, shape (C, E)
        Residuals of levels and gains.
    warm : bool
        Whether the widths of trajectories may still change.
    """
    draw_coefficients(population, data, precision, rest)
    move_groups(population, data, precision, rest, steps)
    for _ in range(_COVARIANCE_TURNS):
        move_covariance(population, data, rest, steps)
    move_pooled(population, data, local, steps)
    move_breaks(population, data, local, steps)
    move_cells(population, data, local, steps)
    move_line(population, data, local, steps)
    room = np.empty((4, max(data.u.shape[2], data.cell_value.shape[2])))
    for m in range(data.count.shape[1]):
        if warm:
            measure(m, population, data, local, steps, room)
        joint(m, population, data, local, steps, room)
