"""Trajectories of all curves of a metric with what they have in common keep the joint distribution."""

from __future__ import annotations

import numpy as np

from bayesscale.particles.joint import joint
from bayesscale.particles.open import move_open
from bayesscale.particles.places import LOCAL, TAU
from bayesscale.particles.population import draw_scales, fill_precisions, residuals
from tests.particles.given import Given, assert_uniform, patchy_data
from tests.particles.simulated import draw_values, fill_likelihoods

REPLICATES, TURNS, ADAPTING = 500, 4, 150


class Measured(Given):
    """A population, its curves and their values; clouds know a wrong covariance of most parts."""

    def __init__(self) -> None:
        super().__init__(patchy_data())
        guide, rng = self.guide, np.random.default_rng(2)
        guide.known[:] = rng.random(guide.known.shape) < 0.9
        guide.factor[:] = 0.1 * np.tril(np.eye(LOCAL) + 0.2 * rng.standard_normal((LOCAL, LOCAL)))
        # Any of what data tell may be taken as open, and any of what they leave open as told.
        guide.open[:] = rng.random(guide.open.shape) < 0.5
        self.room = np.empty((4, max(self.data.u.shape[2], self.data.cell_value.shape[2])))

    def draw(self) -> None:
        """Draw population, curves and cells, and their values."""
        super().draw()
        # In place: compiled code shares the arrays.
        self.data.value[:], self.data.cell_value[:] = draw_values(self.local, self.data, self.rng)
        fill_likelihoods(self.local, self.data)

    def move(self) -> None:
        """Move the curves of every metric with means and spreads."""
        population, data, local = self.own
        fill_precisions(population, data, self.precisions)
        rest = residuals(population, data, local)
        scales = draw_scales(population, data, local, self.precisions, rest)
        move_open(population, data, local, self.precisions, scales, self.known, self.sizes, self.room[0])
        for m in range(len(self.data.sign)):
            self.see(m)
            joint(m, *self.own, scales, self.seen, self.known, self.sizes, self.room)


def test_population_curves_and_values_keep_their_joint_distribution() -> None:
    measured = Measured()
    local, data = measured.local, measured.data
    measured.steps.rate[0] = 0.2
    for _ in range(ADAPTING):
        measured.draw()
        measured.move()
    measured.steps.rate[0] = 0.0
    found, before, after, shifted = [], [], [], []
    for _ in range(REPLICATES):
        measured.draw()
        before.append(positions(measured))
        means = measured.population.coef[0].copy()
        held = measured.population.coef[1:].copy(), local.law.copy(), local.broken.copy()
        for _ in range(TURNS):
            measured.move()
        after.append(positions(measured))
        shifted.append(means != measured.population.coef[0])
        for old, new in zip(held, (measured.population.coef[1:], local.law, local.broken), strict=True):
            np.testing.assert_array_equal(old, new)
        broken = (local.broken > 0) & (data.count > 0)
        assert ((data.first < local.x[..., TAU]) & (local.x[..., TAU] < data.last))[broken].all()
        kept = local.likelihood.copy(), local.cell_likelihood.copy()
        fill_likelihoods(local, data)
        np.testing.assert_allclose(kept[0][data.count > 0], local.likelihood[data.count > 0], atol=1e-8)
        np.testing.assert_allclose(kept[1], local.cell_likelihood, atol=1e-8)
        measured.draw_unmeasured()
        found.append(measured.ranks(values=True))
    moved = [np.corrcoef(np.array(before)[:, i], np.array(after)[:, i])[0, 1] for i in range(len(before[0]))]
    assert max(moved) < 0.9
    assert np.mean(shifted, axis=0).min() > 0.5
    assert_uniform(found)


def positions(measured: Measured) -> list[float]:
    """Return means and log spreads, and the noise of cells; curves of which clouds know nothing stay."""
    own = measured.population
    return [*own.pooled_mean.ravel(), *np.log(own.pooled_sd).ravel(), *measured.local.cell[..., 1].ravel()]
