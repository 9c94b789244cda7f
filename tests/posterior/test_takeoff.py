"""Take-offs: only of scores near zero so far, after their last size, as often and as steep as the prior."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bayesscale.inference import Fit
from bayesscale.posterior.curves import DrawnCurves
from bayesscale.posterior.takeoff import waits_from
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


def test_curves_that_were_not_measured_wait_from_where_the_others_end() -> None:
    level = np.full((8, 2), np.log(0.5))
    fit = MadeUp(draws=DRAWS, replaced={"level": (("curve", "metric"), level)}).fit()
    last = waits_from(fit.curves, 0)
    assert last is not None
    np.testing.assert_allclose(last, fit.curves.axis.u(SIZES[-1]))
    assert waits_from(fit.curves, 1) is None
    mean = (("effect",), np.log([0.5, 0.5, 1.5, 1.5]) * [1, 0, 1, 0])
    new = MadeUp(draws=DRAWS, spread=0.0, replaced={"mean": mean}).fit()
    chosen = drawn_curves(new, Selection(tasks=["en-fr"], mixtures=["en"], other_sizes=[1e9]), seed=3)[0]
    efolds = np.log(1e13 / SIZES[-1])
    assert (added(chosen, 0, (1e13,)) > 0).mean() == pytest.approx(-np.expm1(-0.3 * efolds), abs=0.03)


def test_scores_that_fell_do_not_take_off() -> None:
    level, gain = np.tile(np.log([0.5, 1.5]), (8, 1)), np.tile([-3.0, 0.5], (8, 1))
    pair = ("curve", "metric")
    fit = MadeUp(draws=DRAWS, replaced={"level": (pair, level), "gain": (pair, gain)}).fit()
    curves = drawn_curves(fit, Selection(), seed=3)[0]
    first = curves.local(slice(None), 0).unbroken(np.zeros((8, 1)))
    assert (first > 5.0).all()
    assert not added(curves, 0, (1e13,)).any()
    assert not curves.taking_off(0).any()


def test_what_lay_below_zero_rises_from_zero() -> None:
    pair, count = ("curve", "break_metric"), 8
    level = (("curve", "metric"), np.tile(np.log([0.5, 1.5]), (count, 1)))
    broken = {"break_at": (pair, np.full((count, 1), 2e9)), "break_slope": (pair, np.full((count, 1), -9.0))}
    curves = drawn_curves(MadeUp(draws=DRAWS, replaced={"level": level, **broken}).fit(), Selection(), 3)[0]
    matrix = np.full((count, 1), 1e13)
    law = curves.local(slice(None), 0).value(curves.curves.axis.u(matrix))
    found = curves.values(slice(None), 0, matrix)
    assert (law < 0).all()
    assert (found[found != law] > 0).all()
    assert (found != law).any(axis=(1, 2)).all()
