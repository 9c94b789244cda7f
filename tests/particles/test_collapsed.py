"""Modes integrated out: Student-t noise as normal noise with weights, against SciPy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import integrate as quadrature
from scipy import stats

from bayesscale.models.assembly import Assembly
from bayesscale.particles.collapsed import collapsed_likelihood, draw_modes, draw_weights, integrate
from bayesscale.particles.places import GAIN, LEVEL, MODE, NOISE, STRAY
from bayesscale.particles.structs import Struct
from bayesscale.particles.sweep import seed_all
from tests.models.near_zero import anchored, away, discrepancy_unit
from tests.particles.simulated import mean_and_scale
from tests.particles.small import draw, small_data, small_prior

FloatArray = NDArray[np.float64]
DRAWS = 3000


@pytest.fixture(scope="module")
def data() -> Assembly:
    return small_data()


class Case(NamedTuple):
    """A curve and metric, with its values as a normal distribution given weights."""

    m: int
    law: int
    broken: int
    x: FloatArray
    weights: FloatArray
    off: FloatArray
    """Values minus those of law and break."""
    noise: FloatArray
    """Scale of the noise of each value."""
    modes: FloatArray
    """Effect of the two coefficients on each value."""

    @property
    def arguments(self) -> tuple[int, int, FloatArray]:
        """What compiled functions take first."""
        return self.law, self.broken, self.x

    @property
    def precision(self) -> FloatArray:
        """Precision of the coefficients, given the values."""
        return np.asarray(np.eye(2) + self.modes.T @ (self.modes * (self.weights / self.noise**2)[:, None]))


def cases(data: Assembly, count: int, stray: float = 1.0) -> Iterator[Case]:
    """Yield curves of which data tell something of the modes, with values near them."""
    prior, rng = small_prior(data), np.random.default_rng(0)
    for i in range(count):
        m = i % len(data.sign)
        law, broken, x = draw(prior, data, m, rng)
        x[STRAY] += stray
        weights = np.asarray(rng.gamma(0.5 * data.degrees, 2.0 / data.degrees, data.u.shape[2]))
        bare = x.copy()
        bare[MODE : MODE + 2] = 0.0
        mean, noise = mean_and_scale(bare, law, bool(broken), data, 0, m)
        unit = discrepancy_unit(*anchored(x[LEVEL], x[GAIN], data.log_near[m]))
        scale = float(unit * np.exp(x[STRAY]))
        part = away(mean, data.log_near[m])
        value = mean_and_scale(x, law, bool(broken), data, 0, m)[0]
        value = value + noise * rng.standard_t(data.degrees, len(noise))
        # In place: compiled code shares the array.
        data.value[0, m, : len(noise)] = value
        yield Case(
            m,
            law,
            broken,
            x,
            weights,
            value - mean,
            noise,
            scale * part[:, None] * data.modes[0, m, : len(noise)],
        )


def test_the_likelihood_is_the_normal_density_of_values(data: Assembly) -> None:
    compiled, out, seen = Struct(data), np.empty(data.u.shape[2]), set()
    for case in cases(data, 200):
        count = len(case.off)
        covariance = np.diag(case.noise**2 / case.weights[:count]) + case.modes @ case.modes.T
        # Of another scale of the values: a variance of 1e-6 counts as singular.
        unit = np.sqrt(covariance.diagonal())
        whole = stats.multivariate_normal(cov=covariance / np.outer(unit, unit))
        expected = whole.logpdf(case.off / unit) - np.log(unit).sum() + 0.5 * count * np.log(2.0 * np.pi)
        found = collapsed_likelihood(*case.arguments, case.weights, compiled, 0, case.m, out)
        assert found == pytest.approx(expected, rel=1e-8, abs=1e-7)
        seen.add((case.law, case.broken))
    assert len(seen) == 8


def test_a_value_that_is_no_number_has_no_likelihood(data: Assembly) -> None:
    case, compiled, out = next(cases(data, 1)), Struct(data), np.empty(data.u.shape[2])
    case.x[LEVEL] = np.nan
    assert collapsed_likelihood(*case.arguments, case.weights, compiled, 0, case.m, out) == -np.inf


def test_many_values_and_small_scales_do_not_overflow(data: Assembly) -> None:
    count = 400
    shape = (1, 1, count)
    many = data._replace(
        u=np.zeros(shape), value=np.zeros(shape), variance=np.zeros(shape), modes=np.zeros((*shape, 2)),
        count=np.array([[count]]), floor=np.array([1e-6]), sign=np.array([1.0]),
    )  # fmt: skip
    x, out = np.zeros(11), np.zeros(count)
    x[NOISE] = -20.0
    weights = np.ones(count)
    total, *modes = integrate(x, 1.0, out, weights, Struct(many), 0, 0)
    assert total == pytest.approx(-0.5 * count * np.log(np.exp(-40.0) + 1e-12))
    assert modes == [0.0, 0.0, 1.0, 0.0, 1.0]


def test_modes_are_drawn_from_their_normal_distribution(data: Assembly) -> None:
    compiled, out, found = Struct(data), np.empty(data.u.shape[2]), []
    seed_all(1)
    for case in cases(data, DRAWS):
        case = case._replace(weights=case.weights[: len(case.off)])
        draw_modes(*case.arguments, case.weights, compiled, 0, case.m, out)
        mean = np.linalg.solve(case.precision, case.modes.T @ (case.off * case.weights / case.noise**2))
        found.append(np.linalg.cholesky(case.precision).T @ (case.x[MODE : MODE + 2] - mean))
    white = np.array(found).T
    both = (white[0] + white[1]) / np.sqrt(2.0)
    assert min(stats.kstest(each, "norm").pvalue for each in (*white, both)) > 1e-3


def test_weights_are_drawn_from_their_gamma_distribution(data: Assembly) -> None:
    compiled, out, ranks = Struct(data), np.empty(data.u.shape[2]), []
    seed_all(2)
    for case in cases(data, DRAWS // 4):
        draw_weights(*case.arguments, compiled, 0, case.m, out, case.weights)
        off = (case.off - case.modes @ case.x[MODE : MODE + 2]) / case.noise
        rate = 0.5 * (data.degrees + off**2)
        ranks.append(stats.gamma(0.5 * (data.degrees + 1.0), scale=1.0 / rate).cdf(case.weights[: len(off)]))
    assert stats.kstest(np.concatenate(ranks), "uniform").pvalue > 1e-3


@pytest.mark.parametrize("stray", [-20.0, 3.0], ids=["without modes", "with them"])
def test_over_the_weights_it_is_the_density_of_student_t_noise(data: Assembly, stray: float) -> None:
    # One value: weights by quadrature on one side, modes on the other.
    one = data._replace(count=np.minimum(data.count, 1))
    compiled, out = Struct(one), np.empty(data.u.shape[2])
    prior = stats.gamma(0.5 * data.degrees, scale=2.0 / data.degrees)
    for case in cases(one, 10, stray):
        case.weights[0] = 1.0
        noise, spread = float(case.noise[0]), float(np.linalg.norm(case.modes[0]))

        def given(weight: float, case: Case = case) -> float:
            case.weights[0] = weight
            found = collapsed_likelihood(*case.arguments, case.weights, compiled, 0, case.m, out)
            return float(prior.pdf(weight) * np.exp(found) / np.sqrt(2.0 * np.pi))

        def strayed(z: float, case: Case = case, noise: float = noise, spread: float = spread) -> float:
            density = stats.t.pdf(case.off[0], data.degrees, spread * z, noise)
            return float(stats.norm.pdf(z) * density)

        found, _ = quadrature.quad(given, 0.0, 30.0, limit=200, epsabs=0.0, epsrel=1e-8)
        expected, _ = quadrature.quad(strayed, -12.0, 12.0, limit=200, epsabs=0.0, epsrel=1e-8)
        assert found == pytest.approx(expected, rel=1e-6)
