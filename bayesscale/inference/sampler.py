"""How to draw from a posterior: a value that says it, and the call that does it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesscale.engine import processors
from bayesscale.errors import UsageError
from bayesscale.inference.compiling import compile_ahead, is_compiled
from bayesscale.models.assembly import Assembly

FloatArray = NDArray[np.float64]
_LESSONS, _LEARNING, _ADAPTING = 2, 60, 200
# Particles of a cloud while the proposal is learned, and afterwards; of all clouds there are at most so many.
_FEW, _MANY, _IN_ALL = 100, 640, 240_000
# Chains begin in turn with one of so many sets of clouds: those that agree vouch for both.
_SETS = 2
# Chains become so much longer than what they ask for, within these limits.
_SPARE, _LEAST, _MOST = 1.2, 1.25, 2.0


@dataclass(frozen=True)
class Sampler:
    """Settings of the sampler.

    Parameters
    ----------
    draws : int
        Draws kept of each chain.
    chains : int
        Independent chains; at least 2, since one chain cannot show that it has converged.
    cores : int or None
        Chains that run at the same time; None for as many as there are processors. The draws do not depend
        on it.
    seed : int
        Seed of all random numbers.
    longest : int
        Most sweeps between two kept draws, on average. Chains are continued until they have converged or this
        is reached.
    rough : bool
        Whether the wider limits of single curves are enough for the population: intervals are then those of
        100 independent draws.
    """

    draws: int = 500
    chains: int = 4
    cores: int | None = None
    seed: int = 0
    longest: int = 20
    rough: bool = False

    def __post_init__(self) -> None:
        rules = {
            "draws must be at least 100": self.draws >= 100,
            "chains must be at least 2": self.chains >= 2,
            "cores must be at least 1": self.cores is None or self.cores >= 1,
            "seed must be between 0 and 2**32 - 1": 0 <= self.seed < 2**32,
            "longest must be at least 1": self.longest >= 1,
        }
        if broken := [rule for rule, holds in rules.items() if not holds]:
            raise UsageError("; ".join(broken) + f"; received {self}")


@dataclass(frozen=True)
class Sampled:
    """Draws of a sampler, named as in `bayesscale.particles.state`; each of shape (chain, draw, ...).

    `sweeps` are those of each chain, warm-up included; `thin` are those between two draws, on average;
    `seconds` are wall seconds of each phase.
    """

    population: dict[str, NDArray[Any]]
    local: dict[str, NDArray[Any]]
    sweeps: int
    thin: float
    seconds: dict[str, float]


def sample(
    data: Assembly,
    sampler: Sampler,
    report: Callable[[str], None],
    needed: Callable[[Sampled], float],
) -> Sampled:
    """Draw from the posterior of assembled data.

    `sampler.draws` draws are taken of every chain. While they do not suffice, the chains go on; as many draws
    are kept as before, evenly spaced over all of a chain but its warm-up. `needed` returns how many times
    longer a round has to be; at most 1 if it will do. `report` receives one line a phase.
    """
    begun = time.perf_counter()
    if not is_compiled():
        report("compiling the sampler, once after an installation: one to two minutes")
        compile_ahead()
    # Imported late: Numba takes its time.
    from bayesscale.particles.chain import Chain, Record, widened
    from bayesscale.particles.clouds import make_clouds
    from bayesscale.particles.state import wide_prior

    pairs = int((data.count > 0).sum())
    chains = [Chain(data, (sampler.seed, place)) for place in range(sampler.chains)]
    loaded = time.perf_counter()
    with ThreadPoolExecutor(sampler.cores or processors()) as pool:
        report(f"clouds of particles for {pairs} pairs of curve and metric, and warm-up")
        rng, proposal = np.random.default_rng([sampler.seed, 23]), wide_prior(data)
        for _ in range(_LESSONS):
            clouds = make_clouds(data, proposal, _FEW, rng, pool.map)
            seen = pool.map(partial(Chain.learn, clouds=clouds, sweeps=_LEARNING), chains)
            proposal = widened([each for own in seen for each in own])
        many = min(_MANY, max(_FEW, _IN_ALL // pairs))
        sets = [make_clouds(data, proposal, many, rng, pool.map) for _ in range(_SETS)]
        list(pool.map(partial(Chain.adapt, sweeps=_ADAPTING), chains, cycle(sets)))
        warm = time.perf_counter()
        # Where there are twice the draws, every second one makes room for others twice as far apart.
        record, thin, begin, end = Record.of(data, sampler.chains, 2 * sampler.draws), 1, 0, sampler.draws
        swept = 0
        while True:
            swept += (end - begin) * thin
            report(f"sampling: {swept:,} sweeps of {sampler.chains} chains")
            list(pool.map(lambda at: record.fill(at, chains[at], thin, begin, end), range(sampler.chains)))  # noqa: B023
            seconds = {
                "compile": loaded - begun,
                "particles": warm - loaded,
                "sample": time.perf_counter() - warm,
            }
            kept, sweeps = record.evenly(end, sampler.draws), _LESSONS * _LEARNING + _ADAPTING + swept
            sampled = Sampled(kept.population, kept.local, sweeps, swept / sampler.draws, seconds)
            factor, left = needed(sampled), sampler.longest * sampler.draws / swept
            if factor <= 1.0 or left < _LEAST:
                return sampled
            begin, end = end, int(end * min(np.clip(_SPARE * factor, _LEAST, _MOST), left))
            while end > 2 * sampler.draws:
                record.halve()
                begin, end, thin = begin // 2, end // 2, 2 * thin


def as_dataset(group: Any) -> xr.Dataset:
    """Return a group as a Dataset on both stacks: PyMC 5 gives a Dataset, PyMC 6 a node of a DataTree."""
    dataset: xr.Dataset = group.to_dataset() if isinstance(group, xr.DataTree) else group
    return dataset
