"""Rows that training scripts append: whole, whatever happens to the process, and read as they were meant."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bayesscale
from bayesscale.errors import UsageError


def test_a_table_is_recorded_and_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "metrics.jsonl"
    rows: Any = ((1e9, 20.5), (np.float64(4e9), np.float32(24.25)), (8e9, float("nan")))
    labels: Any = {"task": "en-fr", "seed": np.int64(1)}
    for tokens, bleu in rows:
        bayesscale.record(
            path,
            {"bleu": bleu, "bleu_se": 0.5},
            pretrain_tokens=tokens,
            labels=labels,
        )
    metrics = bayesscale.read_metrics(path)
    assert metrics.frame[["pretrain_tokens", "value", "se"]].to_numpy().tolist() == [
        [1e9, 20.5, 0.5],
        [4e9, 24.25, 0.5],
    ]
    assert metrics.frame["seed"].tolist() == ["1", "1"]
    assert "1 cells without a score (empty, NaN or a placeholder) were left out" in metrics.notes


def test_processes_may_write_at_the_same_time(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    code = (
        "import sys, bayesscale\n"
        "for step in range(1, 201):\n"
        "    bayesscale.record(sys.argv[1], {'bleu': 20, 'note': 1}, pretrain_tokens=step,\n"
        "                      labels={'task': sys.argv[2] * 200})\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in "abcd"]
    assert [process.wait() for process in processes] == [0, 0, 0, 0]
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == 800
    for name in "abcd":
        assert [row["pretrain_tokens"] for row in rows if row["task"] == name * 200] == list(range(1, 201))


def test_a_row_that_was_cut_off_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"pretrain_tokens": 1, "ble')
    bayesscale.record(path, {"bleu": 20}, pretrain_tokens=2)
    assert path.read_text().splitlines()[1] == '{"pretrain_tokens": 2, "bleu": 20.0}'


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scores": {"bleu": 20}}, "at least one size"),
        ({"scores": {"bleu": 20}, "pretrain_tokens": -1}, "finite number"),
        ({"scores": {"bleu": 20}, "finetune_tokens": 0}, "above 0 for D_f"),
        ({"scores": {}, "pretrain_tokens": 1}, "received none"),
        ({"scores": {"bleu_se": 1}, "pretrain_tokens": 1}, "received bleu_se"),
        ({"scores": {"bleu": "good"}, "pretrain_tokens": 1}, "a score is a number"),
        ({"scores": {"bleu": 1}, "pretrain_tokens": 1, "labels": {"value": 1}}, "received value"),
        ({"scores": {"bleu": 1}, "pretrain_tokens": 1, "labels": {"x": float("inf")}}, "finite number"),
        ({"scores": {"bleu": 1}, "pretrain_tokens": "4B"}, "such as 4e9; received '4B'"),
        ({"scores": {"bleu": 1}, "pretrain_tokens": 1, "labels": {"bleu": 2}}, "received both for bleu"),
    ],
)
def test_rows_that_could_not_be_read(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    path = tmp_path / "metrics.jsonl"
    with pytest.raises(UsageError, match=message):
        bayesscale.record(path, **arguments)
    assert not path.exists()


def test_only_jsonl_is_appended_to(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"ends in \.jsonl"):
        bayesscale.record(tmp_path / "m.csv", {"bleu": 1}, pretrain_tokens=1)


def test_recording_needs_no_pandas() -> None:
    code = "import sys, bayesscale; bayesscale.record; print({'pandas', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_an_evaluation_of_several_data_sets_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    for tokens in (1000, 2000):
        bayesscale.record(path, {"eval_wiki_loss": 3}, pretrain_tokens=tokens)
        bayesscale.record(path, {"eval_c4_loss": 4}, pretrain_tokens=tokens)
    assert list(bayesscale.read_metrics(path, melt="task").curves()["task"]) == ["eval_c4", "eval_wiki"]
