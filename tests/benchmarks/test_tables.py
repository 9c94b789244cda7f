from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bayesscale.metrics.read import read_metrics
from benchmarks.information import REAL, split, table
from benchmarks.tables import TABLES, file_rows, loss_everywhere


@pytest.mark.parametrize(
    ("name", "curves", "metrics"),
    [
        ("schram mBart50", 30, ("bleu", "chrf")),
        ("schram Transformer", 30, ("bleu", "chrf")),
        ("proxylm", 224, ("bleu", "chrf", "comet")),
        ("syn2real", 15, ("accuracy",)),
        ("google BB", 10, ("error_rate",)),
        ("bigscience_1b3", 35, ("accuracy", "cross_entropy")),
        ("olmo_ladder", 105, ("accuracy", "bits_per_byte", "cross_entropy")),
    ],
)
def test_real_tables_are_read(name: str, curves: int, metrics: tuple[str, ...], shared_data: Path) -> None:
    found = TABLES[name].read()
    assert (len(found.curves()), found.metrics) == (curves, metrics)
    assert TABLES[name].command.startswith(f"bayesscale fit {TABLES[name].file}.csv ")
    assert str(shared_data) not in TABLES[name].command


def test_the_loss_of_bigscience_is_the_log_of_a_perplexity(shared_data: Path) -> None:
    frame = TABLES["bigscience_1b3"].read().frame
    loss = frame[frame["metric"] == "cross_entropy"]
    assert set(loss["task"]) == {"lambada"}
    raw = file_rows("bigscience_1b3")
    raw = raw[(raw["task"] == "lambada") & (raw["metric"] == "ppl")]
    np.testing.assert_allclose(np.sort(loss["value"]), np.sort(np.log(raw["value"].astype(float))))
    everywhere = read_metrics(loss_everywhere(file_rows("bigscience_1b3"))).frame
    assert (everywhere["metric"] == "cross_entropy").sum() == 7 * len(loss)


def test_information_forecasts_the_same_scores_with_and_without_the_loss(shared_data: Path) -> None:
    for name in ("simulated 0", REAL):
        metrics = table(name)
        with_loss, without = split(metrics, True), split(metrics, False)
        names = [*metrics.curve_columns, "metric", metrics.axis, "value"]
        assert with_loss.held[names].equals(without.held[names])
        assert "cross_entropy" not in without.train.metrics
        rows = with_loss.train.frame[~with_loss.train.is_baseline]
        sizes = (
            rows.groupby([*metrics.curve_columns, "metric"])[metrics.axis]
            .nunique()
            .groupby("metric")
            .unique()
        )
        assert [list(each) for each in sizes] in ([[3], [6]],)
