"""Curves change places with particles: both keep their distributions."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from bayesscale.models.assembly import Assembly
from bayesscale.particles.exchange import exchange
from bayesscale.particles.local import log_prior
from bayesscale.particles.places import LOCAL
from bayesscale.particles.state import Local, LocalPrior, Pool, empty, empty_pool
from bayesscale.particles.structs import Struct
from bayesscale.particles.sweep import seed_all
from tests.particles.clouds import Cloud
from tests.particles.small import assert_prior, draw, small_data, small_prior

FloatArray = NDArray[np.float64]
DRAWS, PARTICLES = 2500, 6


class Room(NamedTuple):
    """Curves with their clouds, as arrays and for compiled code."""

    data: Assembly
    prior: LocalPrior
    proposal: LocalPrior
    pool: Pool
    local: Local
    own: tuple[Any, ...]

    @classmethod
    def of(cls, seed: int) -> Room:
        """Return room for a score under a population, and for particles under a wider one."""
        data = small_data(metrics=("bleu",))
        prior, proposal = small_prior(data), small_prior(data, 1.5)
        share = np.where(data.allowed, 1.0 / data.allowed.sum(axis=1, keepdims=True), 0.0)
        with np.errstate(divide="ignore"):
            proposal = proposal._replace(
                log_share=np.log([share] * len(data.count)), hazard=2.0 * proposal.hazard
            )
        pool, local = empty_pool(data, PARTICLES), empty(data)
        own = Struct(proposal), Struct(data), Struct(pool), Struct(local)
        seed_all(seed)
        return cls(data, prior, proposal, pool, local, own)

    def fill(self, rng: np.random.Generator) -> None:
        """Draw the first curve from the population, and its particles from the proposal."""
        law, broken, x = draw(self.prior, self.data, 0, rng)
        self.local.x[0, 0], self.local.law[0, 0], self.local.broken[0, 0] = x, law, broken
        cloud = Cloud.of(self.proposal, self.data, 0, 0, PARTICLES, rng)
        self.pool.law[0, 0], self.pool.broken[0, 0], self.pool.x[0, 0] = cloud
        self.pool.prior[0, 0] = cloud.log_prior(self.proposal, self.data, 0, 0)

    def exchange(self) -> None:
        """Let the curve change places with one of its particles, by the odds of NumPy."""
        whole = Cloud(*(
            np.concatenate([part[0, 0], own[0, 0][None]])
            for part, own in (
                (self.pool.law, self.local.law), (self.pool.broken, self.local.broken),
                (self.pool.x, self.local.x),
            )
        ))  # fmt: skip
        odds = whole.log_prior(self.prior, self.data, 0, 0) - whole.log_prior(self.proposal, self.data, 0, 0)
        order = np.random.default_rng(0).permutation(PARTICLES + 1)
        exchange(0, 0, order, odds[order], *self.own)

    def state(self) -> tuple[FloatArray, Any, Any]:
        """Return where the curve is."""
        return self.local.x[0, 0].copy(), self.local.law[0, 0], self.local.broken[0, 0]

    def particle(self, i: int) -> tuple[FloatArray, Any, Any]:
        """Return one of its particles."""
        return self.pool.x[0, 0, i].copy(), self.pool.law[0, 0, i], self.pool.broken[0, 0, i]


def test_curve_and_particles_keep_their_distributions() -> None:
    room, rng, moved = Room.of(1), np.random.default_rng(1), 0
    states, clouds = [], []
    for _ in range(DRAWS):
        room.fill(rng)
        before = room.local.x[0, 0].copy()
        room.exchange()
        states.append(room.state())
        clouds.append(room.particle(int(rng.integers(PARTICLES))))
        moved += bool((room.local.x[0, 0] != before).any())
    assert moved > 0.3 * DRAWS
    for kept, under_which in ((states, room.prior), (clouds, room.proposal)):
        x, law, broken = (np.array(part) for part in zip(*kept, strict=True))
        assert x.shape == (DRAWS, LOCAL)
        assert_prior(x, law, broken, under_which, room.data, 0)


def test_after_an_exchange_densities_are_those_of_where_curve_and_particle_are() -> None:
    room, rng, seen = Room.of(2), np.random.default_rng(2), set()
    for _ in range(60):
        room.fill(rng)
        room.pool.likelihood[:] = rng.standard_normal(room.pool.likelihood.shape)
        room.local.likelihood[:] = rng.standard_normal(room.local.likelihood.shape)
        before = room.pool.x[0, 0].copy()
        keys = {
            tuple(x): value for x, value in zip(room.pool.x[0, 0], room.pool.likelihood[0, 0], strict=True)
        }
        keys[tuple(room.local.x[0, 0])] = room.local.likelihood[0, 0]
        room.exchange()
        assert keys[tuple(room.local.x[0, 0])] == room.local.likelihood[0, 0]
        for i in range(PARTICLES):
            x, law, broken = room.particle(i)
            assert keys[tuple(x)] == room.pool.likelihood[0, 0, i]
            density = log_prior(law, broken, x, room.own[0], room.own[1], 0, 0)
            assert room.pool.prior[0, 0, i] == pytest.approx(density)
        gone = np.flatnonzero((before != room.pool.x[0, 0]).any(axis=1))
        seen |= set(gone.tolist())
    # Each of them at times.
    assert seen == set(range(PARTICLES))
