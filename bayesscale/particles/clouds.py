"""Clouds of particles of all curves and metrics, with which all chains begin."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesscale.models.assembly import Assembly
from bayesscale.particles.guide import Guide, no_guide
from bayesscale.particles.state import LocalPrior, Pool, empty_pool
from bayesscale.particles.structs import data_struct, guide_struct, pool_struct, prior_struct
from bayesscale.particles.temper import temper

_MOVES = 4


@dataclass(frozen=True)
class Clouds:
    """Particles of every pair, the proposal under which they are, and what they tell.

    Chains take copies: each goes on with its own.
    """

    proposal: LocalPrior
    pool: Pool
    guide: Guide

    def copy(self) -> Clouds:
        """Return the same in arrays of its own."""
        parts = self.proposal, self.pool, self.guide
        return Clouds(*(type(part)(*(array.copy() for array in part)) for part in parts))  # type: ignore[arg-type]


def make_clouds(
    data: Assembly,
    proposal: LocalPrior,
    particles: int,
    rng: np.random.Generator,
    run: Callable[[Callable[[Any], None], Iterable[Any]], Iterable[None]] = map,
) -> Clouds:
    """Make clouds of so many particles under a proposal, whose shares of laws become such as `temper` says.

    `run` applies a function to many pairs, as `map` does; it may use several threads.
    """
    made = Clouds(proposal, empty_pool(data, particles), no_guide(data)).copy()
    own, values = prior_struct(made.proposal), data_struct(data)
    pool, guide = pool_struct(made.pool), guide_struct(made.guide)
    pairs = np.argwhere(data.count > 0)
    seeds = rng.integers(2**31, size=len(pairs))

    def fill(job: Any) -> None:
        seed, (c, m) = job
        temper(seed, c, m, _MOVES, own, guide, values, pool)

    for _ in run(fill, zip(seeds, pairs, strict=True)):
        pass
    return made
