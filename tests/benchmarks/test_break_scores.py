from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.break_scores import OURS, calibration, overall_calibration, positions, score_rule, share


def rows(curves: int = 4000) -> pd.DataFrame:
    """Return curves that break as often as P(break) says, with uniform ranks of the position."""
    rng = np.random.default_rng(0)
    probability = rng.beta(0.5, 0.5, curves)
    broken = rng.uniform(size=curves) < probability
    return pd.DataFrame(
        {
            "set": np.arange(curves) // 15,
            "broken": broken,
            "fall": np.where(broken, rng.choice([0.0, 1.5, 2.0, 5.0], curves), 0.0),
            OURS: probability,
            "break_draws": np.where(probability < 0.05, 3, 300),
            "position_rank": np.where(broken, rng.uniform(size=curves), np.nan),
            "position_width": 0.4,
            "blind": rng.uniform(size=curves),
            "knows": broken.astype(float),
        }
    )


def test_a_rule_that_knows_has_auc_1_and_one_that_is_blind_has_a_half() -> None:
    table = rows()
    found = {name: score_rule(table, name, [0.5]) for name in ("knows", "blind")}
    for kind in ("falls of 3 BLEU or more", "plateaus", "all breaks"):
        assert found["knows"]["auc"][kind] == {"auc": 1.0, "s.e.": 0.0}
        blind = found["blind"]["auc"][kind]
        assert abs(blind["auc"] - 0.5) < 4 * blind["s.e."]
        assert found["knows"]["at thresholds"][0]["detected"][kind]["share"] == 1.0
    assert found["knows"]["at thresholds"][0]["false alarms"]["hits"] == 0
    assert found["blind"]["roc"]["detected"]["all breaks"] == pytest.approx(
        found["blind"]["roc"]["false alarms"], abs=0.06
    )
    many = found["blind"]["detected where as many are false alarms"]["5%"]["all breaks"]
    assert many["share"] == pytest.approx(0.05, abs=0.02)


def test_calibrated_probabilities_lie_in_nearly_all_wilson_intervals() -> None:
    bins = calibration(rows())
    inside = [b["broken"]["interval"][0] <= b["mean"] <= b["broken"]["interval"][1] for b in bins]
    assert len(bins) == 10
    assert sum(inside) >= 8
    assert sum(b["broken"]["of"] for b in bins) == 4000
    whole = overall_calibration(rows())
    assert whole["mean P(break)"] == pytest.approx(whole["share broken"], abs=0.03)
    assert whole["Brier score"] < whole["Brier score of the share"]


def test_uniform_ranks_are_covered_as_often_as_promised_and_few_draws_are_left_out() -> None:
    (found,) = (entry for entry in positions(rows()) if entry["of"] == "all breaks")
    assert found["left out"] > 0
    for prob in (0.5, 0.9):
        covered = found[f"covered {prob:.0%}"]
        assert covered["share"] == pytest.approx(prob, abs=4 * np.sqrt(prob * (1 - prob) / covered["of"]))


def test_of_nothing_there_is_no_share() -> None:
    assert share(np.array([], dtype=bool)) == {"hits": 0, "of": 0, "share": None, "interval": None}
    assert share(np.array([True, False]))["share"] == 0.5
    sound = rows().query("not broken")
    assert score_rule(sound, OURS, [0.9])["auc"]["all breaks"] == {"auc": None, "s.e.": None}
