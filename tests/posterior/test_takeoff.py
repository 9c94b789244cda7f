"""Take-offs: only of measured scores near zero, after their last size, as often and as steep as the prior."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bayesscale.inference import Fit
from bayesscale.posterior.curves import DrawnCurves
from bayesscale.posterior.takeoff import last_positions, rise
from bayesscale.questions.select import Selection, drawn_curves
from tests.questions.made_up import SIZES, MadeUp

LOW, DRAWS = 2, 4000
TYPICAL = 25.0


@pytest.fixture(scope="module")
def fit() -> Fit:
    """Return a fit in which two of eight curves have 0.5 BLEU at the last size, and the others about 25."""
    level = np.tile(np.log([25.0, 1.5]), (8, 1))
    level[:LOW, 0] = np.log(0.5)
    return MadeUp(draws=DRAWS, replaced={"level": (("curve", "metric"), level)}).fit()


@pytest.fixture(scope="module")
def curves(fit: Fit) -> DrawnCurves:
    return drawn_curves(fit, Selection(), seed=3)[0]


def added(curves: DrawnCurves, metric: int, sizes: tuple[float, ...]) -> np.ndarray:
    """Return what values have beyond those of laws, shape (curves, sizes, draws)."""
    matrix = np.tile(sizes, (len(curves.targets), 1))
    law = curves.local(slice(None), metric).value(curves.curves.axis.u(matrix))
    return np.asarray(curves.values(slice(None), metric, matrix) - law)


def test_scores_near_zero_take_off_after_their_last_size_and_no_other(curves: DrawnCurves) -> None:
    low = curves.targets.position < LOW
    found = added(curves, 0, (*SIZES, 3e11, 1e13))
    assert low.sum() == LOW
    assert not found[~low].any()
    assert not found[low][:, : len(SIZES)].any()
    assert (found[low][:, len(SIZES) :] >= 0).all()
    assert not added(curves, 1, (1e13,)).any()
    for size, share in zip((3e11, 1e13), (found[low] > 0).mean(axis=(0, 2))[len(SIZES) :], strict=True):
        efolds = np.log(size / SIZES[-1])
        assert share == pytest.approx(-np.expm1(-0.3 * efolds), abs=0.02)


def test_they_rise_as_steeply_as_the_prior_says_and_each_for_itself(curves: DrawnCurves) -> None:
    low = curves.targets.position < LOW
    near, far = added(curves, 0, (1e13, np.e * 1e13))[low].swapaxes(0, 1)
    begun = near > 0
    slope = (far - near)[begun] / TYPICAL
    assert stats.kstest(np.log(slope), stats.norm(np.log(0.1), 1.0).cdf).pvalue > 1e-3
    both = begun.all(axis=0)
    assert abs(stats.spearmanr((far - near)[0, both], (far - near)[1, both]).statistic) < 0.06


def test_curves_that_were_not_measured_do_not_take_off(fit: Fit, curves: DrawnCurves) -> None:
    last = last_positions(fit.curves, 0)
    np.testing.assert_allclose(last, fit.curves.axis.u(SIZES[-1]))
    assert np.isnan(last_positions(fit.curves, 1)).all()
    local, u = curves.local(slice(None), 0), np.full((8, 1), 3.0)
    unmeasured = np.where(curves.targets.position == 0, np.nan, last[0])
    found = rise(curves.draws, local, 0, unmeasured, u, 3, curves.keys)
    assert found is not None
    assert not found[curves.targets.position == 0].any()
    assert found[curves.targets.position == 1].any()
