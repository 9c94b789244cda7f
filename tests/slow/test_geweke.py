"""Getting it right: sweeps from a draw of the prior, with data drawn given it, end at a draw of the prior.

After Geweke (J. Am. Stat. Assoc. 99, 2004), of independent replicates: population and curves are drawn from
the prior, data given the curves, particles given the data. Any number of sweeps leaves the joint distribution
as it is: every parameter still has its prior, every curve, break and value what the population says of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from bayesscale.models.assembly import Assembly, assemble
from bayesscale.models.model import Model
from bayesscale.models.priors import Priors, change_priors
from bayesscale.particles.chain import Chain
from bayesscale.particles.clouds import make_clouds
from bayesscale.particles.state import LocalPrior, Pool, empty_pool
from bayesscale.particles.structs import Struct
from tests.models.tables import curves_of, table
from tests.particles.clouds import fill_pool
from tests.particles.ranks import curve_ranks, population_ranks
from tests.particles.simulated import fill_likelihoods, simulate

pytestmark = pytest.mark.slow

FloatArray = NDArray[np.float64]
SWEEPS, PARTICLES, CANDIDATES, ADAPTING = 8, 64, 1500, 200


def weak_priors() -> Priors:
    """Return priors under which data tell a little of everything, so that nothing is held fast."""
    effect: dict[str, Any] = {"mean": {"sd": 0.3}}
    effect |= {name: {"median": 0.2, "spread": 0.4} for name in ("task_sd", "mixture_sd", "curve_sd")}
    both = {"level": effect, "gain": effect}
    shapes = {name: {"mean": {"sd": 0.5}} for name in ("log", "saturating", "rising", "power")}
    return change_priors(Priors(), {
        "score": both, "loss": both, "shape": shapes, "noise_scale": {"mean": {"mean": 1.5, "sd": 0.4}},
        "discrepancy": {"mean": {"mean": -0.5, "sd": 0.4}}, "noise": {"bleu": 2.0, "cross_entropy": 0.1},
        "breaks": {"hazard": {"median": 0.15, "spread": 0.5}},
    })  # fmt: skip


def whole() -> Assembly:
    """Return data with every part of the model; a metric is missing on one curve."""
    frame = table(("en-fr", "en-de"), finetune=(6e6,), se=0.3)
    missing = (frame["task"] == "en-de") & (frame["mixture"] == "en") & (frame["metric"] == "bleu")
    return assemble(curves_of(frame[~missing]), Model(weak_priors(), breaks="all"))


def bare() -> Assembly:
    """Return data of one metric without baseline, standard errors, breaks and discrepancy, under one law."""
    frame = table(("en-fr", "en-de"), finetune=(6e6,), metrics=("bleu",), baseline=False, shares=False)
    model = Model(weak_priors(), ("log-law",), "none", discrepancy=False, sharp=False)
    return assemble(curves_of(frame), model)


def proposal(data: Assembly) -> LocalPrior:
    """Return a population for the particles that does not depend on the values."""
    curves, metrics = data.count.shape
    precision = np.zeros((curves, metrics, 3))
    precision[..., [0, 2]] = 0.6**-2
    with np.errstate(divide="ignore"):
        log_share = np.log(data.allowed / data.allowed.sum(axis=1, keepdims=True))
        log_share = np.tile(log_share, (curves, 1, 1))
    sds = [np.hypot(part[..., 1], 1.2 * np.exp(part[..., 2])) for part in (data.pooled, data.shapes)]
    return LocalPrior(
        np.tile(data.coef_mean[0].reshape(metrics, 2), (curves, 1, 1)), precision,
        np.full((curves, metrics), 5.0), np.full((curves, metrics), 6.0),
        np.where(data.pooled_free[:, None], data.pooled[..., 0], 0.0), sds[0], data.shapes[..., 0].copy(),
        sds[1], log_share, np.full((curves, metrics), np.exp(data.hazard[0]) * data.span),
        np.full(metrics, np.exp(data.break_scale[0])),
    )  # fmt: skip


@dataclass
class Replicates:
    """A chain that begins again and again at a draw of everything: population, curves, data and particles."""

    chain: Chain
    proposal: LocalPrior
    pool: Pool
    rng: np.random.Generator

    @classmethod
    def of(cls, data: Assembly) -> Replicates:
        """Return them, with the steps of the moves adapted to one draw."""
        chain, rng = Chain(data, (1,)), np.random.default_rng(2)
        pool = empty_pool(data, PARTICLES)
        found = cls(chain, proposal(data), pool, rng)
        found.draw_data()
        # The guide that clouds leave is kept: moves have to be right under any.
        chain.begin(make_clouds(data, found.proposal, PARTICLES, rng))
        chain._pool = Struct(pool)
        found.begin()
        chain.steps.rate[0] = 0.1
        chain._learn_open(ADAPTING)
        chain.steps.rate[0] = 0.0
        # Some of what data tell is taken as open, and some of what they leave open as told.
        chain.guide.open[...] ^= rng.random(chain.guide.open.shape) < 0.3
        return found

    def draw_data(self) -> None:
        """Draw population, curves and data."""
        drawn = simulate(self.chain.data, self.rng)
        self.chain.data.value[...], self.chain.data.cell_value[...] = drawn.value, drawn.cell_value
        for own, values in ((self.chain.population, drawn.population), (self.chain.local, drawn.local)):
            for old, new in zip(own, values, strict=True):
                old[...] = new
        fill_likelihoods(self.chain.local, self.chain.data)

    def begin(self) -> None:
        """Draw everything, particles by their weights."""
        self.draw_data()
        fill_pool(self.pool, self.proposal, self.chain.data, CANDIDATES, self.rng)

    def ranks(self) -> dict[str, float]:
        """Return the ranks of everything, each with a name of its own."""
        own = self.chain
        ranks = population_ranks(own.population, own.data)
        ranks |= curve_ranks(own.population, own.local, own.data, self.rng)
        return {
            f"{name} {i}": value for name, each in ranks.items() for i, value in enumerate(np.ravel(each))
        }

    def assert_likelihoods(self) -> None:
        """Assert that the likelihoods that the chain keeps are those of where its curves are."""
        local = self.chain.local
        kept = local.likelihood.copy(), local.cell_likelihood.copy()
        fill_likelihoods(local, self.chain.data)
        np.testing.assert_allclose(kept[0], local.likelihood, atol=1e-8)
        np.testing.assert_allclose(kept[1], local.cell_likelihood, atol=1e-8)


@pytest.mark.parametrize(("make", "count"), [(whole, 400), (bare, 400)], ids=["whole", "bare"])
def test_sweeps_keep_the_joint_distribution_of_everything(make: Any, count: int) -> None:
    replicates = Replicates.of(make())
    before, after = [], []
    for _ in range(count):
        replicates.begin()
        before.append(replicates.ranks())
        for _ in replicates.chain.states(1, SWEEPS):
            pass
        after.append(replicates.ranks())
        replicates.assert_likelihoods()
    names = list(before[0])
    first, last = (np.array([list(each.values()) for each in ranks]) for ranks in (before, after))
    assert np.abs(np.corrcoef(first[:, 0], last[:, 0])[0, 1]) < 0.9  # something has moved
    worst: dict[str, float] = {}
    for place, name in enumerate(names):
        worst[name] = float(stats.kstest(last[:, place], "uniform").pvalue)
    worst |= changes(names, first, last)
    # Of n p-values the smallest is below 1 / (100 n) in one run of a hundred.
    assert {name: p for name, p in worst.items() if p < 0.01 / len(worst)} == {}


def changes(names: list[str], first: FloatArray, last: FloatArray) -> dict[str, float]:
    """Return p-values of changes of mean and spread, of each rank and of all ranks of one kind.

    Before and after belong to the same data: their differences vary less than they do.
    """
    found = {}
    kinds: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        kinds.setdefault(name, []).append(place)
        kinds.setdefault(f"all {name.rpartition(' ')[0]}", []).append(place)
    for kind, places in kinds.items():
        for what, power in (("mean", 1), ("spread", 2)):
            change = ((last[:, places] - 0.5) ** power - (first[:, places] - 0.5) ** power).mean(axis=1)
            if change.std() > 0:
                z = change.mean() / change.std() * np.sqrt(len(change))
                found[f"{what} of {kind}"] = float(2 * stats.norm.sf(abs(z)))
    return found
