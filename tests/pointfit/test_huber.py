from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from scipy.optimize import least_squares
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from bayesscale.laws import LAWS, LOG_LAW, POWER_LAW, Law
from bayesscale.pointfit.huber import Array, fit_curve, log_residuals, mean_huber

U = np.array([0.0, 0.3, 0.6, 1.0])


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Let no threads of BLAS wait for each other over tiny matrices, as `fit_huber` does."""
    with threadpool_limits(1, user_api="blas"):
        yield


every_law = pytest.mark.parametrize("law", LAWS.values(), ids=LAWS.keys())


def test_huber_loss_worked_by_hand() -> None:
    # delta = 0.1: 0.05^2 / 2 = 0.00125 is quadratic, 0.1 * (0.3 - 0.05) = 0.025 is linear.
    assert mean_huber(np.array([0.05]), 0.1) == pytest.approx(0.00125)
    assert mean_huber(np.array([-0.3]), 0.1) == pytest.approx(0.025)
    assert mean_huber(np.array([0.05, -0.3]), 0.1) == pytest.approx(0.013125)


def test_residuals_are_of_logarithms() -> None:
    # beta = 1, from 10 to 20: 15 in the middle, seen as 15 * e.
    residuals = log_residuals(
        LOG_LAW, np.array([0.5]), np.log([15 * np.e]), np.array([np.log(20.0), np.log(2.0), 0.0])
    )
    np.testing.assert_allclose(residuals, [-1.0])


@every_law
@pytest.mark.parametrize("delta", [0.1, 1e-3, 1e-5])
@pytest.mark.parametrize("gain", [-0.3, 0.02, 0.4])
@pytest.mark.parametrize("shape", [-1.0, 0.0, 1.0])
def test_points_on_a_law_give_its_parameters_back(law: Law, delta: float, gain: float, shape: float) -> None:
    optimum = fit_curve(law, U, law.value(U, 3.0, gain, shape), delta)
    assert optimum.converged
    assert optimum.loss < 1e-12
    np.testing.assert_allclose([optimum.level, optimum.gain], [3.0, gain], atol=1e-5)
    # The smaller the gain, the less four points say of the shape.
    assert optimum.shape == pytest.approx(shape, abs=1e-2 if abs(gain) < 0.1 else 1e-3)


def best_by_another_optimiser(law: Law, value: Array, delta: float) -> float:
    """Return the lowest mean Huber loss that trust-region least squares finds from many starts."""
    log_value = np.log(value)
    losses = []
    for shape in (-2.0, 0.0, 2.0):
        for gain in (0.1, 0.5):
            result = least_squares(
                lambda parameters: log_residuals(law, U, log_value, parameters),
                np.array([log_value[-1], gain, shape]),
                bounds=([-20, -20, -5], [20, 20, 5]),
                loss="huber",
                f_scale=delta,
                xtol=1e-12,
                ftol=1e-12,
            )
            losses.append(float(result.cost) / len(U))
    return min(losses)


@every_law
@pytest.mark.parametrize("delta", [0.1, 1e-3])
@pytest.mark.parametrize("seed", range(3))
def test_no_other_optimiser_finds_a_lower_loss(law: Law, delta: float, seed: int) -> None:
    noise = 0.02 * np.random.default_rng(seed).standard_normal(len(U))
    value = law.value(U, 3.0, 0.3, 0.0) * np.exp(noise)
    optimum = fit_curve(law, U, value, delta)
    assert optimum.loss <= best_by_another_optimiser(law, value, delta) * (1 + 1e-3) + 1e-12


def test_a_small_delta_passes_by_an_outlier() -> None:
    u = np.linspace(0.0, 1.0, 9)
    true = POWER_LAW.value(u, 0.3, 0.4, 0.0)
    value = np.where(np.arange(9) == 4, true * 1.2, true)
    robust, quadratic = (fit_curve(POWER_LAW, u, value, delta) for delta in (1e-4, 10.0))
    others = np.arange(9) != 4
    errors = [
        np.abs(log_residuals(POWER_LAW, u, np.log(true), optimum.parameters))[others].max()
        for optimum in (robust, quadratic)
    ]
    assert errors[0] < 1e-3
    assert errors[1] > 0.02


@every_law
def test_a_flat_curve_has_no_gain(law: Law) -> None:
    optimum = fit_curve(law, U, np.full(4, 7.0), 0.1)
    assert optimum.converged
    assert optimum.gain == pytest.approx(0.0, abs=1e-8)
    assert optimum.level == pytest.approx(np.log(7.0))


@every_law
@pytest.mark.parametrize(
    "value", [[1e-3, 1e3, 1e-3, 1e3], [1e-6, 1.0, 1.0, 1.0], [5.0, 5.0, 5.0, 1e-4], [1, 2, 8, 4e6]]
)
def test_wild_points_give_a_finite_fit(law: Law, value: list[float]) -> None:
    optimum = fit_curve(law, U, np.array(value, dtype=float), 0.1)
    assert np.isfinite([*optimum.parameters, optimum.loss]).all()
    assert np.isfinite(law.value(np.linspace(0, 5, 20), *optimum.parameters)).all()


def test_a_step_does_not_determine_the_curvature() -> None:
    optimum = fit_curve(POWER_LAW, U, np.array([20.0, 10.0, 10.0, 10.0]), 0.1)
    assert optimum.message == "the points do not determine the curvature"
