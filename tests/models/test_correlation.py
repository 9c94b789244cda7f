"""Partial correlations give the correlations that the LKJ distribution says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bayesscale.models.assembly import assemble
from bayesscale.models.correlation import factor_of
from bayesscale.models.model import Model
from bayesscale.models.priors import Priors
from tests.models.variants import VARIANTS

COUNT, ETA = 4, 3.0


def _drawn(draws: int) -> np.ndarray:
    """Return correlation matrices from independent partial correlations."""
    rng = np.random.default_rng(0)
    columns = np.tril_indices(COUNT, -1)[1]
    b = ETA + 0.5 * (COUNT - 2 - columns)
    partial = 2 * rng.beta(b, b, size=(draws, len(columns))) - 1
    factors = np.array([factor_of(each, COUNT) for each in partial])
    return np.asarray(factors @ np.swapaxes(factors, 1, 2))


def test_every_correlation_has_the_margin_of_lkj() -> None:
    drawn = _drawn(4000)
    assert np.diagonal(drawn, axis1=1, axis2=2) == pytest.approx(1.0)
    assert np.linalg.eigvalsh(drawn).min() > 0
    margin = stats.beta(ETA + 0.5 * COUNT - 1, ETA + 0.5 * COUNT - 1, loc=-1, scale=2)
    for i, j in zip(*np.tril_indices(COUNT, -1), strict=True):
        assert stats.kstest(drawn[:, i, j], margin.cdf).pvalue > 1e-3


def test_the_determinant_has_the_density_of_lkj() -> None:
    # The determinant is the product of 1 - z^2 over all partial correlations, which are independent.
    columns = np.tril_indices(COUNT, -1)[1]
    whole = 1.0
    for column in columns:
        b = ETA + 0.5 * (COUNT - 2 - column)
        # E[1 - z^2] of z = 2 Beta(b, b) - 1.
        whole *= 2 * b / (2 * b + 1)
    assert np.linalg.det(_drawn(20_000)).mean() == pytest.approx(whole, rel=0.02)


def test_the_arrays_of_the_model_have_these_beta_priors() -> None:
    data = assemble(VARIANTS["everything"](), Model(Priors(correlation=ETA)))
    columns = np.tril_indices(COUNT, -1)[1]
    assert data.partial.tolist() == [ETA + 0.5 * (COUNT - 2 - column) for column in columns]
