"""Draws as arrays."""

from __future__ import annotations

import numpy as np

from bayesscale.posterior.draws import draws_of
from tests.questions.breaking import breaking
from tests.questions.made_up import MadeUp


def test_chains_are_merged_one_after_the_other() -> None:
    fit = MadeUp(draws=40, width=0.1, laws=("log-law", "rising-power-law")).fit()
    posterior = fit.tree["posterior"].to_dataset()
    draws = draws_of(posterior, fit.curves, fit.priors)
    assert draws.count == 40
    assert draws.laws == ("log-law", "rising-power-law", "power-law")
    for chain in (0, 1):
        expected = posterior["level"].sel(chain=chain).to_numpy()
        np.testing.assert_array_equal(draws["level"][20 * chain : 20 * (chain + 1)], expected)
    # The order of the dimensions in the dataset does not matter.
    turned = draws_of(posterior.transpose("curve", "draw", ..., "chain"), fit.curves, fit.priors)
    np.testing.assert_array_equal(turned["curve_law"], draws["curve_law"])


def test_metrics_follow_laws_of_their_direction_and_break_if_they_may() -> None:
    fit = MadeUp(draws=4, laws=("log-law", "saturating-law")).fit()
    draws = draws_of(fit.tree["posterior"].to_dataset(), fit.curves, fit.priors)
    assert draws.allowed(0) == ("log-law", "saturating-law")
    assert draws.allowed(1) == ("power-law",)
    assert [draws.followers(law) for law in draws.laws] == [(0,), (0,), (1,)]
    assert draws.breakable == ()
    broken = breaking(fit, at=1e10)
    assert draws_of(broken.tree["posterior"].to_dataset(), fit.curves, fit.priors).breakable == ("bleu",)
    assert "slope" in draws
    assert "discrepancy" not in draws
