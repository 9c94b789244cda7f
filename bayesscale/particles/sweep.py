"""Sweeps of a chain: every curve under its population, then the population under its curves, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayesscale.particles.baseline import move_cells, move_line
from bayesscale.particles.compiled import compiled
from bayesscale.particles.exchange import exchange, mix_laws, refresh, weigh
from bayesscale.particles.glide import glide
from bayesscale.particles.interweave import interweave
from bayesscale.particles.joint import joint
from bayesscale.particles.local import log_prior
from bayesscale.particles.moves import BREAK, LAW, WALK, move
from bayesscale.particles.population import (
    draw_coefficients,
    fill_prior,
    move_breaks,
    move_covariance,
    move_groups,
    move_pooled,
    residuals,
)
from bayesscale.particles.temper import draw_prior

_ROUND = (LAW, BREAK, WALK)
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
def move_curves(
    rest: Any, precision: Any, population: Any, prior: Any, proposal: Any, guide: Any, data: Any, pool: Any,
    local: Any, steps: Any,
) -> None:  # fmt: skip
    """Move every curve and metric; what was not measured is drawn from what is expected of it."""
    curves = data.count.shape[0]
    room = np.empty((4, data.u.shape[2]))
    odds, under = np.empty((curves, pool.law.shape[2] + 1)), np.empty(curves)
    for m in range(data.count.shape[1]):
        several = data.allowed[m].sum() > 1
        for c in range(curves):
            expect(c, m, rest, precision, data, local, prior)
        weigh(m, odds, under, prior, proposal, data, pool, local)
        if several:
            mix_laws(m, odds, population, prior, data, pool, local, steps)
        for c in range(curves):
            before = local.x[c, m, 0], local.x[c, m, 1]
            if data.count[c, m] > 0:
                can_break = data.may_break[m] and data.last[c, m] > data.first[c, m]
                exchange(c, m, odds[c], under[c], pool, local)
                move_curve(c, m, several, can_break, prior, guide, data, local, steps, room)
                refresh(c, m, several, can_break, proposal, guide, data, pool, steps, room)
            else:
                local.law[c, m], local.broken[c, m] = draw_prior(local.x[c, m], prior, data, c, m)
            rest[c, 2 * m] += local.x[c, m, 0] - before[0]
            rest[c, 2 * m + 1] += local.x[c, m, 1] - before[1]


@compiled
def sweeps(
    seed: Any, count: Any, turns: Any, trajectories: Any, aligned: Any, population: Any, data: Any, local: Any, prior: Any,
    guide: Any, steps: Any, proposal: Any, pool: Any, precision: Any,
) -> None:  # fmt: skip
    """Take some sweeps.

    Parameters
    ----------
    seed : int
        Seed of the random numbers.
    count : int
        Number of sweeps.
    turns : int
        Joint moves of single parameters, of each metric in a sweep.
    trajectories : bool
        Whether to move all parameters of a metric along trajectories as well.
    aligned : bool
        Whether the hazard of breaks depends on alignment.
    population, data, local, prior, guide, steps, proposal, pool : tuples of arrays
        The chain, and its clouds with the population under which they are.
    precision : array, shape (E, E)
        Room for the inverse covariance of levels and gains.
    """
    np.random.seed(seed)
    square = data.design.T @ data.design
    room = np.empty((4, data.u.shape[2]))
    for _ in range(count):
        rest = residuals(population, data, local)
        fill_prior(population, data, prior, precision)
        move_curves(rest, precision, population, prior, proposal, guide, data, pool, local, steps)
        draw_coefficients(population, data, precision, rest, square)
        move_groups(population, data, precision, rest, steps)
        for _ in range(_COVARIANCE_TURNS):
            move_covariance(population, data, rest, steps)
        move_pooled(population, data, local, steps)
        move_breaks(population, data, local, steps, aligned)
        move_cells(population, data, local, steps)
        move_line(population, data, local, steps)
        interweave(turns, population, data, local, steps, rest)
        if trajectories:
            for m in range(data.count.shape[1]):
                joint(m, population, data, local, steps, room)
