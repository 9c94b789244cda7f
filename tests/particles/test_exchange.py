"""Curves change places with particles, laws are weighed with them summed over: targets stay as they are."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy import stats

from bayesscale.models.assembly import Assembly
from bayesscale.particles.exchange import exchange, mix_laws, weigh
from bayesscale.particles.local import log_prior
from bayesscale.particles.places import LOCAL, SHAPE
from bayesscale.particles.state import Local, LocalPrior, Pool, empty, empty_pool, middle
from bayesscale.particles.steps import first_steps
from bayesscale.particles.structs import (
    data_struct,
    local_struct,
    pool_struct,
    population_struct,
    prior_struct,
    steps_struct,
)
from bayesscale.particles.sweep import seed_all
from tests.particles.small import assert_prior, draw, small_data, small_prior

DRAWS, PARTICLES = 2500, 6


def flat(data: Assembly) -> Assembly:
    """Return data of so large errors that they say nothing of a curve."""
    variance = np.where(data.count[..., None] > 0, 1e60, 0.0) + np.zeros_like(data.value)
    free = data.pooled_free.copy()
    free[3] = False
    return data._replace(variance=variance, pooled_free=free)


class Room(NamedTuple):
    """One curve with its cloud, as arrays and for compiled code."""

    data: Assembly
    prior: LocalPrior
    proposal: LocalPrior
    pool: Pool
    local: Local
    own: tuple[Any, ...]

    @classmethod
    def of(cls, seed: int) -> Room:
        """Return room for a score under a population, and for particles under a wider one."""
        data = flat(small_data(metrics=("bleu",)))
        prior, proposal = small_prior(data), small_prior(data, 1.5)
        share = np.where(data.allowed, 1.0 / data.allowed.sum(axis=1, keepdims=True), 0.0)
        with np.errstate(divide="ignore"):
            proposal = proposal._replace(log_share=np.log(share), hazard=2.0 * proposal.hazard)
        pool, local = empty_pool(data, PARTICLES), empty(data)
        own = (
            prior_struct(prior), prior_struct(proposal), data_struct(data), pool_struct(pool),
            local_struct(local),
        )  # fmt: skip
        seed_all(seed)
        return cls(data, prior, proposal, pool, local, own)

    def fill(self, rng: np.random.Generator) -> None:
        """Draw the curves from the population, and their particles from the proposal."""
        for c in range(len(self.data.count)):
            law, broken, x = draw(self.prior, self.data, 0, rng)
            self.local.x[c, 0], self.local.law[c, 0], self.local.broken[c, 0] = x, law, broken
            for i in range(PARTICLES):
                law, broken, x = draw(self.proposal, self.data, 0, rng)
                self.pool.x[c, 0, i], self.pool.law[c, 0, i], self.pool.broken[c, 0, i] = x, law, broken
                density = log_prior(law, broken, x, self.own[1], self.own[2], c, 0)
                self.pool.prior[c, 0, i] = density

    def weights(self) -> tuple[Any, Any]:
        """Return odds of particles and states, and the density of the states under the proposal."""
        curves = len(self.data.count)
        odds, under = np.empty((curves, PARTICLES + 1)), np.empty(curves)
        weigh(0, odds, under, *self.own)
        return odds, under


def test_curve_and_particles_keep_their_distributions() -> None:
    room, rng, moved = Room.of(1), np.random.default_rng(1), 0
    states, clouds = [], []
    for _ in range(DRAWS):
        room.fill(rng)
        before = room.local.x[0, 0].copy()
        odds, under = room.weights()
        exchange(0, 0, odds[0], under[0], *room.own[3:])
        states.append((room.local.x[0, 0].copy(), room.local.law[0, 0], room.local.broken[0, 0]))
        place = rng.integers(PARTICLES)
        clouds.append(
            (room.pool.x[0, 0, place].copy(), room.pool.law[0, 0, place], room.pool.broken[0, 0, place])
        )
        moved += bool((room.local.x[0, 0] != before).any())
    assert moved > 0.3 * DRAWS
    for kept, under_which in ((states, room.prior), (clouds, room.proposal)):
        x, law, broken = (np.array(part) for part in zip(*kept, strict=True))
        assert x.shape == (DRAWS, LOCAL)
        assert_prior(x, law, broken, under_which, room.data, 0)


def test_after_an_exchange_densities_are_those_of_where_curve_and_particle_are() -> None:
    room, rng = Room.of(2), np.random.default_rng(2)
    for _ in range(50):
        room.fill(rng)
        room.pool.likelihood[:] = rng.standard_normal(room.pool.likelihood.shape)
        room.local.likelihood[:] = rng.standard_normal(room.local.likelihood.shape)
        keys = {
            tuple(x): value for x, value in zip(room.pool.x[0, 0], room.pool.likelihood[0, 0], strict=True)
        }
        keys[tuple(room.local.x[0, 0])] = room.local.likelihood[0, 0]
        odds, under = room.weights()
        exchange(0, 0, odds[0], under[0], *room.own[3:])
        assert keys[tuple(room.local.x[0, 0])] == room.local.likelihood[0, 0]
        for i in range(PARTICLES):
            x, law, broken = room.pool.x[0, 0, i], room.pool.law[0, 0, i], room.pool.broken[0, 0, i]
            assert keys[tuple(x)] == room.pool.likelihood[0, 0, i]
            density = log_prior(law, broken, x, room.own[1], room.own[2], 0, 0)
            assert room.pool.prior[0, 0, i] == pytest.approx(density)


def test_shares_and_shapes_of_laws_keep_their_prior_with_the_curves_summed_over() -> None:
    room, rng = Room.of(3), np.random.default_rng(3)
    data, population, steps = room.data, middle(room.data), first_steps(room.data)
    steps.rate[0] = 0.0
    whole, sizes = population_struct(population), steps_struct(steps)
    able = np.flatnonzero(data.allowed[0])
    found: list[list[float]] = []
    for _ in range(DRAWS):
        row = data.shapes[0]
        population.share[0, able] = rng.dirichlet(np.ones(len(able)))
        population.shape_mean[0] = row[:, 0] + row[:, 1] * rng.standard_normal(len(row))
        population.shape_sd[0] = np.exp(row[:, 2] + row[:, 3] * rng.standard_normal(len(row)))
        room.prior.shape_mean[0], room.prior.shape_sd[0] = population.shape_mean[0], population.shape_sd[0]
        with np.errstate(divide="ignore"):
            room.prior.log_share[0] = np.where(data.allowed[0], np.log(population.share[0]), -np.inf)
        room.fill(rng)
        odds, under = room.weights()
        prior, _, compiled, pool, local = room.own
        mix_laws(0, odds, whole, prior, compiled, pool, local, sizes)
        exchange(0, 0, odds[0], under[0], *room.own[3:])
        law, x = int(room.local.law[0, 0]), room.local.x[0, 0]
        share = population.share[0]
        shape = (x[SHAPE] - population.shape_mean[0, law]) / population.shape_sd[0, law]
        # Any place between the shares below the law's own and above it: uniform if laws follow their shares.
        law_rank = share[:law].sum() + share[law] * rng.random()
        found.append([
            *stats.beta(1, 2).cdf(share[able]),
            *stats.norm.cdf((population.shape_mean[0, able] - row[able, 0]) / row[able, 1]),
            *stats.norm.cdf((np.log(population.shape_sd[0, able]) - row[able, 2]) / row[able, 3]),
            law_rank,
            stats.norm.cdf(shape),
        ])  # fmt: skip
    values = np.array(found)
    assert [stats.kstest(values[:, i], "uniform").pvalue > 1e-3 for i in range(values.shape[1])] == [
        True
    ] * values.shape[1]
