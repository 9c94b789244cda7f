"""Clouds of particles of all curves and metrics, with which all chains begin."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from bayesscale.models.assembly import Assembly
from bayesscale.particles.guide import Guide, no_guide
from bayesscale.particles.state import LocalPrior, Pool, empty_pool
from bayesscale.particles.structs import Struct
from bayesscale.particles.temper import temper

_MOVES = 4


class Clouds(NamedTuple):
    """Particles of every pair, the proposal under which they are, and what they tell."""

    proposal: LocalPrior
    pool: Pool
    guide: Guide


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
    # Tempering writes the shares of laws.
    own_shares = proposal._replace(log_share=proposal.log_share.copy())
    made = Clouds(own_shares, empty_pool(data, particles), no_guide(data))
    own, values = Struct(made.proposal), Struct(data)
    pool, guide = Struct(made.pool), Struct(made.guide)
    pairs = np.argwhere(data.count > 0)
    seeds = rng.integers(2**31, size=len(pairs))

    def fill(job: Any) -> None:
        seed, (c, m) = job
        temper(seed, c, m, _MOVES, own, guide, values, pool)

    for _ in run(fill, zip(seeds, pairs, strict=True)):
        pass
    return made
