"""Stacking weights against known answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bayesscale.evaluation.stacking import mixture_log_density, stacking_weights


def test_equal_laws_share() -> None:
    same = np.random.default_rng(0).standard_normal((50, 1))
    assert stacking_weights(np.repeat(same, 2, axis=1)).tolist() == [0.5, 0.5]
    assert stacking_weights(np.repeat(same, 4, axis=1)) == pytest.approx([0.25] * 4)


def test_a_law_that_is_far_better_gets_all() -> None:
    density = np.random.default_rng(0).standard_normal((50, 1)) + np.array([0.0, -20.0])
    assert stacking_weights(density) == pytest.approx([1.0, 0.0], abs=1e-6)
    assert stacking_weights(density[:, ::-1]) == pytest.approx([0.0, 1.0], abs=1e-6)


@pytest.mark.parametrize("count", [1, 3, 5, 9])
def test_laws_that_are_each_right_for_some_values_share_in_proportion(count: int) -> None:
    # Where each value is possible under one law alone, the mean log density is that of a multinomial.
    density = np.full((10, 2), -800.0)
    density[:count, 0], density[count:, 1] = -1.0, -1.0
    assert stacking_weights(density) == pytest.approx([count / 10, 1 - count / 10], abs=1e-4)


def test_the_weights_of_a_mixture_are_found_again() -> None:
    rng, share = np.random.default_rng(2), 0.3
    first = rng.random(20_000) < share
    value = np.where(first, rng.normal(-1.0, 0.5, first.size), rng.normal(1.0, 1.0, first.size))
    density = np.stack([stats.norm.logpdf(value, -1.0, 0.5), stats.norm.logpdf(value, 1.0, 1.0)], axis=1)
    # Four standard errors of the share of a label that is nearly known.
    assert stacking_weights(density)[0] == pytest.approx(share, abs=4 * np.sqrt(0.3 * 0.7 / 20_000) * 1.2)


@given(st.integers(0, 10_000), st.integers(2, 4), st.floats(0.1, 5.0))
def test_no_other_weights_are_better(seed: int, laws: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    density = spread * rng.standard_normal((30, laws))
    found = stacking_weights(density)
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1.0)
    best = mixture_log_density(density, found).mean()
    others = np.vstack([rng.dirichlet(np.ones(laws), 100), np.eye(laws)])
    assert best >= max(mixture_log_density(density, own).mean() for own in others) - 1e-3


def test_values_that_no_law_expects_tell_nothing() -> None:
    density = np.array([[-np.inf, -np.inf], [-1.0, -np.inf], [-1.0, -1.0]])
    assert stacking_weights(density) == pytest.approx([1.0, 0.0], abs=1e-4)
    assert stacking_weights(density[:1]).tolist() == [0.5, 0.5]


def test_the_density_of_a_mixture() -> None:
    found = mixture_log_density(np.log([[0.2, 0.6]]), np.array([0.25, 0.75]))
    assert found == pytest.approx(np.log(0.05 + 0.45))
    assert mixture_log_density(np.array([[-1.0, -900.0]]), np.array([1.0, 0.0])) == pytest.approx(-1.0)
