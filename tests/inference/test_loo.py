"""PSIS-LOO on the ArviZ of either stack."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from bayesscale.inference.loo import MAX_K, psis_loo


def normal(values: NDArray[np.float64], sd: float = 1.0) -> NDArray[np.float64]:
    """Return log likelihoods of a mean with a flat prior, which has a closed form."""
    count = len(values)
    mean = np.random.default_rng(0).normal(values.mean(), sd / np.sqrt(count), (4, 2000))
    return np.asarray(stats.norm.logpdf(values, mean[..., None], sd))


def test_the_closed_form_of_a_mean_of_normal_values() -> None:
    values = np.random.default_rng(1).standard_normal(20)
    elpd, k = psis_loo(normal(values))
    rest = (values.sum() - values) / 19
    exact = stats.norm.logpdf(values, rest, np.sqrt(1 + 1 / 19))
    assert elpd == pytest.approx(exact, abs=0.01)
    assert k.max() < 0.5


def test_a_value_that_the_others_do_not_expect_has_a_large_k() -> None:
    values = np.random.default_rng(1).standard_normal(20)
    values[3] = 40.0
    _, k = psis_loo(normal(values, 0.5))
    assert k[3] > MAX_K
    assert np.delete(k, 3).max() < MAX_K


def test_likelihoods_that_never_vary() -> None:
    varying = normal(np.array([0.1, -0.3, 0.2]))
    varying[..., 1] = -2.0
    elpd, k = psis_loo(varying)
    assert (elpd[1], k[1]) == (-2.0, 0.0)
    elpd, k = psis_loo(np.full((2, 100, 3), -1.5))
    assert elpd.tolist() == [-1.5] * 3
    assert k.tolist() == [0.0] * 3
