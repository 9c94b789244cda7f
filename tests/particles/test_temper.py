"""Clouds of particles are draws from a curve's posterior, compared with sums over a grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special

from bayesscale.models.assembly import Assembly, assemble
from bayesscale.models.model import Model
from bayesscale.particles.guide import no_guide
from bayesscale.particles.places import GAIN, LEVEL, LOCAL, MODE, NOISE, SHAPE, TAU
from bayesscale.particles.state import Local, LocalPrior, Pool, empty, empty_pool
from bayesscale.particles.structs import Struct
from bayesscale.particles.sweep import seed_all
from bayesscale.particles.temper import begin, drifted, effective, features, next_step, resampled, temper
from tests.models.tables import curves_of, table
from tests.particles.simulated import density, mean_and_scale
from tests.particles.small import small_data, small_prior

FloatArray = NDArray[np.float64]
PARTICLES = 1500
FIXED = 1e-5


def held(prior: LocalPrior, data: Assembly, law: int, hazard: float) -> LocalPrior:
    """Return a population in which nothing but the level, the law and the break is unknown."""
    one = np.where(np.arange(prior.log_share.shape[2]) == law, 0.0, -np.inf)
    share = prior.log_share.copy()
    if law >= 0:
        share[:, 0] = one
    precision = prior.precision.copy()
    precision[..., 0], precision[..., 1], precision[..., 2] = 0.3**-2.0, 0.0, FIXED**-2.0
    return prior._replace(
        log_share=share, precision=precision, hazard=np.full_like(prior.hazard, hazard),
        pooled_sd=np.full_like(prior.pooled_sd, FIXED), shape_sd=np.full_like(prior.shape_sd, FIXED),
    )  # fmt: skip


def clouds(
    data: Assembly, prior: LocalPrior, seed: int = 1, particles: int = PARTICLES
) -> tuple[Pool, Local, Any]:
    """Return the clouds under a population, the curves, and what was learned of them."""
    pool, local, guide = empty_pool(data, particles), empty(data), no_guide(data)
    own, learned, compiled = Struct(prior), Struct(guide), Struct(data)
    rooms = Struct(pool), Struct(local)
    for c, m in np.argwhere(data.count > 0):
        temper(seed + 1000 * c + 100 * m, c, m, 6, own, learned, compiled, rooms[0])
    begin(seed, own, compiled, *rooms)
    return pool, local, guide


def on_grid(data: Assembly, prior: LocalPrior, x: FloatArray, law: int, level: FloatArray) -> FloatArray:
    """Return the log posterior of the first curve at levels, the rest being as in x and without a break."""
    found = np.asarray(-0.5 * ((level - prior.mean[0, 0, 0]) / 0.3) ** 2)
    for i, each in enumerate(level):
        own = x.copy()
        own[LEVEL] = each
        mean, scale = mean_and_scale(own, law, False, data, 0, 0)
        found[i] += density(data.value[0, 0, : len(mean)], mean, scale, data.degrees)
    return found


def quiet(data: Assembly) -> Assembly:
    """Return data without modes: nothing is known of them but the prior, which is standard normal."""
    return data._replace(modes=np.zeros_like(data.modes))


def test_levels_are_those_of_the_posterior_by_quadrature() -> None:
    data = quiet(small_data(metrics=("bleu",)))
    prior = held(small_prior(data), data, 0, 1e-9)
    pool, _, _ = clouds(data, prior)
    x = pool.x[0, 0].mean(axis=0)
    assert x[GAIN] == pytest.approx(prior.mean[0, 0, 1], abs=1e-4)
    levels = pool.x[0, 0, :, LEVEL]
    grid = np.linspace(levels.min() - 0.2, levels.max() + 0.2, 4001)
    weight = special.softmax(on_grid(data, prior, x, 0, grid))
    mean = (weight * grid).sum()
    sd = np.sqrt((weight * (grid - mean) ** 2).sum())
    drawn = pool.x[0, 0, :, LEVEL]
    assert sd < 0.1 * 0.3  # the values tell more than the prior
    assert drawn.mean() == pytest.approx(mean, abs=5 * sd / np.sqrt(PARTICLES))
    assert drawn.std() == pytest.approx(sd, rel=0.1)
    # The rest is as it was before.
    assert pool.x[0, 0, :, MODE].std() == pytest.approx(1.0, abs=0.1)
    assert not pool.broken.any()


@pytest.mark.parametrize(("off", "kept"), [(0.0, True), (1.0, True), (2.0, False)])
def test_laws_have_the_shares_that_their_evidence_gives_and_few_are_lost(off: float, kept: bool) -> None:
    data = quiet(small_data(metrics=("bleu",)))
    prior = held(small_prior(data), data, -1, 1e-9)
    prior.shape_mean[0, 1] += off
    pool, _, _ = clouds(data, prior)
    assert np.exp(prior.log_share[0]).sum() == pytest.approx(1.0)
    grid, evidence = np.linspace(2.0, 4.5, 8001), np.full(4, -np.inf)
    for law in range(3):
        x = pool.x[0, 0].mean(axis=0)
        x[SHAPE] = prior.shape_mean[0, law]
        evidence[law] = special.logsumexp(on_grid(data, prior, x, law, grid)) + prior.log_share[0, 0, law]
    share = special.softmax(evidence)
    found = np.bincount(pool.law[0, 0], minlength=4) / PARTICLES
    # Particles that stem from one another count less than independent ones.
    np.testing.assert_allclose(found, share, atol=0.06)
    # A law that fits worse than others is kept, one that cannot fit is not.
    assert (found[:3] > 0.09).tolist() == [True, kept, True]
    assert kept or found[1] < 0.01


def test_a_curve_is_put_where_one_of_its_particles_is_and_likelihoods_are_kept() -> None:
    data = small_data()
    prior = small_prior(data)
    pool, local, guide = clouds(data, prior)
    for c, m in np.ndindex(data.count.shape):
        assert (pool.x[c, m] == local.x[c, m]).all(axis=1).any()
        for i in range(0, PARTICLES, 100):
            x, law, broken = pool.x[c, m, i], int(pool.law[c, m, i]), bool(pool.broken[c, m, i])
            mean, scale = mean_and_scale(x, law, broken, data, c, m)
            found = density(data.value[c, m, : len(mean)], mean, scale, data.degrees)
            assert pool.likelihood[c, m, i] == pytest.approx(found, rel=1e-9)
            assert data.allowed[m, law]
            if broken:
                assert data.first[c, m] < x[TAU] < data.last[c, m]
    common = 2 * np.bincount(pool.law[0, 0]).argmax() + np.bincount(pool.broken[0, 0]).argmax()
    assert guide.known[0, 0, common]


def test_the_same_seed_gives_the_same_clouds() -> None:
    data = small_data()
    prior = small_prior(data)
    first, again, other = (clouds(data, prior, seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.x, again.x)
    assert not (first.x == other.x).all(axis=-1).any()


def test_a_step_of_the_temperature_leaves_half_of_the_particles() -> None:
    likelihood, weight = np.random.default_rng(0).normal(0, 30, 500), np.empty(500)
    step = next_step(likelihood, 1.0, weight)
    assert 0 < step < 1
    assert weight.sum() == pytest.approx(1.0)
    assert 1 / (weight**2).sum() == pytest.approx(250, rel=0.01)
    assert next_step(likelihood / 1e6, 1.0, weight) == 1.0
    likelihood[3] = -np.inf
    assert effective(likelihood, 0.0, weight) == pytest.approx(499 / 500)
    assert weight[3] == 0.0


def test_particles_survive_by_their_weights() -> None:
    weight = np.array([0.5, 0.0, 0.3, 0.2])
    seed_all(1)
    counts = np.mean([np.bincount(resampled(weight), minlength=4) for _ in range(4000)], axis=0)
    np.testing.assert_allclose(counts, 4 * weight, atol=0.03)


@pytest.mark.parametrize("what", ["nothing", "place", "law", "broken"])
def test_a_drift_is_told_in_standard_errors(what: str) -> None:
    rng, count = np.random.default_rng(5), 400
    before, now = (
        (rng.normal(size=(count, LOCAL)), rng.integers(0, 3, count), rng.integers(0, 2, count))
        for _ in range(2)
    )
    if what == "place":
        now[0][:, GAIN] += 10.0 * np.sqrt(2.0 / count)
    elif what == "law":
        now[1][:200] = 0
    elif what == "broken":
        now[2][:200] = 1
    expected = {"nothing": (0.5, 3.5), "place": (8.0, 12.0), "law": (6.0, 14.0), "broken": (5.0, 10.0)}
    least, most = expected[what]
    assert least < drifted(features(*before), features(*now)) < most


def test_means_of_clouds_differ_as_those_of_independent_particles_do() -> None:
    sizes = tuple(np.geomspace(1e9, 6.4e10, 60))
    frame = table(("en-fr",), finetune=(6e6,), metrics=("cross_entropy",), sizes=sizes, noise=0.2)
    data = assemble(curves_of(frame), Model(breaks="none"))
    prior = small_prior(data)
    drawn = [clouds(data, prior, s)[0].x[0, 0][:, [LEVEL, GAIN, SHAPE, NOISE, MODE]] for s in range(8)]
    between = np.var([cloud.mean(axis=0) for cloud in drawn], axis=0, ddof=1)
    within = np.mean([cloud.var(axis=0) / PARTICLES for cloud in drawn], axis=0)
    # With 7 degrees of freedom each; after one round of stirring their mean is above 20.
    assert (between / within).mean() < 3


@pytest.mark.slow
def test_parts_of_few_particles_keep_their_share() -> None:
    data, particles, seeds, share = small_data(metrics=("bleu",)), 640, 40, 0.1
    # With values that tell nothing, the share of broken particles is the population's. A guide that is fitted
    # to the very particles that it moves leaves .092 of them.
    flat = data._replace(floor=np.full_like(data.floor, 1e6))
    hazard = -np.log1p(-share) / (data.last[0, 0] - data.first[0, 0])
    prior = small_prior(flat)._replace(hazard=np.full(data.count.shape, hazard))
    found = []
    for seed in range(seeds):
        own = prior._replace(log_share=prior.log_share.copy())  # tempering writes shares of laws
        found.append(clouds(flat, own, seed, particles)[0].broken.mean(axis=-1))
    error = np.sqrt(share * (1.0 - share) / (np.size(found) * particles))
    assert abs(np.mean(found) - share) < 3.0 * error
