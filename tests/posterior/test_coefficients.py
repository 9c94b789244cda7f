"""Coefficients of every law, in the draws that follow it."""

from __future__ import annotations

import numpy as np
import pytest

from bayesscale.laws import LAWS
from bayesscale.posterior.coefficients import coefficients
from bayesscale.posterior.draws import FOLLOWED
from bayesscale.posterior.local import measured
from tests.posterior.everything import draws_in, everything


@pytest.mark.parametrize("law", ["log-law", "saturating-law", "rising-power-law", "power-law"])
def test_coefficients_give_the_curve_back_where_it_follows_the_law(law: str) -> None:
    draws = draws_in(everything())
    found = coefficients(draws, law)
    assert tuple(found) == LAWS[law].coefficient_names
    (metric,) = draws.followers(law)
    follows = draws[FOLLOWED][:, :, metric] == draws.laws.index(law)
    assert follows.any()
    for values in found.values():
        assert values.shape == (draws.count, 8, 1)
        np.testing.assert_array_equal(np.isnan(values[..., 0]), ~follows)
    sharpness = np.exp(draws["sharpness"][:, :, metric])
    size = 3e11
    printed = LAWS[law].at_size(size, {name: values[..., 0] for name, values in found.items()}, sharpness)
    u = np.full((8, 1), draws.curves.axis.u(size))
    value = measured(draws, metric, np.arange(8)).unbroken(u)[:, 0].T
    # log |A| does not say that the curve is mirrored, as it is where the gain is negative.
    rising = follows & (draws["gain"][:, :, metric] > 0)
    assert rising.sum() > 100
    np.testing.assert_allclose(printed[rising], value[rising], rtol=1e-8)
