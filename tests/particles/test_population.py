"""Every move of the population given the curves leaves the joint prior of both as it is, each by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from bayesscale.models.assembly import Assembly, assemble
from bayesscale.models.model import Model
from bayesscale.particles.baseline import move_line
from bayesscale.particles.pooled import move_breaks, move_pooled
from bayesscale.particles.population import (
    draw_coefficients,
    fill_prior,
    move_covariance,
    move_groups,
    residuals,
)
from bayesscale.particles.state import Local, Population, empty, middle, wide_prior
from bayesscale.particles.steps import first_steps
from bayesscale.particles.structs import (
    data_struct,
    local_struct,
    population_struct,
    prior_struct,
    steps_struct,
)
from bayesscale.particles.sweep import seed_all
from tests.models.tables import curves_of, table
from tests.particles.ranks import curve_ranks, population_ranks
from tests.particles.simulated import draw_local, draw_population

FloatArray = NDArray[np.float64]
REPLICATES, TURNS = 700, 12
MOVES = ("coefficients", "groups", "covariance", "pooled", "breaks", "line")


@pytest.fixture(scope="module")
def data() -> Assembly:
    """Return arrays of four curves with groups, breaks and a baseline; what was measured is not used."""
    return assemble(curves_of(table(finetune=(6e6,), se=0.3)), Model(breaks="all"))


class Given:
    """A population and its curves, as arrays and for compiled code."""

    def __init__(self, data: Assembly) -> None:
        self.data, self.rng = data, np.random.default_rng(1)
        self.population: Population = middle(data)
        self.local: Local = empty(data)
        self.steps = first_steps(data)
        self.steps.rate[0] = 0.0
        effects = len(data.sd_prior)
        self.precision = np.zeros((effects, effects))
        self._prior = prior_struct(wide_prior(data))
        self._own: tuple[Any, Any, Any, Any] = (
            population_struct(self.population), data_struct(data), local_struct(self.local),
            steps_struct(self.steps),
        )  # fmt: skip

    def draw(self) -> None:
        """Draw the population from its prior, and the curves from it."""
        population = draw_population(self.data, self.rng)
        local = draw_local(population, self.data, self.rng)
        for old, new in zip((*self.population, *self.local), (*population, *local), strict=True):
            old[...] = new

    def move(self, name: str) -> None:
        """Make one move; of the regression, between values of its residuals that are kept up to date."""
        population, data, local, steps = self._own
        rest = residuals(population, data, local)
        fill_prior(population, data, self._prior, self.precision)
        if name == "coefficients":
            draw_coefficients(population, data, self.precision, rest)
        elif name == "groups":
            move_groups(population, data, self.precision, rest, steps)
        elif name == "covariance":
            move_covariance(population, data, rest, steps)
        elif name == "pooled":
            move_pooled(population, data, local, steps)
        elif name == "breaks":
            move_breaks(population, data, local, steps)
        else:
            move_line(population, data, local, steps)
        np.testing.assert_allclose(rest, residuals(population, data, local), atol=1e-8)

    def ranks(self) -> dict[str, float]:
        """Return the ranks of everything but the values."""
        found = population_ranks(self.population, self.data)
        found |= curve_ranks(self.population, self.local, self.data, self.rng)
        kept = {name: each for name, each in found.items() if "values" not in name}
        return {f"{name} {i}": value for name, each in kept.items() for i, value in enumerate(np.ravel(each))}


@pytest.mark.parametrize("name", MOVES)
def test_a_move_keeps_the_joint_prior(data: Assembly, name: str) -> None:
    given, moved = Given(data), 0
    found = []
    seed_all(1)
    for _ in range(REPLICATES):
        given.draw()
        before = [part.copy() for part in given.population]
        for _ in range(TURNS):
            given.move(name)
        moved += any((old != new).any() for old, new in zip(before, given.population, strict=True))
        found.append(given.ranks())
    assert moved > 0.9 * REPLICATES
    names, values = list(found[0]), np.array([list(each.values()) for each in found])
    worst = {n: float(stats.kstest(values[:, i], "uniform").pvalue) for i, n in enumerate(names)}
    worst |= {f"spread of {n}": _of_spread(values[:, i]) for i, n in enumerate(names)}
    assert {n: p for n, p in worst.items() if p < 0.01 / len(worst)} == {}


def _of_spread(ranks: FloatArray) -> float:
    """Return the p-value of the spread of uniform numbers, 1/12 with the variance 1/180 of each square."""
    z = (((ranks - 0.5) ** 2).mean() - 1 / 12) * np.sqrt(180 * len(ranks))
    return float(2 * stats.norm.sf(abs(z)))
