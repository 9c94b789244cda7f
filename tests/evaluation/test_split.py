"""What is fitted and what is held out."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from bayesscale.errors import BayesscaleError, DataError, UsageError
from bayesscale.evaluation import split_first, split_last, split_like, split_rows
from bayesscale.metrics.read import read_metrics
from tests.evaluation.forecasting import baseline, frame, read, sizes


def test_a_share_is_taken_of_each_curve_by_itself() -> None:
    split = split_first(read(frame()), 0.6)
    assert [sizes(split.train.frame, m) for m in "abc"] == [[0, 1, 2, 3, 4, 5], [0, 1, 2], [0, 1]]
    assert [sizes(split.held, m) for m in "abc"] == [[6, 7, 8, 9], [3, 4], [2]]
    assert split.name == "first 60%"


@pytest.mark.parametrize("share", np.arange(1, 20) / 20)
def test_a_share_that_is_a_whole_number_of_sizes_is_not_rounded_down(share: float) -> None:
    split = split_first(read(frame({"a": 20})), share)
    assert len(split.train.frame) == max(2, round(20 * share))


@pytest.mark.parametrize(("share", "fitted"), [(0.5, [5, 3, 2]), (0.61, [7, 4, 2]), (0.8, [8, 4, 2])])
def test_a_share_is_rounded_up_and_leaves_something_to_forecast(share: float, fitted: list[int]) -> None:
    split = split_first(read(frame()), share)
    assert [len(sizes(split.train.frame, m)) for m in "abc"] == fitted


def test_a_share_that_is_held_out_is_rounded_up_too() -> None:
    split = split_last(read(frame(), baseline()), 0.25)
    assert [sizes(split.held, m) for m in "abc"] == [[7, 8, 9], [3, 4], [2]]
    assert split.name == "without the last 25%"


def test_a_number_of_sizes_leaves_nothing_to_forecast_on_curves_that_have_no_more() -> None:
    split = split_first(read(frame()), 4)
    assert [sizes(split.held, m) for m in "abc"] == [[4, 5, 6, 7, 8, 9], [4], []]
    assert sizes(split.train.frame, "c") == [0, 1, 2]  # and they are fitted whole


def test_repeated_sizes_stay_together() -> None:
    split = split_first(read(frame({"a": 5}, repeats=3)), 0.6)
    assert sizes(split.train.frame, "a") == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert sizes(split.held, "a") == [3, 3, 3, 4, 4, 4]


def test_the_baseline_is_fitted_never_forecast_and_no_size() -> None:
    split = split_first(read(frame({"a": 5}), baseline()), 0.6)
    assert (split.train.frame["pretrain_tokens"] == 0).sum() == 1
    assert sizes(split.train.frame.query("pretrain_tokens > 0"), "a") == [0, 1, 2]
    assert (split.held["pretrain_tokens"] > 0).all()


def test_metrics_are_split_each_by_its_own_sizes() -> None:
    short = frame({"a": 4}, ("chrf",))
    split = split_first(read(frame({"a": 10}), short), 0.5)
    assert sizes(split.held[split.held["metric"] == "chrf"], "a") == [2, 3]
    assert sizes(split.held[split.held["metric"] == "bleu"], "a") == [5, 6, 7, 8, 9]


def test_what_is_fitted_has_a_hash_of_its_own() -> None:
    metrics = read(frame())
    hashes = {metrics.data_hash, *(split_first(metrics, each).train.data_hash for each in (0.5, 0.8))}
    assert len(hashes) == 3


def test_the_last_sizes_are_held_out_but_two_are_always_fitted() -> None:
    split = split_last(read(frame(), baseline()), 2)
    assert [sizes(split.held, m) for m in "abc"] == [[8, 9], [3, 4], [2]]
    assert len(split.train.frame) + len(split.held) == 19


def test_rows_of_given_lines_are_fitted() -> None:
    metrics = read(frame({"a": 5}))
    lines = metrics.frame["line"].tolist()
    split = split_rows(metrics, lines[1:4], "training=1")
    assert sizes(split.train.frame, "a") == [1, 2, 3]
    assert sizes(split.held, "a") == [0, 4]


def test_a_repeated_row_is_fitted_if_one_of_its_copies_is() -> None:
    whole = frame({"a": 6}).drop(columns="seed")
    # The fourth size stands first among the rows to forecast, and again among those to fit.
    table = pd.concat([whole, whole.iloc[[3]]], ignore_index=True).assign(training=[1, 1, 1, 0, 0, 0, 1])
    metrics, fitted = read_metrics(table, ignore=["training"]), read_metrics(table, where=["training=1"])
    split = split_like(metrics, fitted, "training=1")
    assert sizes(split.train.frame, "a") == [0, 1, 2, 3]
    assert sizes(split.held, "a") == [4, 5]
    # Another value at that size is no repetition.
    table["value"] += (table.index == 6).astype(float)
    other = read_metrics(table, where=["training=1"])
    assert sizes(split_like(metrics, other, "training=1").held, "a") == [3, 4, 5]


@pytest.mark.parametrize("first", [0.0, 1.0, 1.5, -0.5, 2.5, float("nan")])
def test_an_origin_that_is_none(first: float) -> None:
    with pytest.raises(UsageError, match=r"write for instance 0\.6 or 3"):
        split_first(read(frame()), first)


@pytest.mark.parametrize(
    ("lengths", "first", "told"),
    [
        ({"a": 5, "b": 4}, 5, "'first 5' leaves none, the longest curve has 5 sizes; fit fewer"),
        ({"a": 2, "b": 2}, 0.6, "'first 60%' leaves none, the longest curve has 2 sizes; measure more"),
    ],
)
def test_curves_too_short_to_be_split(lengths: dict[str, int], first: float, told: str) -> None:
    with pytest.raises(DataError, match=re.escape(told)) as raised:
        split_first(read(frame(lengths)), first)
    assert raised.value.exit_code == 3


def test_no_future_to_leave_out() -> None:
    with pytest.raises(UsageError, match=r"of at least 1 of them; received 0; write for instance 0\.25 or 2"):
        split_last(read(frame()), 0)
    with pytest.raises(UsageError, match=r"received 2\.5"):
        split_last(read(frame()), 2.5)
    with pytest.raises(DataError, match="'without the last 3' leaves none"):
        split_last(read(frame({"a": 2})), 3)


def test_every_error_names_a_remedy() -> None:
    with pytest.raises(BayesscaleError, match=r"fit fewer$"):
        split_first(read(frame()), 10)
