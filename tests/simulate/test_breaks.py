from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bayesscale.simulate import PAPER, SMALL, CurveTruth, Regime, Simulated, simulate


def broken(simulated: Simulated) -> list[CurveTruth]:
    return [curve for curve in simulated.truth.curves if curve.break_tokens is not None]


def test_small_breaks_where_the_paper_did() -> None:
    assert {(curve.key, curve.metric) for curve in broken(simulate(SMALL, 0))} == {
        (("en-fr", "en100", 42_000_000), "bleu"),
        (("en-fr", "en100", 210_000_000), "bleu"),
    }


def test_paper_breaks_en_fr_on_foreign_or_english_text_alone() -> None:
    curves = {curve.key[:2] for curve in broken(simulate(PAPER, 0))}
    assert curves == {("en-fr", "en100"), ("en-fr", "de100"), ("en-fr", "ro100")}


def test_none_breaks_nothing_and_one_breaks_every_score() -> None:
    assert broken(simulate(replace(SMALL, breaks="none"), 0)) == []
    assert broken(simulate(replace(SMALL, breaks=0.0), 0)) == []
    assert len(broken(simulate(replace(SMALL, breaks=1.0), 0))) == 15


def test_a_probability_is_the_frequency_of_breaks() -> None:
    count = sum(len(broken(simulate(replace(PAPER, breaks=0.2), seed))) for seed in range(25))
    # 2025 curves: four standard errors are 0.036.
    assert count / (25 * 81) == pytest.approx(0.2, abs=0.036)


def test_breaks_lie_inside_the_curve_and_bend_it_downwards() -> None:
    for seed in range(10):
        simulated = simulate(replace(SMALL, breaks=1.0), seed)
        for curve in broken(simulated):
            assert curve.break_tokens is not None
            assert 0.34 < simulated.truth.axis.u(curve.break_tokens) < 0.76
            flat = curve.gain < 0.05
            assert curve.slope_change < 0 or flat


@pytest.mark.parametrize("regime", [SMALL, replace(PAPER, breaks=0.3)], ids=["small", "paper"])
def test_scores_fall_by_one_to_eight_bleu_or_stay(regime: Regime) -> None:
    falls = []
    for seed in range(40):
        simulated = simulate(regime, seed)
        for curve in broken(simulated):
            mixture = next(mixture for mixture in regime.mixtures if mixture.name == curve.mixture)
            last = regime.pretrain_tokens(mixture)[-1]
            at_break, at_end = simulated.truth.true_value(curve.key, "bleu", [curve.break_tokens or 0, last])
            falls.append(at_break - at_end)
    plateau = np.abs(falls) < 1e-9
    assert 0.1 < plateau.mean() < 0.4
    assert np.all(plateau | ((np.array(falls) > 1 - 1e-9) & (np.array(falls) < 8 + 1e-9)))


def test_before_the_break_nothing_changes_and_beyond_it_the_slope_is_off_by_the_change() -> None:
    simulated = simulate(SMALL, 4)
    for curve in broken(simulated):
        tau = curve.break_tokens or np.nan
        before = np.array([1e9, tau / 2, tau])
        axis = simulated.truth.axis
        np.testing.assert_array_equal(curve.value(before, axis), curve.law_value(before, axis))
        after = np.array([tau * np.e, tau * np.e**2])
        expected = curve.law_value(after, axis) + curve.slope_change * np.array([1.0, 2.0])
        np.testing.assert_allclose(curve.value(after, axis), expected, rtol=1e-12)


def test_cross_entropy_goes_on_improving_where_bleu_breaks() -> None:
    for seed in range(20):
        simulated = simulate(SMALL, seed)
        for curve in broken(simulated):
            sizes = np.geomspace(curve.break_tokens or 0, 1e13, 20)
            loss = simulated.truth.true_value(curve.key, "cross_entropy", sizes)
            assert np.all(np.diff(loss) < 0)


def test_scores_never_leave_their_range_far_beyond_a_break() -> None:
    simulated = simulate(SMALL, 0)
    for curve in broken(simulated):
        assert curve.value([1e30], simulated.truth.axis) == 0.0


def test_all_scores_of_a_curve_break_together() -> None:
    metrics = ("bleu", "chrf", "comet", "cross_entropy")
    curves = broken(simulate(replace(SMALL, metrics=metrics), 0))
    places = {key: {c.break_tokens for c in curves if c.key == key} for key in {c.key for c in curves}}
    assert len(curves) == 2 * 3
    assert [len(place) for place in places.values()] == [1, 1]
