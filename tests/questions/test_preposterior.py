"""Preposterior analysis against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import entr
from scipy.stats import norm

from bayesscale.questions.plan.preposterior import Measurement, Reduction, Unknown, learn

FloatArray = NDArray[np.float64]
GAUSSIAN = 1e7
SLOPE, SPREAD = 0.8, 0.6
# Which weights can resolve with 4000 draws, and which they cannot.
NOISES = (2.0, 0.5, 0.1)
SEEDS = range(20)


def measured(location: FloatArray, noise: float) -> Measurement:
    """Return a measurement with Gaussian noise, of shape (metrics, draws)."""
    return Measurement(location, noise * np.ones_like(location), GAUSSIAN)


def gaussian(noise: float, seed: int, draws: int = 4000) -> Reduction:
    """Return what a measurement teaches about a quantity that is jointly Gaussian with its location."""
    rng = np.random.default_rng([seed, 99])
    quantity = rng.standard_normal(draws)
    location = SLOPE * quantity + SPREAD * rng.standard_normal(draws)
    unknown = Unknown(5.0 + 3.0 * quantity[None], events=False)
    return learn(measured(location[None], noise), unknown, unknown.choose(400), 0.9, seed)


def closed_form(noise: float) -> float:
    """Return the share of the variance that goes: the squared correlation of quantity and outcome."""
    return SLOPE**2 / (SLOPE**2 + SPREAD**2 + noise**2)


@pytest.mark.parametrize("noise", NOISES)
def test_the_reduction_of_the_variance_is_that_of_the_linear_gaussian_model(noise: float) -> None:
    found = [gaussian(noise, seed) for seed in SEEDS]
    off = np.array([each.reduction for each in found]) - closed_form(noise)
    error = np.array([each.error for each in found])
    assert abs(off.mean()) < 3 * np.sqrt((error**2).sum()) / len(off)
    # What is stated as error is not less than the error made; where little is learnt, it is much more.
    assert np.sqrt(np.mean(off**2) / np.mean(error**2)) < 1.3
    assert error.max() < 0.03


def test_the_interval_after_the_measurement_is_that_of_the_linear_gaussian_model() -> None:
    width = np.mean([gaussian(0.5, seed).width for seed in SEEDS])
    assert width == pytest.approx(2 * norm.ppf(0.95) * 3 * np.sqrt(1 - closed_form(0.5)), rel=0.03)


def test_two_metrics_teach_as_much_as_their_mean() -> None:
    rng = np.random.default_rng(1)
    quantity = rng.standard_normal(4000)
    unknown = Unknown(quantity[None], events=False)
    chosen = unknown.choose(400)
    both = learn(measured(np.stack([quantity] * 2), 1.0), unknown, chosen, 0.9, 0)
    # The mean of two measurements with variance 1 has variance 1/2.
    assert abs(both.reduction - 1 / 1.5) < 3 * both.error


def test_the_entropy_of_an_event_that_shifts_the_outcome() -> None:
    share, shift = 0.3, 1.5
    event = (np.arange(4000) < share * 4000).astype(float)
    unknown = Unknown(event[None], events=True)
    found = learn(measured(shift * event[None], 1.0), unknown, unknown.choose(400), 0.9, 3)
    grid = np.linspace(-8, 10, 20_001)
    with_event, without = share * norm.pdf(grid, shift), (1 - share) * norm.pdf(grid)
    total = with_event + without
    posterior = with_event / total
    left = np.trapezoid(total * (entr(posterior) + entr(1 - posterior)), grid)
    now = entr(share) + entr(1 - share)
    assert abs(found.reduction - (1 - left / now)) < 3 * found.error
    assert found.error < 0.05
    right = np.trapezoid(np.maximum(with_event, without), grid)
    assert found.right == pytest.approx(right, abs=0.03)
    assert found.weighted


@pytest.mark.parametrize("events", [False, True])
def test_an_unrelated_measurement_teaches_nothing(events: bool) -> None:
    found = []
    for seed in SEEDS:
        rng = np.random.default_rng([seed, 7])
        # Heavy tails and rare events are what breaks make of forecasts.
        draws = rng.random(4000) < 0.08 if events else rng.standard_t(3, size=4000)
        unknown = Unknown(draws[None].astype(np.float64), events)
        location = rng.standard_normal((2, 4000))
        found.append(learn(measured(location, 0.3), unknown, unknown.choose(200), 0.9, seed))
    reduction, error = (np.array([getattr(each, name) for each in found]) for name in ("reduction", "error"))
    assert abs(reduction.mean()) < 0.005
    assert (np.abs(reduction) < 3 * error).all()


def test_few_draws_are_said_and_regression_is_used() -> None:
    assert gaussian(0.5, 0).weighted
    sharp = gaussian(0.001, 0, draws=400)
    assert not sharp.weighted
    assert sharp.draws < 25
    assert abs(sharp.reduction - closed_form(0.001)) < 3 * sharp.error


def test_what_is_certain_cannot_be_learnt() -> None:
    for events in (False, True):
        unknown = Unknown(np.ones((1, 300)), events)
        location = np.random.default_rng(0).standard_normal((1, 300))
        for noise in (1.0, 1e-3):
            found = learn(measured(location, noise), unknown, unknown.choose(50), 0.9, 0)
            assert (found.reduction, found.error) == (0.0, 0.0)


def test_the_density_is_that_of_student_noise() -> None:
    from scipy.stats import t

    rng = np.random.default_rng(2)
    location, outcome = rng.standard_normal((2, 5)), rng.standard_normal((2, 3))
    scale, degrees = np.exp(rng.standard_normal((2, 5))), 2.7
    found = Measurement(location, scale, degrees).log_density(outcome)
    expected = t.logpdf(outcome[:, :, None], degrees, location[:, None], scale[:, None]).sum(axis=0)
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_draws_are_chosen_over_the_whole_distribution() -> None:
    draws = np.random.default_rng(0).permutation(1000).astype(np.float64)
    chosen = Unknown(draws[None], events=False).choose(100)
    np.testing.assert_array_equal(np.sort(draws[chosen]), np.arange(5, 1000, 10))
    assert len(Unknown(draws[None], events=False).choose(5000)) == 1000
