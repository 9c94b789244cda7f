"""The population moves with particles summed over: its prior stays, and slopes are those of the density."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special, stats

from bayesscale.particles.exchange import exchange
from bayesscale.particles.mixture import gather, log_mixture, mix
from bayesscale.particles.places import LAW_COUNT, MIXED, SHARE_OF_LAW
from bayesscale.particles.population import fill_precisions
from bayesscale.particles.state import LocalPrior, Pool, empty_pool
from bayesscale.particles.structs import Struct
from bayesscale.particles.sums import ROWS, SUMS
from bayesscale.particles.sweep import exchange_metrics
from bayesscale.particles.vector import read_population, write_population
from tests.particles.clouds import Cloud
from tests.particles.given import Given, assert_uniform, patchy_data

FloatArray = NDArray[np.float64]
REPLICATES, TURNS, ADAPTING, PARTICLES, SUMMED = 1200, 4, 100, 12, 9
STEP = 1e-5


class Mixture:
    """A population with its curves, and their clouds under a proposal that does not depend on it."""

    def __init__(self) -> None:
        self.given = Given(patchy_data())
        data = self.given.data
        metrics = len(data.sign)
        mean = np.tile(data.coef_mean[0].reshape(metrics, 2), (len(data.count), 1, 1))
        precision = np.tile([1.0, 0.1, 2.0], (*data.count.shape, 1))
        with np.errstate(divide="ignore"):
            log_share = np.log(data.allowed / data.allowed.sum(axis=1, keepdims=True))
        log_share = np.tile(log_share, (len(data.count), 1, 1))
        sds = [np.hypot(part[..., 1], 1.2 * np.exp(part[..., 2])) for part in (data.pooled, data.shapes)]
        self.proposal = LocalPrior(
            mean, precision, np.full(data.count.shape, 5.0), np.full(data.count.shape, 7.0),
            data.pooled[..., 0].copy(), sds[0], data.shapes[..., 0].copy(), sds[1],
            log_share, np.full(data.count.shape, np.exp(data.hazard[0]) * data.span),
            np.full(metrics, np.exp(data.break_scale[0])),
        )  # fmt: skip
        self.pool: Pool = empty_pool(data, PARTICLES)
        self.clouds: tuple[Any, Any] = Struct(self.pool), Struct(self.proposal)
        self.odds = np.empty((len(data.count), SUMMED + 1))
        self.order = np.zeros(self.odds.shape, np.int64)

    def draw(self) -> None:
        """Draw population, curves and clouds."""
        self.given.draw()
        data, pool = self.given.data, self.pool
        for c, m in np.argwhere(data.count).tolist():
            cloud = Cloud.of(self.proposal, data, c, m, PARTICLES, self.given.rng)
            pool.law[c, m], pool.broken[c, m], pool.x[c, m] = cloud
            pool.prior[c, m] = cloud.log_prior(self.proposal, data, c, m)

    def move(self) -> None:
        """Move the population of every metric, and let its curves change places with their particles."""
        given = self.given
        population, data, local = given.own
        pool, proposal = self.clouds
        for m in range(len(given.data.sign)):
            given.see(m)
            mix(
                m, population, given.expected, given.inverse, data, pool, local, proposal, given.sizes,
                self.order, self.odds,
            )  # fmt: skip
            for c in np.flatnonzero(given.data.count[:, m]).tolist():
                exchange(c, m, self.order[c], self.odds[c], proposal, data, pool, local)
        fill_precisions(population, data, given.precisions)
        exchange_metrics(population, data, local, given.seen, proposal, pool, given.precisions)

    def gathered(self, m: int) -> tuple[Any, Any, Any]:
        """Return what is summed over."""
        _, data, local = self.given.own
        pool, proposal = self.clouds
        shape = self.odds.shape
        rows, base = np.zeros((shape[0], ROWS, shape[1])), np.zeros(shape)
        ends = np.zeros((shape[0], LAW_COUNT + 1), np.int64)
        gather(m, data, pool, local, proposal, rows, self.order, ends, base)
        return rows, ends, base


def test_population_curves_and_particles_keep_the_joint_prior() -> None:
    mixture = Mixture()
    given, found, first, last = mixture.given, [], [], []
    given.steps.rate[0] = 0.3
    for _ in range(ADAPTING):
        mixture.draw()
        mixture.move()
    given.steps.rate[0] = 0.0
    for _ in range(REPLICATES):
        mixture.draw()
        first.append(positions(given))
        for _ in range(TURNS):
            mixture.move()
        last.append(positions(given))
        given.draw_unmeasured()
        found.append(given.ranks())
    assert_uniform(found)
    kept = [np.corrcoef(np.array(first)[:, i], np.array(last)[:, i])[0, 1] for i in range(len(first[0]))]
    assert max(kept) < 0.9


@pytest.mark.parametrize(("rate", "learns"), [(0.3, True), (0.05, False), (0.0, False)])
def test_axes_settle_before_the_sizes_of_steps_do(rate: float, learns: bool) -> None:
    mixture = Mixture()
    given = mixture.given
    given.steps.rate[0] = rate
    frame, sizes = given.steps.frame.copy(), given.steps.mixed.copy()
    for _ in range(40):
        mixture.draw()
        mixture.move()
    assert (given.steps.frame != frame).any() == learns
    assert (given.steps.mixed != sizes).all() == (rate > 0.0)


def positions(given: Given) -> list[float]:
    """Return all parameters of the population that move here."""
    own, data = given.population, given.data
    several = data.allowed & (data.allowed.sum(axis=1, keepdims=True) > 1)
    return [
        *own.coef.ravel(), *np.log(own.sd), *own.pooled_mean.ravel(), *np.log(own.pooled_sd).ravel(),
        *own.shape_mean[data.allowed], *np.log(own.shape_sd[data.allowed]), *own.share[several],
        *own.log_hazard, *own.hazard_alignment, *np.log(own.fall),
    ]  # fmt: skip


@pytest.mark.parametrize("m", [0, 1])
def test_the_density_is_a_sum_over_particles_and_its_slopes_are_those_of_differences(m: int) -> None:
    mixture = Mixture()
    given, rng = mixture.given, np.random.default_rng(m)
    population, compiled, local = given.own
    size = MIXED + 2 * (len(given.data.group) - 1)
    at, mean, sd, slope = (np.zeros(size) for _ in range(4))
    mixture.draw()
    given.see(m)
    expected, inverse = given.expected.copy(), given.inverse.copy()
    rows, ends, base = mixture.gathered(m)
    room, sums = np.empty((4, base.shape[1])), np.empty((3, SUMS))
    read_population(m, population, compiled, True, at, mean, sd)
    moved = np.flatnonzero(sd)
    begun, odds, constants = at.copy(), mixture.odds, []

    def density(at: FloatArray) -> float:
        return float(log_mixture(
            m, at, mean, sd, expected, inverse, compiled, local, rows, ends, base, room, sums,
            odds, slope,
        ))  # fmt: skip

    for _ in range(5):
        at = begun.copy()
        at[moved] += 0.5 * sd[moved] * rng.standard_normal(len(moved))
        density(at)
        by = slope.copy()
        for j in moved:
            step = STEP * np.eye(size)[j]
            numeric = (density(at + step) - density(at - step)) / (2 * STEP)
            assert by[j] == pytest.approx(numeric, rel=1e-5, abs=1e-5 * np.abs(by).max())
        found = density(at)
        write_population(m, at, sd, population, compiled)
        given.see(m)
        # What other metrics say of level and gain stays the same, in sds.
        measured = given.data.count[:, m] > 0
        np.testing.assert_allclose(expected[measured], given.expected[measured], atol=1e-9)
        np.testing.assert_allclose(inverse[measured], given.inverse[measured], rtol=1e-9)
        constants.append(found - by_hand(mixture, m, at, mean, sd))
    np.testing.assert_allclose(constants, constants[0], rtol=1e-7)


def by_hand(mixture: Mixture, m: int, at: FloatArray, mean: FloatArray, sd: FloatArray) -> float:
    """Return the log density of a population with its particles summed over; assert that odds are theirs."""
    given, pool, data, prior = mixture.given, mixture.pool, mixture.given.data, mixture.given.prior
    shares = np.flatnonzero(sd * (np.arange(len(at)) // LAW_COUNT == SHARE_OF_LAW // LAW_COUNT))
    normal = np.setdiff1d(np.flatnonzero(sd), shares)
    total = stats.norm(mean[normal], sd[normal]).logpdf(at[normal]).sum()
    total += stats.loggamma(1.0).logpdf(at[shares]).sum()
    free = np.flatnonzero(data.pooled_free)
    for c in np.flatnonzero(data.count[:, m]).tolist():
        state = given.local
        cloud = Cloud(
            np.append(pool.law[c, m], state.law[c, m]),
            np.append(pool.broken[c, m], state.broken[c, m]),
            np.vstack([pool.x[c, m], state.x[c, m]]),
        )
        odds = cloud.log_prior(prior, data, c, m) - cloud.log_prior(mixture.proposal, data, c, m)
        odds = odds[mixture.order[c]]
        np.testing.assert_allclose(mixture.odds[c], odds - odds.max(), rtol=1e-8, atol=1e-8)
        one, both, two = prior.precision[c, m]
        total += special.logsumexp(odds) + 0.5 * np.log(one * two - both**2)
        total -= np.log(prior.pooled_sd[free, m]).sum()
    for place, kind in ((1, 0), (2, 3)):
        own = given.local.cell[data.cell_count[:, m] > 0, m, place]
        total += stats.norm(prior.pooled_mean[kind, m], prior.pooled_sd[kind, m]).logpdf(own).sum()
    return float(total)
