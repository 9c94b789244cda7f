"""From the metrics table to arrays by curve."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayesscale.metrics.curves import Curves, Observations, build_curves, unit_labels
from bayesscale.metrics.read import read_metrics
from tests.models.tables import SIZES, curves_of, table


def _values(curves: Curves, rows: Observations) -> dict[tuple[str, str, float], float]:
    """Return every value by the label of its curve, metric and size."""
    names = [(curves.labels[u], rows.metrics[m]) for u, m in zip(rows.unit, rows.metric, strict=True)]
    return {
        (*name, float(size)): float(value)
        for name, size, value in zip(names, rows.size, rows.value, strict=True)
    }


def test_every_value_is_found_again_under_its_curve_metric_and_size() -> None:
    frame = table()
    curves = curves_of(frame)
    along = frame[frame["pretrain_tokens"] > 0]
    expected = {
        (
            f"{r['task']} | {r['mixture']} | {r['finetune_tokens'] / 1e6:g}M",
            r["metric"],
            r["pretrain_tokens"],
        ): r["value"]
        for r in along.to_dict("records")
    }
    assert _values(curves, curves.scores) | _values(curves, curves.losses) == expected
    assert len(curves) == len(curves.labels) == len(set(curves.labels)) == 8


def test_scores_come_before_losses_each_sorted_by_name() -> None:
    curves = curves_of(table(metrics=("cross_entropy", "comet", "bleu", "bits_per_byte"), baseline=False))
    assert curves.scores.metrics == ("bleu", "comet")
    assert curves.losses.metrics == ("bits_per_byte", "cross_entropy")
    assert curves.names == ("bleu", "comet", "bits_per_byte", "cross_entropy")
    assert list(curves.blocks) == ["score", "loss"]


def test_the_order_of_rows_does_not_matter() -> None:
    frame = table()
    curves, shuffled = curves_of(frame), curves_of(frame.sample(frac=1.0, random_state=1))
    pd.testing.assert_frame_equal(curves.table, shuffled.table)
    assert _values(curves, curves.scores) == _values(shuffled, shuffled.scores)


def test_anchors_are_the_ends_of_a_typical_curve() -> None:
    frame = table(tasks=("en-fr",), finetune=(6e6,), mixtures=("en", "en+fr", "fr"), baseline=False)
    long = frame["mixture"] == "en"
    frame.loc[long, "pretrain_tokens"] *= np.where(frame.loc[long, "pretrain_tokens"] > 5e9, 10.0, 0.1)
    axis = curves_of(frame).axis
    assert (axis.lo, axis.hi) == (SIZES[0], SIZES[-1])  # one curve of three is longer at both ends


def test_curves_that_do_not_overlap_have_anchors_all_the_same() -> None:
    frame = table(tasks=("en-fr",), finetune=(6e6,), baseline=False, metrics=("bleu",))
    far = frame["mixture"] == "en"
    frame.loc[far, "pretrain_tokens"] *= 1e4
    axis = curves_of(frame).axis
    assert axis.lo == pytest.approx(np.mean([SIZES[0], SIZES[0] * 1e4]))
    assert axis.lo < axis.hi == pytest.approx(np.mean([SIZES[-1], SIZES[-1] * 1e4]))


def test_curves_of_unequal_length_and_missing_metrics_keep_what_they_have() -> None:
    frame = table(baseline=False)
    first = (frame["task"] == "en-de") & (frame["mixture"] == "en") & (frame["finetune_tokens"] == 6e6)
    frame = frame[~(first & (frame["pretrain_tokens"] > 5e9))]  # a short curve
    other = (frame["task"] == "en-fr") & (frame["finetune_tokens"] == 42e6)
    frame = frame[~(other & (frame["metric"] == "bleu"))]  # two curves without BLEU
    curves = curves_of(frame)
    assert np.bincount(curves.scores.unit, minlength=8).tolist() == [2, 4, 4, 4, 4, 0, 4, 0]
    assert np.bincount(curves.losses.unit, minlength=8).tolist() == [2, 4, 4, 4, 4, 4, 4, 4]
    assert len(curves) == 8


def test_one_curve_alone_has_no_factor_and_no_covariate() -> None:
    curves = curves_of(table(("en-fr",), ("en",), (6e6,), ("bleu",), baseline=False))
    assert (len(curves), curves.factors, curves.covariates) == (1, (), ())
    assert len(curves.losses) == len(curves.baseline) == 0
    assert curves.losses.metrics == ()
    assert curves.labels == ["en-fr | en | 6M"]


def test_unknown_standard_errors_are_zero() -> None:
    frame = table(se=0.3)
    frame.loc[frame["metric"] == "cross_entropy", "se"] = np.nan
    curves = curves_of(frame)
    assert set(curves.scores.se) == {0.3}
    assert set(curves.losses.se) == {0.0}
    assert set(curves_of(table()).scores.se) == {0.0}


def test_baseline_cells_belong_to_no_mixture() -> None:
    curves = curves_of(table())
    assert list(curves.cells.columns) == ["task", "finetune_tokens"]
    assert curves.cell_labels == ["en-de | 6M", "en-de | 42M", "en-fr | 6M", "en-fr | 42M"]
    assert curves.baseline.metrics == curves.names
    assert np.bincount(curves.baseline.unit).tolist() == [2, 2, 2, 2]
    assert set(curves.baseline.size) == {0.0}
    assert not (curves.scores.size == 0).any()


def test_the_baseline_of_a_metric_that_no_curve_has_is_left_out() -> None:
    frame = table()
    frame = frame[(frame["metric"] == "bleu") | (frame["pretrain_tokens"] == 0)]
    curves = curves_of(frame)
    assert curves.names == curves.baseline.metrics == ("bleu",)
    assert len(curves.baseline) == 4


def test_the_baseline_of_curves_that_differ_in_nothing_but_the_mixture_is_one_cell() -> None:
    frame = table(("en-fr",), finetune=(6e6,))
    curves = curves_of(frame, curve=["mixture"])
    assert curves.cell_labels == ["en-fr"]
    assert len(curves.baseline) == 2


def test_along_finetune_tokens_unpretrained_curves_are_curves_like_others() -> None:
    frame = table(("en-fr",), ("en",), (1e6, 1e7, 1e8), baseline=True, shares=False)
    curves = curves_of(frame, axis="finetune_tokens")
    assert (curves.axis_name, curves.axis.lo, curves.axis.hi) == ("finetune_tokens", 1e6, 1e8)
    assert len(curves) == len(SIZES) + 1
    assert len(curves.baseline) == len(curves.cells) == 0
    (covariate,) = curves.covariates
    assert covariate.name == "pretrain_tokens"
    assert np.isfinite(covariate.values).all()
    # No logarithm of zero: an unpretrained curve counts as a typical one, and its mixture tells it apart.
    assert covariate.values[curves.table["pretrain_tokens"] == 0].tolist() == [0.0]
    assert [factor.levels for factor in curves.factors] == [("en", "none")]


def test_curves_that_differ_by_less_than_a_label_shows_have_labels_of_their_own() -> None:
    curves = curves_of(table(("en-fr",), ("en",), (6_000_000, 6_000_100), ("bleu",), baseline=False))
    assert curves.labels == ["en-fr | en | 6000000", "en-fr | en | 6000100"]


def test_labels_name_sizes_with_a_suffix_and_other_columns_as_they_are() -> None:
    frame = pd.DataFrame({"run": ["a"], "finetune_tokens": [31e6], "model_params": [7.7e8]})
    assert unit_labels(frame, ("run", "finetune_tokens", "model_params")) == ["a | 31M | 770M"]


def test_the_alignment_of_a_curve_is_in_its_row() -> None:
    curves = curves_of(table(mixtures=("en", "en+fr", "fr"), baseline=False))
    found = dict(zip(curves.labels, curves.table["alignment"], strict=True))
    assert found["en-fr | en+fr | 6M"] == pytest.approx(1.0)
    assert found["en-de | fr | 6M"] == 0.0


def test_reading_twice_gives_the_same_curves() -> None:
    metrics = read_metrics(table())
    assert build_curves(metrics).labels == build_curves(metrics).labels
