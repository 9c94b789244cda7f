"""What a curve strays from its law: an integrated Ornstein-Uhlenbeck process without its linear part."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bayesscale.models.discrepancy import MODES, Basis, bases, discrepancy_unit, modes, step_count, steps
from bayesscale.models.layout import lay_out
from tests.models.tables import curves_of, table
from tests.models.variants import VARIANTS

FloatArray = NDArray[np.float64]
RATE = 2.0  # at which a change of slope dies out
DRAWS = 20_000
# Where curves are measured: evenly and not, long and short, from 0 and from elsewhere, twice at one size.
PLACES = {
    **{f"{count} even": np.linspace(0.0, 1.0, count) for count in (4, 5, 9, 20)},
    "uneven": np.array([0.0, 0.05, 0.1, 0.4, 0.45, 1.0]),
    "elsewhere": np.linspace(0.3, 1.7, 8),
    "short": np.linspace(0.5, 0.75, 6),
    "twice": np.repeat(np.linspace(-0.1, 1.1, 7), 2),
}


def _covariance(start: float, u: FloatArray) -> FloatArray:
    """Return the covariance of the process in continuous time, a double integral done by hand.

    The slope's changes are white noise of unit variance from `start` on, which dies out with exp(-RATE t):
    Cov(s, t) = int_0^s (1 - exp(-RATE (s - a))) (1 - exp(-RATE (t - a))) da / RATE^2 for s < t.
    """
    t = np.maximum(np.maximum(u, u[:, None]) - start, 0.0)
    s = np.maximum(np.minimum(u, u[:, None]) - start, 0.0)
    single = (1 - np.exp(-RATE * s)) / RATE + (np.exp(-RATE * (t - s)) - np.exp(-RATE * t)) / RATE
    double = (np.exp(-RATE * (t - s)) - np.exp(-RATE * (s + t))) / (2 * RATE)
    return np.asarray((s - single + double) / RATE**2)


def _line(u: FloatArray, at: FloatArray) -> FloatArray:
    """Return the matrix that takes values at u to their least-squares line at other positions."""
    return np.vander(at, 2) @ np.linalg.pinv(np.vander(u, 2))


def _strayed(u: FloatArray) -> FloatArray:
    """Return the covariance at u, the linear part taken out."""
    without = np.eye(len(u)) - _line(u, u)
    return np.asarray(without @ _covariance(u[0], u) @ without)


@pytest.fixture(params=PLACES)
def u(request: pytest.FixtureRequest) -> FloatArray:
    return PLACES[request.param]


def test_steps_add_up_to_the_integrated_process() -> None:
    u = np.linspace(0.3, 3.3, 13)
    effect = steps(0.3, u, step_count(0.3, 3.3))
    assert effect.shape == (13, 48)
    expected = _covariance(0.3, u)
    assert np.abs(effect @ effect.T - expected).max() < 0.002 * expected.max()
    assert (steps(0.3, np.array([0.0, 0.3]), 5) == 0).all()  # before and where the curve begins


def test_a_path_s_slope_is_a_random_walk_that_is_pulled_back() -> None:
    count, fine = step_count(0.0, 1.0), 1e-6
    after = np.array([1.0, 1.0 + fine])
    slope = np.diff(steps(0.0, after, count), axis=0)[0] / fine
    expected = (1 - np.exp(-2 * RATE)) / (2 * RATE)  # variance of an Ornstein-Uhlenbeck process
    assert (slope**2).sum() == pytest.approx(expected, rel=0.01)


def test_modes_are_orthogonal_to_constants_and_lines_and_to_each_other(u: FloatArray) -> None:
    found = Basis.of(u).modes
    size = np.abs(found).max()
    for other in (np.ones(len(u)), u, found[:, 1]):
        assert np.abs(found[:, 0] @ other).max() < 1e-12 * size * len(u)
    assert np.abs(found[:, 1] @ np.column_stack([np.ones(len(u)), u])).max() < 1e-12 * size * len(u)


def test_modes_are_the_two_largest_of_the_process(u: FloatArray) -> None:
    found = Basis.of(u).modes
    value, vector = np.linalg.eigh(_strayed(u))
    largest = (vector[:, -2:] * value[-2:]) @ vector[:, -2:].T
    # The steps of the walk are 1/16 of a typical curve; the short curve has four of them.
    tolerance = 0.25 if np.ptp(u) < 0.5 else 0.05
    assert np.abs(found @ found.T - largest).max() < tolerance * np.abs(largest).max()


@pytest.mark.parametrize("count", range(5, 21))
def test_two_modes_explain_nine_tenths_of_what_is_not_linear(count: int) -> None:
    u = np.linspace(0.0, 1.0, count)
    explained = (Basis.of(u).modes ** 2).sum() / np.trace(_strayed(u))
    assert 0.9 < explained < 0.96  # 95% of 5 values, 91% of 20


def test_two_modes_of_four_values_explain_all() -> None:
    u = np.linspace(0.0, 1.0, 4)
    assert (Basis.of(u).modes ** 2).sum() == pytest.approx(np.trace(_strayed(u)), rel=0.02)


def test_coefficients_of_known_modes_are_independent_and_standard(u: FloatArray) -> None:
    loading = Basis.of(u).loading
    assert loading @ loading.T == pytest.approx(np.eye(MODES), abs=1e-12)


@pytest.mark.parametrize(
    ("u", "known"),
    [
        ([0.4], 0),
        ([0.0, 1.0], 0),
        ([0.0, 0.0, 1.0, 1.0], 0),
        ([0.5, 0.5, 0.5], 0),
        ([0.0, 0.6, 1.0], 1),
        ([0.0, 0.6, 0.6, 1.0], 1),
        ([0.0, 0.2, 0.6, 1.0], 2),
    ],
)
def test_few_values_have_fewer_modes(u: list[float], known: int) -> None:
    basis = Basis.of(np.array(u))
    there = np.arange(MODES) < known
    assert (np.abs(basis.modes).max(axis=0) > 1e-3).tolist() == there.tolist()
    assert (basis.modes[:, ~there] == 0).all()
    assert basis.loading @ basis.loading.T == pytest.approx(np.diag(there.astype(float)), abs=1e-12)
    # Coefficients of modes that it does not have move nothing.
    rng = np.random.default_rng(0)
    free = rng.standard_normal((50, basis.loading.shape[1]))
    first, second = (basis.walks(np.where(there, 1.0, other), free) for other in (0.0, 9.0))
    assert first == pytest.approx(second, abs=1e-12)
    strayed = basis.at(basis.u, free.shape[1]) @ first.T
    assert strayed == pytest.approx(np.outer(basis.modes.sum(axis=1), np.ones(50)), abs=1e-10)


def test_walks_have_the_given_coefficients(u: FloatArray) -> None:
    basis, rng = Basis.of(u), np.random.default_rng(1)
    given = rng.normal(scale=2.0, size=(30, MODES))
    inside = basis.loading.shape[1]
    free = rng.standard_normal((30, inside + 7))
    kept = free.copy()
    found = basis.walks(given, free)
    assert found[:, :inside] @ basis.loading.T == pytest.approx(given, abs=1e-10)
    assert (found[:, inside:] == free[:, inside:]).all()  # the data say nothing of steps beyond them
    assert (free == kept).all()


def _assert_moments(draws: FloatArray, mean: FloatArray, covariance: FloatArray) -> None:
    """Assert that normal draws have a mean and covariance, up to five standard errors."""
    variance = np.diag(covariance)
    assert (np.abs(draws.mean(axis=0) - mean) < 5 * np.sqrt(variance / DRAWS) + 1e-12).all()
    error = np.sqrt((np.outer(variance, variance) + covariance**2) / DRAWS)
    assert (np.abs(np.cov(draws.T) - covariance) < 5 * error + 1e-12).all()


def test_walks_are_otherwise_standard_normal() -> None:
    basis, rng = Basis.of(PLACES["uneven"]), np.random.default_rng(2)
    inside = basis.loading.shape[1]
    free = rng.standard_normal((DRAWS, inside + 2))
    # Given the coefficients: normal steps conditioned on two linear combinations.
    given = np.array([1.5, -2.0])
    pulled = np.zeros((MODES, inside + 2))
    pulled[:, :inside] = basis.loading
    left = np.eye(inside + 2) - pulled.T @ np.linalg.solve(pulled @ pulled.T, pulled)
    _assert_moments(basis.walks(np.tile(given, (DRAWS, 1)), free), np.linalg.pinv(pulled) @ given, left)
    # With coefficients from their prior: independent standard normal steps.
    drawn = basis.walks(rng.standard_normal((DRAWS, MODES)), free)
    _assert_moments(drawn, np.zeros(inside + 2), np.eye(inside + 2))


def test_at_the_measured_sizes_a_path_is_its_modes_and_higher_ones(u: FloatArray) -> None:
    basis, rng = Basis.of(u), np.random.default_rng(3)
    given = np.tile([1.5, -2.0], (DRAWS, 1))
    count = basis.loading.shape[1] + 5
    path = basis.walks(given, rng.standard_normal((DRAWS, count))) @ basis.at(u, count).T
    rest = path - given @ basis.modes.T
    size = np.abs(basis.modes).max()
    assert np.abs(rest @ np.column_stack([np.ones(len(u)), u])).max() < 1e-9 * size
    assert np.abs(rest @ basis.modes).max() < 1e-9 * size
    # What is left is small: the modes that the model leaves to the noise.
    own = basis.at(u, count)
    higher = (own**2).sum() - (basis.modes**2).sum()
    assert (rest**2).sum() / DRAWS == pytest.approx(higher, rel=0.05, abs=1e-15)
    assert higher < 0.1 * (own**2).sum()


@pytest.mark.parametrize("name", ["9 even", "elsewhere", "uneven"])
def test_beyond_the_data_a_path_is_the_process_minus_the_line_of_its_data(name: str) -> None:
    u = PLACES[name]
    far = u[-1] + np.array([-0.33, 0.1, 0.5, 1.5])
    count = step_count(u[0], far[-1])
    effect = Basis.of(u).at(far, count)
    whole = np.concatenate([u, far])
    away = np.hstack([-_line(u, far), np.eye(len(far))])
    expected = away @ _covariance(u[0], whole) @ away.T
    assert np.abs(effect @ effect.T - expected).max() < 0.005 * expected.max()
    # Given the modes as well, as in a forecast: an ordinary conditional distribution.
    basis = Basis.of(u)
    onto = np.linalg.pinv(basis.modes) @ (np.eye(len(u)) - _line(u, u))
    both = np.vstack([np.hstack([onto, np.zeros((MODES, len(far)))]), away])
    joint = both @ _covariance(u[0], whole) @ both.T
    slope = joint[MODES:, :MODES] @ np.linalg.inv(joint[:MODES, :MODES])
    given = np.array([1.5, -2.0])
    drawn = basis.walks(np.tile(given, (DRAWS, 1)), np.random.default_rng(4).standard_normal((DRAWS, count)))
    left = joint[MODES:, MODES:] - slope @ joint[:MODES, MODES:]
    found = drawn @ effect.T
    spread = np.sqrt(np.diag(left))
    assert (np.abs(found.mean(axis=0) - slope @ given) < 0.06 * spread).all()
    assert found.std(axis=0) == pytest.approx(spread, rel=0.03)


def test_the_effect_grows_beyond_the_data(u: FloatArray) -> None:
    basis = Basis.of(u)
    far = u[-1] + np.linspace(0.0, 3.0, 13)
    effect = basis.at(far, step_count(u[0], far[-1]))
    known = effect[:, : basis.loading.shape[1]] @ basis.loading.T
    left = (effect**2).sum(axis=1) - (known**2).sum(axis=1)
    for variance in ((effect**2).sum(axis=1), left):  # before and after the modes are known
        assert (np.diff(variance) > 0).all()
        assert variance[-1] > 30 * variance[0]


@pytest.mark.parametrize("flipped", [(-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)])
def test_the_sign_of_singular_vectors_does_not_count(
    flipped: tuple[float, float], u: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, svd = Basis.of(u), np.linalg.svd

    def other(matrix: FloatArray, **options: Any) -> tuple[FloatArray, FloatArray, FloatArray]:
        left, scale, right = svd(matrix, **options)
        sign = np.resize(flipped, len(scale))
        return left * sign, scale, right * sign[:, None]

    monkeypatch.setattr(np.linalg, "svd", other)
    found = Basis.of(u)
    assert (found.modes == expected.modes).all()
    assert (found.loading == expected.loading).all()
    assert (expected.modes[-1] > 0).all()


def test_the_unit_is_what_a_curve_improves() -> None:
    ends = np.array(
        [[25.0, 15.0], [25.0, 35.0], [25.0, 25.0], [25.0, 0.01]]
    )  # at the upper anchor, the lower
    found = discrepancy_unit(np.log(25.0), np.log(ends[:, 0] / ends[:, 1]))
    improved = np.abs(ends[:, 0] - ends[:, 1]) / ends.mean(axis=1) * 25.0
    assert found[[0, 1, 3]] == pytest.approx(improved[[0, 1, 3]], rel=0.002)
    assert 0 < found[2] < 0.05 * found[0]


@pytest.mark.parametrize(
    "name", ["unequal lengths", "metric missing", "two sizes", "one curve of one metric"]
)
def test_every_pair_has_the_basis_of_its_sizes(name: str) -> None:
    curves = VARIANTS[name]()
    layout = lay_out(curves)
    found, whole = bases(layout), modes(layout)
    assert whole.shape == (MODES, *layout.real.shape)
    assert (whole[:, ~layout.real] == 0).all()
    for pair, basis in enumerate(found):
        assert basis.u == pytest.approx(curves.axis.u(layout.sizes(pair)), rel=1e-12)
        expected = pytest.approx(Basis.of(basis.u).modes, abs=1e-15)
        assert expected == whole[:, pair][:, layout.real[pair]].T


def test_pairs_measured_alike_share_a_basis() -> None:
    found = bases(lay_out(curves_of(table())))
    assert len(found) == 16
    assert len({id(basis) for basis in found}) == 1
