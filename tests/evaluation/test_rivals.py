"""Rivals that nothing samples: what is carried on, and intervals of earlier errors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesscale.errors import DataError
from bayesscale.evaluation import Split, evaluate, split_first, split_rows
from bayesscale.evaluation.rivals import (
    CONFORMAL,
    RIVALS,
    Points,
    conformal_radius,
    huber,
    last_fitted,
    score_conformal,
)
from bayesscale.laws import LOG_LAW
from tests.evaluation.forecasting import baseline, frame, read


def noisy(curves: int, places: int = 6, sd: float = 1.0, metric: str = "bleu") -> pd.DataFrame:
    """Return simulated flat curves with independent normal noise."""
    rng = np.random.default_rng(4)
    table = frame({f"m{number}": places for number in range(curves)}, (metric,)).drop(columns="seed")
    return table.assign(value=30.0 + sd * rng.standard_normal(len(table)))


def test_the_last_fitted_value_of_every_curve_is_carried_on() -> None:
    # Values are 20 plus the place; two measurements of a size, 0.1 apart, are averaged.
    split = split_first(read(frame({"a": 8, "b": 4}, repeats=2), baseline()), 0.75)
    fitted = last_fitted(split)
    assert (fitted["size"] < split.held["pretrain_tokens"]).all()
    last = fitted["value"]
    assert len(last) == len(split.held) == 2 * (2 + 1)
    for (_, row), value in zip(split.held.iterrows(), last, strict=True):
        assert value == pytest.approx({"a": 20 + 5, "b": 20 + 2}[row["mixture"]] + 0.05)
    rows, record = RIVALS["last-value"](split)
    assert rows["median"].tolist() == pytest.approx(last.tolist())
    assert rows["crps"].tolist() == pytest.approx((rows["value"] - last).abs().tolist())
    assert rows[["lower_90", "inside_50", "log_score", "pit"]].isna().all(axis=None)
    assert record == {"status": "no intervals", "left out": []}


def test_a_metric_that_was_not_fitted_on_a_curve_is_named_and_left_out() -> None:
    metrics = read(frame({"a": 5}, ("bleu", "chrf")), frame({"b": 5}, ("bleu", "chrf")))
    rows = metrics.frame
    chosen = (rows["pretrain_tokens"] < 5e9) & ~((rows["mixture"] == "b") & (rows["metric"] == "chrf"))
    split = split_rows(metrics, rows.loc[chosen, "line"].tolist(), "mine")
    for name in ("last-value", "conformal-last"):
        found, record = RIVALS[name](split)
        assert set(found.query("mixture == 'b'")["metric"]) == {"bleu"}
        (left,) = record["left out"]
        assert (left["curve"], left["metric"]) == ("t | b", "chrf")
        assert left["error"] == "the metric was not fitted on this curve"


@given(
    st.lists(st.floats(0.0, 100.0), min_size=1, max_size=60),
    st.floats(0.01, 0.99),
)
def test_a_conformal_radius_holds_the_share_that_its_rank_promises(errors: list[float], prob: float) -> None:
    values = np.array(errors)
    radius = float(conformal_radius(values, np.array([prob]))[0])
    inside = int((values <= radius).sum())
    needed = int(np.ceil((len(values) + 1) * prob - 1e-9))
    assert inside >= min(needed, len(values))
    assert (values < radius).sum() < max(needed, 1)  # and no smaller error would do


def test_nine_errors_make_a_90_percent_interval_and_eight_need_the_largest_as_well() -> None:
    errors = np.arange(1.0, 20.0)
    assert conformal_radius(errors[:9], np.array([0.5, 0.8, 0.9])).tolist() == [5.0, 8.0, 9.0]
    assert conformal_radius(errors, np.array([0.5, 0.8, 0.9])).tolist() == [10.0, 16.0, 18.0]
    assert conformal_radius(errors[:8], np.array([0.9]))[0] == 8.0


def test_intervals_around_a_forecast_are_those_of_the_errors_made_before() -> None:
    # All rise by one a size: the last value is wrong by 1 one size on, by 2 two sizes on.
    split = split_first(read(frame({f"m{number}": 9 for number in range(5)})), 0.6)
    rows, record = RIVALS["conformal-last"](split)
    # Six of nine sizes are fitted, four of these six in the calibration: errors of 1 and 2, five each.
    assert record["status"] == CONFORMAL
    assert record["residuals"] == {"bleu": 10}
    assert (rows["median"] - 25.0).to_numpy() == pytest.approx(np.zeros(15), abs=1e-9)
    assert (rows["upper_90"] - rows["median"]).to_numpy() == pytest.approx(np.full(15, 2.0))
    assert (rows["median"] - rows["lower_90"]).to_numpy() == pytest.approx(np.full(15, 2.0))
    assert rows["inside_90"].tolist() == [1.0, 1.0, 0.0] * 5


def test_intervals_hold_as_often_as_they_say_where_errors_are_alike() -> None:
    split = split_first(read(noisy(400)), 0.5)
    rows, record = RIVALS["conformal-last"](split)
    assert record["residuals"] == {"bleu": 400}
    own = rows[rows["pretrain_tokens"] == rows["pretrain_tokens"].min()]
    # Standard errors at 400 curves: 2.5% and 1.5%.
    assert own["inside_50"].mean() == pytest.approx(0.5, abs=0.075)
    assert own["inside_90"].mean() == pytest.approx(0.9, abs=0.045)
    # Differences of two values have a standard deviation of sqrt(2); 90% of a normal lie within 1.645.
    assert (rows["upper_90"] - rows["lower_90"]).mean() == pytest.approx(2 * 1.645 * np.sqrt(2), rel=0.1)


def test_metrics_have_errors_of_their_own_and_intervals_stay_in_their_range() -> None:
    wide = noisy(30, sd=20.0, metric="chrf").assign(value=lambda t: t["value"].clip(0.0, 100.0))
    rows, _ = RIVALS["conformal-last"](split_first(read(noisy(30), wide), 0.5))
    widths = (rows["upper_90"] - rows["lower_90"]).groupby(rows["metric"]).mean()
    assert widths["chrf"] > 5 * widths["bleu"]
    assert rows["lower_90"].min() == 0.0
    assert rows["upper_90"].max() <= 100.0


def test_a_law_in_conformal_intervals_has_the_forecasts_of_the_law() -> None:
    lengths = {f"m{number}": 10 for number in range(3)}
    u = np.linspace(0.0, 1.0, 10)
    values = np.tile(LOG_LAW.value(u, 3.0, 0.5, 0.2), 3)
    split = split_first(read(frame(lengths).assign(value=values)), 0.6)
    rows, record = RIVALS["conformal"](split)
    np.testing.assert_allclose(rows["median"], huber(split).median)
    np.testing.assert_allclose(rows["median"], rows["value"], rtol=0.01)
    # Six fitted sizes are split into four and two.
    assert record["residuals"] == {"bleu": 6}


def test_without_sizes_to_calibrate_there_are_no_intervals_and_a_reason() -> None:
    metrics = read(frame({"a": 8, "b": 4}))
    with pytest.raises(
        DataError, match=r"a curve with at least 3 fitted sizes.* 'first 2' leaves none; fit more"
    ):
        RIVALS["conformal-last"](split_first(metrics, 2))
    # Two of three sizes are fitted in the calibration, and the law needs three.
    with pytest.raises(DataError, match="no curve of this metric has fitted sizes enough"):
        RIVALS["conformal"](split_first(metrics, 3))


def test_what_a_forecast_cannot_do_is_left_out_once() -> None:
    def half(split: Split) -> Points:
        own = split.held["mixture"].eq("a").to_numpy()
        return Points(np.where(own, 22.0, np.nan), {("t", "b", "bleu"): "not today"})

    rows, record = score_conformal(split_first(read(frame({"a": 8, "b": 8})), 0.5), half)
    assert set(rows["mixture"]) == {"a"}
    assert record["left out"] == [{"curve": "t | b", "metric": "bleu", "error": "not today"}]


def test_an_evaluation_with_all_rivals_has_their_intervals_and_is_complete() -> None:
    found = evaluate(read(noisy(12)), models=list(RIVALS))
    assert found.complete
    assert not any("DO NOT RELY" in line for line in found.sentences())
    scores = found.frame().set_index("model")
    assert scores["n"].nunique() == 1
    assert np.isnan(scores["cover_90"]["last-value"])
    assert 0.5 < scores["cover_90"]["conformal-last"] <= 1.0
