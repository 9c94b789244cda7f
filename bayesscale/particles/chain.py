"""A chain from clouds to draws: what it learns of the population, warm-up, and draws."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.models.assembly import Assembly
from bayesscale.particles.baseline import start_cells
from bayesscale.particles.clouds import Clouds
from bayesscale.particles.guide import Guide, no_guide
from bayesscale.particles.places import GAIN, LEVEL, NOISE, SHAPE
from bayesscale.particles.population import fill_precisions
from bayesscale.particles.state import (
    FEW_DEGREES,
    Local,
    LocalPrior,
    Pool,
    Population,
    empty,
    middle,
    wide_prior,
)
from bayesscale.particles.steps import Steps, first_steps
from bayesscale.particles.structs import Struct
from bayesscale.particles.sweep import draw_unmeasured, move_curves, move_population, seed_all
from bayesscale.particles.temper import begin

FloatArray = NDArray[np.float64]
# A proposal is wider than what was learned of a population: its spread, and the error of its mean.
_WIDER, _ERRORS = 1.5, 1.0
# Data leave open what ranges so widely, in sds of the population.
_OPEN = 0.6
# In a proposal breaks (per unit of u) are at least so frequent.
_OFTEN = 0.3
_FAST, _SLOW = 0.3, 0.05


@dataclass
class Chain:
    """One chain with its own random numbers. `seed` is the fit's, and the chain's number."""

    data: Assembly
    seed: tuple[int, ...]
    population: Population = field(init=False, repr=False)
    local: Local = field(init=False, repr=False)
    prior: LocalPrior = field(init=False, repr=False)
    guide: Guide = field(init=False, repr=False)
    steps: Steps = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.population, self.local = middle(self.data), empty(self.data)
        self.prior, self.guide = wide_prior(self.data), no_guide(self.data)
        self.steps = first_steps(self.data)
        effects = len(self.data.sd_prior)
        self._precisions = np.zeros((len(self.data.measured) + 1, effects, effects))
        self._own = (
            Struct(self.population), Struct(self.data), Struct(self.local),
            Struct(self.prior), Struct(self.guide), Struct(self.steps),
        )  # fmt: skip
        start_cells(*self._own[:3])
        self._rng = np.random.default_rng([*self.seed, 17])

    def _next_seed(self) -> int:
        """Return a seed for one call of compiled code."""
        return int(self._rng.integers(2**31))

    def begin(self, clouds: Clouds) -> None:
        """Begin anew from one particle of each cloud."""
        # Every chain goes on with particles of its own.
        self._pool = Struct(Pool._make(part.copy() for part in clouds.pool))
        self._proposal = Struct(clouds.proposal)
        for name in ("known", "centre", "factor"):
            getattr(self.guide, name)[...] = getattr(clouds.guide, name)
        begin(self._next_seed(), self._proposal, self._own[1], self._pool, self._own[2])

    def sweep(self, count: int) -> None:
        """Take some sweeps."""
        seed_all(self._next_seed())
        for _ in range(count):
            move_curves(*self._own, self._proposal, self._pool, self._precisions)
            move_population(*self._own, self._precisions)

    def learn(self, clouds: Clouds, sweeps: int) -> list[LocalPrior]:
        """Return what populations are like in the second half of some sweeps, from clouds."""
        self.begin(clouds)
        self.steps.rate[0] = _FAST
        self.sweep(sweeps - sweeps // 2)
        return [self._seen() for _ in range(sweeps // 2)]

    def adapt(self, clouds: Clouds, sweeps: int) -> None:
        """Adapt the steps of all moves in some sweeps, from clouds under a proposal from `widened`."""
        self.begin(clouds)
        self._learn_open(sweeps // 2)
        self.steps.rate[0] = _SLOW
        self.sweep(sweeps - sweeps // 2)
        self.steps.rate[0] = 0.0

    def _learn_open(self, count: int) -> None:
        """Take some sweeps, and learn from their second half what data leave open."""
        self.sweep(count - count // 2)
        seen = [(self.local.x.copy(), self.local.law.copy()) for _ in self.states(count // 2, 1)]
        x, law = (np.stack(part) for part in zip(*seen, strict=True))
        self.guide.open[:] = _left_open(x, law, self.prior, self.population.sd)

    def _seen(self) -> LocalPrior:
        """Take a sweep; return a copy of the population as curves by themselves see it."""
        self.sweep(1)
        population, data, *_ = self._own
        fill_precisions(population, data, self._precisions)
        covariance = np.linalg.inv(self._precisions[-1])
        expected = (self.data.design @ self.population.coef).reshape(*self.data.count.shape, 2)
        mean, own = expected.copy(), np.empty_like(self.prior.precision)
        for m in range(expected.shape[1]):
            block = covariance[2 * m : 2 * m + 2, 2 * m : 2 * m + 2]
            own[:, m] = block[0, 0], block[0, 1], block[1, 1]
        rest = {name: part.copy() for name, part in self.prior._asdict().items()}
        return LocalPrior(**{**rest, "mean": mean, "precision": own})

    def states(self, count: int, thin: int) -> Iterator[tuple[Population, Local]]:
        """Yield the chain's states, `thin` sweeps apart; they are overwritten by the next."""
        population, data, local, prior, *_ = self._own
        for _ in range(count):
            self.sweep(thin)
            draw_unmeasured(population, data, local, prior, self._precisions)
            yield self.population, self.local


def widened(seen: list[LocalPrior]) -> LocalPrior:
    """Return a proposal population that covers those which `Chain.learn` has seen in all chains.

    Where these disagree, the proposal is wide.
    """

    def mean(name: str) -> FloatArray:
        return np.asarray(np.mean([getattr(each, name) for each in seen], axis=0))

    def error(name: str) -> FloatArray:
        return np.asarray(np.std([getattr(each, name) for each in seen], axis=0))

    off = error("mean") * _ERRORS
    covariance = mean("precision") * _WIDER**2
    one, both, two = (covariance[..., i] for i in range(3))
    one, two = one + off[..., 0] ** 2, two + off[..., 1] ** 2
    determinant = one * two - both**2
    precision = np.stack([two, -both, one], axis=-1) / determinant[..., None]
    degrees = np.full_like(seen[0].degrees, FEW_DEGREES)
    return LocalPrior(
        mean("mean"), precision, degrees, degrees.copy(), mean("pooled_mean"),
        np.hypot(_WIDER * mean("pooled_sd"), _ERRORS * error("pooled_mean")), mean("shape_mean"),
        np.hypot(_WIDER * mean("shape_sd"), _ERRORS * error("shape_mean")), mean("log_share"),
        np.maximum(mean("hazard"), _OFTEN),
        mean("fall"),
    )  # fmt: skip


def _left_open(x: FloatArray, law: NDArray[np.int64], prior: LocalPrior, sd: FloatArray) -> NDArray[np.bool_]:
    """Return which parameters data leave open: they range nearly as widely as the population.

    `x` and `law` are states of the curves, of shapes (states, C, M, LOCAL) and (states, C, M); `sd` are the
    population's spreads of levels and gains.
    """
    effects = x[..., LEVEL : GAIN + 1].std(axis=0) / sd.reshape(-1, 2)
    pooled = x[..., NOISE : NOISE + 4].std(axis=0) / np.moveaxis(prior.pooled_sd, 0, -1)
    metric = np.arange(law.shape[2])
    places = (x[..., SHAPE] - prior.shape_mean[metric, law]) / prior.shape_sd[metric, law]
    return np.concatenate([pooled, places.std(axis=0)[..., None], effects], axis=-1) > _OPEN


_SMALL = {"x": np.float32, "law": np.int8, "broken": np.int8, "cell": np.float32}
"""What is kept of the curves, and how exactly: likelihoods follow from it."""


@dataclass(frozen=True)
class Record:
    """Room for draws of all chains, named as in `Population` and `Local`, each (chain, draw, ...)."""

    population: dict[str, NDArray[Any]]
    local: dict[str, NDArray[Any]]

    @classmethod
    def of(cls, data: Assembly, chains: int, draws: int) -> Record:
        """Return room for so many draws."""
        shape = chains, draws
        population = {name: np.empty((*shape, *part.shape)) for name, part in middle(data)._asdict().items()}
        parts = {n: part for n, part in empty(data)._asdict().items() if n in _SMALL}
        local = {name: np.empty((*shape, *part.shape), _SMALL[name]) for name, part in parts.items()}
        return cls(population, local)

    def halve(self) -> None:
        """Keep only every second draw, at the front."""
        for kept in (*self.population.values(), *self.local.values()):
            few = kept[:, 1::2]
            kept[:, : few.shape[1]] = few.copy()

    def evenly(self, filled: int, draws: int) -> Record:
        """Return so many draws, evenly spaced among those that are there; the last is one of them."""
        chosen = (np.arange(1, draws + 1) * filled) // draws - 1
        parts = ({n: kept[:, chosen] for n, kept in part.items()} for part in (self.population, self.local))
        return Record(*parts)

    def fill(self, place: int, chain: Chain, thin: int, begin: int, end: int) -> None:
        """Fill the room of chain number `place` with its draws from `begin` to `end`, `thin` sweeps apart.

        Chains fill theirs at the same time.
        """
        for draw, (population, local) in enumerate(chain.states(end - begin, thin), begin):
            for name, kept in self.population.items():
                kept[place, draw] = getattr(population, name)
            for name, kept in self.local.items():
                kept[place, draw] = getattr(local, name)
