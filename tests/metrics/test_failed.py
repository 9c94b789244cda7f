"""Values that look like failed runs are told, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayesscale.metrics.describe import document, sentences
from bayesscale.metrics.failed import failed_runs
from bayesscale.metrics.read import read_metrics
from bayesscale.metrics.table import Metrics

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "schram_mt_bilingual.csv"


def _metrics(values: list[float], metric: str = "bleu") -> Metrics:
    """Return the table of one curve."""
    sizes = 1e9 * 2.0 ** np.arange(len(values))
    frame = pd.DataFrame({"task": "en-fr", "mixture": "en", "metric": metric, "value": values})
    return read_metrics(frame.assign(pretrain_tokens=sizes))


@pytest.mark.parametrize(
    ("values", "metric", "found"),
    [
        ([10.0, 12.0, 0.0, 15.0], "bleu", [0.0]),
        ([10.0, 12.0, 4.1, 15.0], "bleu", []),  # a third of the lower neighbour is 4
        ([10.0, 12.0, 3.9, 15.0], "bleu", [3.9]),
        ([0.0, 12.0, 13.0, 0.0], "bleu", []),  # ends are not judged
        ([0.0, 0.8, 0.0, 1.2], "bleu", []),  # within the noise of BLEU
        ([20.0, 18.0, 5.0, 4.0], "bleu", []),  # a fall that stays is a finding, not a failure
        ([2.0, 1.9, 4.1, 1.7], "cross_entropy", [4.1]),
        ([2.0, 1.9, 3.7, 1.7], "cross_entropy", []),
        ([2.0, 0.1, 1.8, 1.7], "cross_entropy", []),  # better is no failure
    ],
)
def test_what_looks_like_a_failed_run(values: list[float], metric: str, found: list[float]) -> None:
    assert failed_runs(_metrics(values, metric))["value"].tolist() == found


def test_one_seed_of_several_may_fail() -> None:
    sizes = np.repeat(1e9 * 2.0 ** np.arange(4), 2)
    frame = pd.DataFrame({"task": "en-fr", "mixture": "en", "metric": "bleu", "pretrain_tokens": sizes})
    values = [10.0, 10.1, 12.0, 12.1, 0.2, 13.1, 14.0, 14.2]
    rows = failed_runs(read_metrics(frame.assign(value=values, run=np.tile(["a", "b"], 4))))
    assert rows[["value", "before", "after"]].to_numpy().tolist() == [[0.2, 12.05, 14.1]]


def test_it_is_said_with_line_and_neighbours() -> None:
    metrics = _metrics([10.0, 12.0, 0.5, 15.0])
    first, line = sentences(metrics)[-2:]
    assert first.startswith("note: values that look like failed runs")
    assert line == "  line 3: bleu 0.5 at 4B of en-fr | en, between 12 and 15"
    assert document(metrics)["may have failed"][0]["after"] == 15.0
    quiet = _metrics([10.0, 12.0, 13.0, 15.0])
    assert not any("failed" in line for line in sentences(quiet))
    assert document(quiet)["may have failed"] == []


def test_of_many_the_first_are_said() -> None:
    lines = sentences(_metrics([10.0, 0.0] * 7 + [10.0]))
    assert lines[-1] == "  and 2 more; --json has all"


@pytest.mark.skipif(not SHARED.exists(), reason="needs shared/data beside the repository")
def test_the_failed_run_of_a_real_table_is_found() -> None:
    columns = {"task": "src+tgt", "mixture": "model", "finetune_tokens": "D_f_train_size"}
    where = ["D_f_train_size>=1K", "model=mBart50"]
    rows = failed_runs(read_metrics(SHARED, axis="finetune_tokens", columns=columns, where=where))
    assert rows[["task", "metric", "finetune_tokens"]].to_numpy().tolist() == [
        ["en-ta", "bleu", 5e4],
        ["en-ta", "chrf", 5e4],
    ]
