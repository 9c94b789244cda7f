"""Every move of the population given the curves leaves the joint prior of both as it is, each by itself."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from bayesscale.models.assembly import Assembly
from bayesscale.models.correlation import factor_of
from bayesscale.particles.baseline import move_line
from bayesscale.particles.places import SHAPE
from bayesscale.particles.population import (
    draw_coefficients,
    draw_scales,
    fill_precisions,
    move_covariance,
    move_groups,
    residuals,
)
from tests.particles.given import Given, assert_uniform, patchy_data
from tests.particles.small import assert_prior

FloatArray = NDArray[np.float64]
REPLICATES, TURNS, DRAWS = 600, 12, 2000
MOVES = ("coefficients", "groups", "covariance", "line")
THREE = ("bleu", "chrf", "cross_entropy")


@pytest.fixture(scope="module")
def data() -> Assembly:
    return patchy_data()


def move(given: Given, name: str) -> None:
    """Make one move; of the regression, between values of its residuals that are kept up to date."""
    population, data, local = given.own
    rest = residuals(population, data, local)
    fill_precisions(population, data, given.precisions)
    scales = draw_scales(population, data, local, given.precisions, rest)
    if name == "coefficients":
        draw_coefficients(population, data, given.precisions, scales, rest)
    elif name == "groups":
        move_groups(population, data, given.precisions, scales, rest, given.sizes)
    elif name == "covariance":
        move_covariance(population, data, scales, rest, given.sizes)
    else:
        move_line(population, data, local, given.sizes)
    np.testing.assert_allclose(rest, residuals(population, data, local), atol=1e-8)


@pytest.mark.parametrize("name", MOVES)
def test_a_move_keeps_the_joint_prior_whatever_was_measured(data: Assembly, name: str) -> None:
    assert len(data.measured) == 3
    given, moved, found = Given(data), 0, []
    for _ in range(REPLICATES):
        given.draw()
        before = [part.copy() for part in given.population]
        for _ in range(TURNS):
            move(given, name)
        moved += any((old != new).any() for old, new in zip(before, given.population, strict=True))
        given.draw_unmeasured()
        found.append(given.ranks())
    assert moved > 0.9 * REPLICATES
    assert_uniform(found)


def between(given: Given) -> FloatArray:
    """Return the covariance of all levels and gains of a curve."""
    sd = given.population.sd
    factor = sd[:, None] * factor_of(given.population.partial, len(sd))
    return np.asarray(factor @ factor.T)


def effects(metrics: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the places of levels and gains of some metrics."""
    return np.flatnonzero(np.repeat(metrics, 2))


def conditional(given: Given, c: int, own: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """Return mean and covariance of some effects of a curve, given the others that were measured."""
    mean, covariance = given.data.design[c] @ given.population.coef, between(given)
    other = np.setdiff1d(effects(given.data.count[c] > 0), own)
    weight = np.linalg.solve(covariance[np.ix_(other, other)], covariance[np.ix_(other, own)]).T
    levels = given.local.x[c, :, :2].ravel()
    return (
        mean[own] + weight @ (levels - mean)[other],
        covariance[np.ix_(own, own)] - weight @ covariance[np.ix_(other, own)],
    )


def test_precisions_are_those_of_what_was_measured() -> None:
    given = Given(patchy_data(THREE))
    for _ in range(5):
        given.draw()
        population, compiled, _ = given.own
        given.precisions[:] = np.nan
        fill_precisions(population, compiled, given.precisions)
        whole = between(given)
        for own, measured in zip(given.precisions, [*given.data.measured, np.ones(3, bool)], strict=True):
            at, expected = effects(measured), np.zeros_like(whole)
            expected[np.ix_(at, at)] = np.linalg.inv(whole[np.ix_(at, at)])
            np.testing.assert_allclose(own, expected, rtol=1e-7, atol=1e-9 * np.abs(expected).max())


def student(given: Given, c: int, known: NDArray[np.int64]) -> tuple[float, float]:
    """Return degrees of freedom of what else a curve is, given some metrics, and how far off these are."""
    own, local = given.population, given.local
    at = effects(np.isin(np.arange(len(given.data.sign)), known))
    off = local.x[c, :, :2].ravel()[at] - (given.data.design[c] @ own.coef)[at]
    square = off @ np.linalg.solve(between(given)[np.ix_(at, at)], off)
    law = local.law[c, known]
    shape = (local.x[c, known, SHAPE] - own.shape_mean[known, law]) / own.shape_sd[known, law]
    degrees = float(given.data.curve_degrees)
    return degrees + 3 * len(known), degrees + float(square + (shape**2).sum())


def test_what_a_curve_is_expected_to_be_is_conditional_on_its_other_metrics() -> None:
    given = Given(patchy_data(THREE))
    for _ in range(5):
        given.draw()
        for c, m in np.argwhere(given.data.count).tolist():
            given.see(m)
            mean, covariance = conditional(given, c, np.array([2 * m, 2 * m + 1]))
            np.testing.assert_allclose(given.prior.mean[c, m], mean, rtol=1e-8)
            one, both, two = given.prior.precision[c, m]
            np.testing.assert_allclose(np.linalg.inv([[one, both], [both, two]]), covariance, rtol=1e-7)
            others = np.delete(given.data.count[c] > 0, m).nonzero()[0]
            degrees, rest = student(given, c, others + (others >= m))
            assert given.prior.degrees[c, m] == pytest.approx(degrees, rel=1e-12)
            assert given.prior.rest[c, m] == pytest.approx(rest, rel=1e-8)
        assert_own_prior(given)


def assert_own_prior(given: Given) -> None:
    """Assert that the rest of the population as curves see it is the population itself."""
    own, seen, data = given.population, given.prior, given.data
    for name in ("pooled_mean", "pooled_sd", "shape_mean", "shape_sd", "fall"):
        np.testing.assert_array_equal(getattr(seen, name), getattr(own, name))
    for share in np.exp(seen.log_share):
        np.testing.assert_allclose(share, own.share, rtol=1e-12)
    rate = own.log_hazard + own.hazard_alignment * data.alignment[:, None]
    np.testing.assert_allclose(seen.hazard, data.span * np.exp(rate), rtol=1e-12)


def test_what_was_not_measured_is_drawn_given_what_was() -> None:
    given, c = Given(patchy_data(THREE)), 0
    given.draw()
    missing, local = given.data.count == 0, given.local
    own = effects(missing[c])
    assert len(own) == 4
    mean, covariance = conditional(given, c, own)
    measured = [part[~missing].copy() for part in (local.x, local.law, local.broken)]
    kept = []
    for _ in range(DRAWS):
        given.draw_unmeasured()
        kept.append((local.x[c].copy(), local.law[c].copy(), local.broken[c].copy()))
    for before, part in zip(measured, (local.x, local.law, local.broken), strict=True):
        np.testing.assert_array_equal(before, part[~missing])
    x, law, broken = (np.stack(part) for part in zip(*kept, strict=True))
    off = x[..., :2].reshape(DRAWS, -1)[:, own] - mean
    degrees, rest = student(given, c, np.flatnonzero(~missing[c]))
    white = np.linalg.solve(np.linalg.cholesky(covariance), off.T) * np.sqrt(degrees / rest)
    assert min(stats.kstest(each, stats.t(degrees).cdf).pvalue for each in white) > 1e-3
    variance = degrees / (degrees - 2)
    np.testing.assert_allclose(np.cov(white), variance * np.eye(len(own)), atol=6.5 / np.sqrt(DRAWS))
    for m in np.flatnonzero(missing[c]).tolist():
        level, covariance = conditional(given, c, np.array([2 * m, 2 * m + 1]))
        (one, both), (_, two) = np.linalg.inv(covariance)
        prior = given.prior._replace(mean=given.prior.mean.copy(), precision=given.prior.precision.copy())
        prior.mean[c, m], prior.precision[c, m] = level, (one, both, two)
        prior.degrees[c, m], prior.rest[c, m] = degrees, rest
        assert_prior(x[:, m], law[:, m], broken[:, m], prior, given.data, m)
