from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import brute

from benchmarks.classical_breaks import LEVEL, RULES, bic_differences, critical_t, evidence, kink_t

SIZE = np.geomspace(1e9, 1.3e11, 10)
X = np.log(SIZE / SIZE[0]) / np.log(SIZE[-1] / SIZE[0])
LINE, PARABOLA, LAST, ANY = (RULES[place].name for place in (2, 3, 4, 5))


def noisy(mean: NDArray[np.float64], curves: int, sd: float = 0.5) -> NDArray[np.float64]:
    return np.asarray(mean + np.random.default_rng(1).normal(0.0, sd, (curves, len(mean))))


def squares(value: NDArray[np.float64], *columns: NDArray[np.float64]) -> float:
    design = np.column_stack([np.ones_like(X), *columns])
    return float(np.sum((value - design @ np.linalg.lstsq(design, value)[0]) ** 2))


def test_the_bic_differences_are_those_of_three_least_squares_fits() -> None:
    value = 25.0 + 6.0 * X - 20.0 * np.maximum(X - 0.61, 0.0) + np.random.default_rng(2).normal(0.0, 0.5, 10)
    place = brute(lambda at: squares(value, X, np.maximum(X - at, 0.0)), [(X[1], X[-2])], Ns=200)[0]
    kinked = 10 * np.log(squares(value, X, np.maximum(X - place, 0.0)) / 10) + 4 * np.log(10)
    smooth = [10 * np.log(squares(value, *c) / 10) + (1 + len(c)) * np.log(10) for c in [(X,), (X, X**2)]]
    expected = [smooth[0] - kinked, min(smooth) - kinked]
    np.testing.assert_allclose(bic_differences(SIZE, value[None])[:, 0], expected, atol=0.02)


def test_t_at_its_place_is_the_t_of_the_regression_with_the_kink() -> None:
    value = 25.0 - 9.0 * np.maximum(X - 0.5, 0.0) + np.random.default_rng(3).normal(0.0, 0.5, 10)
    ts = []
    for place in np.linspace(X[1], X[-2], 101):
        design = np.column_stack([np.ones_like(X), X, np.maximum(X - place, 0.0)])
        found, left = np.linalg.lstsq(design, value)[:2]
        ts.append(-found[2] / np.sqrt(left[0] / 7 * np.linalg.inv(design.T @ design)[2, 2]))
    assert kink_t(SIZE, value[None], 1)[0] == pytest.approx(max(ts))


@pytest.mark.parametrize(("name", "degree"), [(LINE, 1), (PARABOLA, 2)])
def test_the_test_rejects_as_often_as_it_says_where_its_law_holds(name: str, degree: int) -> None:
    mean = 25.0 + 6.0 * X - (4.0 * X**2 if degree == 2 else 0.0)
    rejected = np.mean(evidence(SIZE, noisy(mean, 10_000))[name] > 1)
    # Four standard errors of the share, and of the simulated quantile.
    assert rejected == pytest.approx(LEVEL, abs=4 * np.sqrt(LEVEL * (1 - LEVEL) * (1 / 10_000 + 1 / 20_000)))
    assert critical_t(tuple(SIZE), degree) > 1.9  # a single t with 7 or 6 degrees of freedom has 1.89, 1.94


def test_falls_are_found_and_upward_kinks_are_not() -> None:
    kink = np.maximum(X - 0.5, 0.0)
    down = evidence(SIZE, noisy(25.0 + 6.0 * X - 22.0 * kink, 200, sd=0.3))
    up = evidence(SIZE, noisy(25.0 + 2.0 * X + 22.0 * kink, 200, sd=0.3))
    # A parabola follows a tent well: beside it, a kink is hard to see.
    for rule, least in zip(RULES, (0.99, 0.95, 0.99, 0.6), strict=False):
        assert np.mean(down[rule.name] > rule.thresholds[0]) > least
        assert np.mean(up[rule.name] > rule.thresholds[0]) <= LEVEL


def test_the_rule_of_thumb_counts_from_the_highest_score_so_far() -> None:
    value = np.array([[20, 22, 21, 23, 24, 23.5], [20, 21, 22, 19, 24, 25]], dtype=float)
    found = evidence(SIZE[:6], value)
    np.testing.assert_allclose(found[LAST], [0.5, 0.0])
    np.testing.assert_allclose(found[ANY], [1.0, 3.0])


def test_five_checkpoints_are_refused() -> None:
    with pytest.raises(ValueError, match="received 5 sizes"):
        evidence(SIZE[:5], np.ones((1, 5)))
