"""Scores against closed forms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats

from bayesscale.evaluation.scores import PROBS, log_error, pooled, score_draws

# Quantiles at the middle of equal shares stand for a distribution without Monte Carlo error.
QUANTILES = (np.arange(4000) + 0.5) / 4000


def normal(mean: float, sd: float, count: int = 1) -> NDArray[np.float64]:
    return np.tile(stats.norm.ppf(QUANTILES, mean, sd), (count, 1))


@pytest.mark.parametrize("value", [-3.0, 0.0, 0.7, 5.0])
def test_crps_of_a_normal(value: float) -> None:
    found = score_draws(np.array([value]), normal(1.0, 2.0))["crps"][0]
    z = (value - 1.0) / 2.0
    exact = 2.0 * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))
    assert found == pytest.approx(exact, abs=2e-3)


def test_crps_of_a_forecast_without_spread_is_the_absolute_error() -> None:
    found = score_draws(np.array([3.0]), np.full((1, 50), 5.0))
    assert found["crps"][0] == pytest.approx(2.0)
    assert score_draws(np.array([5.0]), np.full((1, 50), 5.0))["crps"][0] == pytest.approx(0.0)


@pytest.mark.parametrize("value", [0.0, 1.0, 3.0])
def test_log_score_of_a_normal(value: float) -> None:
    # A kernel estimate of 4000 draws is a few percent wider than what they are drawn from.
    found = score_draws(np.array([value]), normal(1.0, 2.0))["log_score"][0]
    assert found == pytest.approx(-stats.norm.logpdf(value, 1.0, 2.0), abs=0.03)


def test_log_score_is_finite_for_draws_that_are_all_the_same() -> None:
    assert np.isfinite(score_draws(np.array([0.0]), np.zeros((1, 100)))["log_score"][0])


def test_intervals_of_a_normal_and_their_coverage() -> None:
    inside, outside = 1.0 + 2.0 * stats.norm.ppf(0.95) * np.array([0.99, 1.01])
    found = score_draws(np.array([inside, outside]), normal(1.0, 2.0, 2))
    assert found["upper_90"] == pytest.approx(1.0 + 2.0 * stats.norm.ppf(0.95), abs=0.01)
    assert found["inside_90"].tolist() == [1.0, 0.0]
    for prob in PROBS:
        name = f"{100 * prob:.0f}"
        width = found[f"upper_{name}"] - found[f"lower_{name}"]
        assert width == pytest.approx(4.0 * stats.norm.ppf((1 + prob) / 2), abs=0.01)


def test_pit_is_uniform_where_values_come_from_the_forecast_and_is_not_elsewhere() -> None:
    rng = np.random.default_rng(1)
    spread = rng.uniform(0.5, 3.0, size=(500, 1))
    draws = spread * rng.standard_normal((500, 1000))
    value = (spread * rng.standard_normal((500, 1)))[:, 0]
    assert stats.kstest(score_draws(value, draws)["pit"], "uniform").pvalue > 0.01
    assert stats.kstest(score_draws(value + 1.0, draws)["pit"], "uniform").pvalue < 1e-6


def test_pit_counts_ties_half() -> None:
    assert score_draws(np.array([1.0]), np.array([[0.0, 1.0, 1.0, 2.0]]))["pit"][0] == 0.5


def test_log_error_is_unknown_where_there_is_no_logarithm() -> None:
    found = log_error(np.array([2.0, 0.0, 1.0]), np.array([4.0, 1.0, -1.0]))
    assert found[0] == pytest.approx(np.log(2))
    assert np.isnan(found[1:]).all()


def scored(value: list[float], median: list[float], curve: list[str]) -> pd.DataFrame:
    draws = np.array(median)[:, None] + np.array([-1.0, 0.0, 1.0])
    return pd.DataFrame({"curve": curve, "value": value} | score_draws(np.array(value), draws)).assign(by="x")


def test_rmsle_is_the_mean_over_curves_of_each_curves_own() -> None:
    rows = scored([10.0, 10.0, 10.0], [10.0 * np.e**0.3, 10.0 * np.e**0.4, 10.0 * np.e**0.1], ["a", "a", "b"])
    found = pooled(rows, ["by"], ["curve"]).iloc[0]
    assert found["rmsle"] == pytest.approx((np.sqrt((0.3**2 + 0.4**2) / 2) + 0.1) / 2)
    assert (found["n"], found["curves"]) == (3, 2)


def test_pooled_scores_are_means() -> None:
    rows = scored([10.0, 12.0], [10.5, 30.0], ["a", "a"])
    found = pooled(rows, ["by"], ["curve"]).iloc[0]
    assert found["mae"] == pytest.approx((0.5 + 18.0) / 2)
    assert found["cover_90"] == 0.5
    assert found["width_50"] == pytest.approx(1.0)
    assert found["crps"] == pytest.approx(rows["crps"].mean())


def test_miscalibration_is_zero_for_evenly_spread_pit_and_a_quarter_where_all_is_half() -> None:
    rows = scored([1.0] * 100, [1.0] * 100, ["a"] * 100)
    even, middle = (rows.assign(pit=pit) for pit in ((np.arange(100) + 0.5) / 100, 0.5))
    assert pooled(even, ["by"], ["curve"])["miscalibration"][0] == pytest.approx(0.0)
    assert pooled(middle, ["by"], ["curve"])["miscalibration"][0] == pytest.approx(0.25)
