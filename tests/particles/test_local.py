"""One curve, compiled: values, likelihood and prior density are those of the formulas, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from bayesscale.laws import LAWS
from bayesscale.models.assembly import Assembly
from bayesscale.models.correlation import factor_of
from bayesscale.particles import places
from bayesscale.particles.local import (
    law_and_break,
    law_parameters,
    log_likelihood,
    log_prior,
    pair_likelihood,
    value_and_noise,
)
from bayesscale.particles.population import correlation_factor, covariance
from bayesscale.particles.state import LocalPrior
from bayesscale.particles.structs import Struct
from bayesscale.posterior.local import Gauge, Local
from tests.models.near_zero import sharpness_of
from tests.particles.clouds import Cloud
from tests.particles.simulated import density, mean_and_scale
from tests.particles.small import draw, small_data, small_prior

FloatArray = NDArray[np.float64]


@pytest.fixture(scope="module")
def data() -> Assembly:
    return small_data()


@pytest.fixture(scope="module")
def prior(data: Assembly) -> LocalPrior:
    return small_prior(data)


def drawn(data: Assembly, prior: LocalPrior, count: int = 160) -> list[tuple[int, int, int, FloatArray]]:
    """Return metric, law, break and parameters of some curves."""
    rng = np.random.default_rng(0)
    return [(i % 2, *draw(prior, data, i % 2, rng)) for i in range(count)]


def test_values_are_those_that_answers_are_made_of(data: Assembly, prior: LocalPrior) -> None:
    names, out = ("bleu", "cross_entropy"), np.empty(data.u.shape[2])
    assert {(law, broken) for _, law, broken, _ in drawn(data, prior)} == {
        (law, broken) for law in range(len(LAWS)) for broken in (0, 1)
    }
    for m, law, broken, x in drawn(data, prior):
        u, count = data.u[0, m], int(data.count[0, m])
        compiled = Struct(data)
        scale = law_and_break(law, broken, x, compiled, 0, m, out)
        both = [value_and_noise(x, scale, out[i], compiled, 0, m, i) for i in range(count)]
        found, square = np.array(both).T
        level, gain = (np.array([[part]]) for part in law_parameters(x, data.log_near[m]))

        def each(place: int, x: FloatArray = x) -> FloatArray:
            return np.array([[x[place]]])

        gauge = Gauge(data.floor[m], math.exp(data.log_near[m]))
        local = Local(
            names[m], tuple(LAWS), gauge, np.array([[law]]), level, gain, each(places.SHAPE),
            np.log(sharpness_of(each(places.SHARP))), each(places.NOISE), each(places.SHARE),
            each(places.STRAY), each(places.TAU) if broken else None, each(places.SLOPE) if broken else None,
        )  # fmt: skip
        path = (data.modes[0, m, :count] @ x[places.MODE : places.MODE + 2])[None, :, None]
        expected = local.value(u[None, :count], path)[0, :, 0]
        se = np.sqrt(data.variance[0, m, :count])[None, :, None]
        sd = local.scale(local.value(u[None, :count]), se)[0, :, 0]
        np.testing.assert_allclose(found, expected, rtol=1e-12)
        np.testing.assert_allclose(np.sqrt(square), sd, rtol=1e-12)
        by_hand = mean_and_scale(x, law, bool(broken), data, 0, m)
        np.testing.assert_allclose(by_hand, (expected, sd), rtol=1e-12)


def test_the_likelihood_is_student_t_up_to_a_constant(data: Assembly, prior: LocalPrior) -> None:
    compiled, out = Struct(data), np.empty(data.u.shape[2])
    constants = []
    for m, law, broken, x in drawn(data, prior):
        found = pair_likelihood(law, broken, x, compiled, 0, m, out)
        mean, scale = mean_and_scale(x, law, bool(broken), data, 0, m)
        value = data.value[0, m, : len(mean)]
        assert found == pytest.approx(density(value, mean, scale, data.degrees), rel=1e-10)
        constants.append(stats.t(data.degrees, mean, scale).logpdf(value).sum() - found)
    np.testing.assert_allclose(constants, constants[0], rtol=1e-9)


@pytest.mark.parametrize("off", [0.0, 1.0, 1e60, 1e200])
def test_many_values_and_large_numbers_do_not_overflow(off: float) -> None:
    count = 400
    mean, variance = np.full(count, 1e-9), np.full(count, 1e-4)
    value, x = np.full(count, off), np.zeros(places.LOCAL)
    x[places.NOISE] = -20.0
    found = log_likelihood(mean, 0.0, np.zeros((count, 2)), x, value, variance, count, 0.0, 1e-6, 5.0)
    scale = np.full(count, np.sqrt(np.exp(-40.0) + 1e-12 + 0.5e-4))
    if off < 1e100:
        assert found == pytest.approx(density(value, mean, scale, 5.0), rel=1e-9)
    else:  # the square overflows
        assert found == -np.inf


def test_a_value_that_is_no_number_has_no_likelihood() -> None:
    mean, one, x = np.array([1.0, np.nan]), np.ones(2), np.zeros(places.LOCAL)
    modes = np.zeros((2, 2))
    assert log_likelihood(mean, 0.0, modes, x, one, one, 2, 0.0, 0.1, 5.0) == -np.inf
    assert np.isfinite(log_likelihood(mean, 0.0, modes, x, one, one, 1, 0.0, 0.1, 5.0))


def _log_prior(law: int, broken: int, x: FloatArray, prior: LocalPrior, data: Assembly, m: int) -> float:
    """Return the log density of a curve under its population, all constants included."""
    one, both, two = prior.precision[0, m]
    square, degrees = np.diag([0.0, 0.0, prior.shape_sd[m, law] ** 2]), prior.degrees[0, m]
    square[:2, :2] = np.linalg.inv([[one, both], [both, two]])
    centre = [*prior.mean[0, m], prior.shape_mean[m, law]]
    student = stats.multivariate_t(centre, square * prior.rest[0, m] / degrees, df=degrees)
    total = float(student.logpdf(x[[places.LEVEL, places.GAIN, places.SHAPE]]))
    total += prior.log_share[0, m, law] + stats.norm.logpdf(x[[places.MODE, places.MODE + 1]]).sum()
    for kind in np.flatnonzero(data.pooled_free):
        total += stats.norm(prior.pooled_mean[kind, m], prior.pooled_sd[kind, m]).logpdf(
            x[places.NOISE + kind]
        )
    waits = stats.expon(data.first[0, m], 1.0 / prior.hazard[0, m])
    if broken:
        spread = data.break_spread * prior.fall[m]
        total += waits.logpdf(x[places.TAU]) + stats.norm(-prior.fall[m], spread).logpdf(x[places.SLOPE])
    else:
        total += waits.logsf(data.last[0, m])
    return float(total)


def test_the_prior_is_that_of_scipy_up_to_one_constant_of_a_metric(data: Assembly, prior: LocalPrior) -> None:
    compiled, own = Struct(data), Struct(prior)
    off: dict[int, list[float]] = {0: [], 1: []}
    for m, law, broken, x in drawn(data, prior):
        found = log_prior(law, broken, x, own, compiled, 0, m)
        off[m].append(_log_prior(law, broken, x, prior, data, m) - found)
    for each in off.values():
        np.testing.assert_allclose(each, each[0], rtol=1e-9)


@pytest.mark.parametrize("m", [0, 1])
def test_clouds_made_in_numpy_have_the_same_densities(data: Assembly, prior: LocalPrior, m: int) -> None:
    compiled, own, out = Struct(data), Struct(prior), np.empty(data.u.shape[2])
    cloud = Cloud.of(prior, data, 0, m, 200, np.random.default_rng(m))
    each = list(zip(*cloud, strict=True))
    found = [log_prior(*one, own, compiled, 0, m) for one in each]
    np.testing.assert_allclose(cloud.log_prior(prior, data, 0, m), found, rtol=1e-10)
    found = [pair_likelihood(*one, compiled, 0, m, out) for one in each]
    np.testing.assert_allclose(cloud.likelihood(data, 0, m), found, rtol=1e-10)


@pytest.mark.parametrize("count", [2, 4, 6])
def test_correlations_are_those_of_the_model(count: int) -> None:
    rng = np.random.default_rng(count)
    partial = rng.uniform(-0.95, 0.95, count * (count - 1) // 2)
    sd = rng.uniform(0.1, 3.0, count)
    factor = factor_of(partial, count)
    np.testing.assert_allclose(correlation_factor(partial, count), factor, rtol=1e-12, atol=1e-14)
    whole = sd[:, None] * (factor @ factor.T) * sd
    np.testing.assert_allclose(covariance(partial, sd), whole, rtol=1e-10, atol=1e-14)


def test_the_vector_has_room_for_all_parameters() -> None:
    names = ("LEVEL", "GAIN", "SHAPE", "NOISE", "STRAY", "SHARP", "SHARE", "MODE", "TAU", "SLOPE")
    found = {getattr(places, name) for name in names}
    assert found | {places.MODE + 1} == set(range(places.LOCAL))
    assert len(found) == len(names)
