"""A population and its curves, drawn from the prior again and again, as arrays and for compiled code."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bayesscale.models.assembly import Assembly, assemble
from bayesscale.models.model import Model
from bayesscale.models.priors import Priors, change_priors
from bayesscale.particles.expected import expect, fill_prior
from bayesscale.particles.guide import Guide, no_guide
from bayesscale.particles.population import fill_precisions
from bayesscale.particles.state import Local, LocalPrior, Population, empty, middle, wide_prior
from bayesscale.particles.steps import first_steps
from bayesscale.particles.structs import Struct
from bayesscale.particles.sweep import draw_unmeasured, seed_all
from tests.models.tables import curves_of, table
from tests.particles.ranks import curve_ranks, population_ranks
from tests.particles.simulated import draw_local, draw_population

FloatArray = NDArray[np.float64]
METRICS = ("bleu", "cross_entropy")


def patchy_data(metrics: tuple[str, ...] = METRICS) -> Assembly:
    """Return arrays of four curves with groups, breaks and a baseline; two of them lack different metrics.

    The first curve has only the last metric, another one all but the last. Curves differ as much as is not
    known of their mean, so that everything has room to move.
    """
    effect: dict[str, Any] = {"mean": {"sd": 0.3}}
    effect |= {name: {"median": 0.2, "spread": 0.4} for name in ("task_sd", "mixture_sd", "curve_sd")}
    both = {"level": effect, "gain": effect}
    pooled = {name: {"mean": {"sd": 0.4}} for name in ("noise_scale", "discrepancy", "sharpness", "se_share")}
    shapes = {name: {"mean": {"sd": 0.5}} for name in ("log", "saturating", "rising", "power")}
    priors = change_priors(Priors(), {"score": both, "loss": both, "shape": shapes, **pooled})
    frame = table(finetune=(6e6,), se=0.3, metrics=metrics)
    of, last = frame["task"] + " " + frame["mixture"], frame["metric"] == metrics[-1]
    missing = ((of == "en-de en") & ~last) | ((of == "en-fr en+fr") & last)
    return assemble(curves_of(frame[~missing]), Model(priors, breaks="all"))


class Given:
    """A population and its curves; steps do not adapt."""

    def __init__(self, data: Assembly) -> None:
        self.data, self.rng = data, np.random.default_rng(1)
        self.population: Population = middle(data)
        self.local: Local = empty(data)
        self.prior: LocalPrior = wide_prior(data)
        self.guide: Guide = no_guide(data)
        self.steps = first_steps(data)
        self.steps.rate[0] = 0.0
        curves, effects = len(data.count), len(data.sd_prior)
        self.precisions = np.zeros((len(data.measured) + 1, effects, effects))
        self.expected, self.inverse = np.zeros((curves, 6)), np.zeros((curves, 3))
        # Population, data and curves; the population as curves see it, the clouds, the sizes of steps.
        self.own: tuple[Any, Any, Any] = (
            Struct(self.population), Struct(data), Struct(self.local),
        )  # fmt: skip
        self.seen: Any = Struct(self.prior)
        self.known: Any = Struct(self.guide)
        self.sizes: Any = Struct(self.steps)
        seed_all(1)

    def draw(self) -> None:
        """Draw the population from its prior, and the curves from it."""
        population = draw_population(self.data, self.rng)
        local = draw_local(population, self.data, self.rng)
        for old, new in zip((*self.population, *self.local), (*population, *local), strict=True):
            old[...] = new

    def see(self, m: int) -> None:
        """Write the population as curves see it for a metric, and what that is made of."""
        population, data, local = self.own
        fill_precisions(population, data, self.precisions)
        expect(m, population, data, local, self.precisions, self.expected, self.inverse)
        fill_prior(m, population, data, self.precisions, self.expected, self.inverse, self.seen)

    def draw_unmeasured(self) -> None:
        """Draw what was not measured, which no move of the population keeps up to date."""
        draw_unmeasured(*self.own, self.seen, self.precisions)

    def ranks(self, values: bool = False) -> dict[str, float]:
        """Return the ranks of everything, of values only if asked for."""
        found = population_ranks(self.population, self.data)
        found |= curve_ranks(self.population, self.local, self.data, self.rng)
        kept = {name: each for name, each in found.items() if values or "values" not in name}
        return {f"{name} {i}": value for name, each in kept.items() for i, value in enumerate(np.ravel(each))}


def assert_uniform(found: list[dict[str, float]]) -> None:
    """Assert that all ranks, of independent replicates, are uniform."""
    names, values = list(found[0]), np.array([list(each.values()) for each in found])
    worst = {n: float(stats.kstest(values[:, i], "uniform").pvalue) for i, n in enumerate(names)}
    worst |= {f"spread of {n}": _of_spread(values[:, i]) for i, n in enumerate(names)}
    assert {n: p for n, p in worst.items() if p < 0.01 / len(worst)} == {}


def _of_spread(ranks: FloatArray) -> float:
    """Return the p-value of the spread of uniform numbers, 1/12 with the variance 1/180 of each square."""
    z = (((ranks - 0.5) ** 2).mean() - 1 / 12) * np.sqrt(180 * len(ranks))
    return float(2 * stats.norm.sf(abs(z)))
