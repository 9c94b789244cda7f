"""Rows that lie within other objects and lists of a JSON document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.metrics.doors import STEP, Written, asked, door, sizes, values

ROWS = [{"step": 1, "bleu": 10}, {"step": 2, "bleu": 12}]
COLUMNS = {"step": [1, 2], "bleu": [10, 12]}


@pytest.mark.parametrize("name", ["series", "runs", "results", "data", "records"])
@pytest.mark.parametrize(
    "inner",
    [
        ROWS,
        COLUMNS,
        {"rows": ROWS},
        [COLUMNS],
        [{"history": ROWS}],
        {"eval": [{"history": COLUMNS}]},
        {"a": ROWS},
    ],
)
@pytest.mark.parametrize("more", [{}, {"version": 3, "best_bleu": 12, "tags": ["x"]}])
def test_rows_may_lie_within_others(written: Written, name: str, inner: Any, more: dict[str, Any]) -> None:
    read = door(written(json.dumps({name: inner, **more}), "m.json"), STEP)
    assert [sizes(read), values(read)] == [[1, 2], [10, 12]]


def test_what_is_said_of_all_rows_stands_beside_each(written: Written) -> None:
    runs: Any = [{"name": name, "args": {"lr": lr}, "history": ROWS} for name, lr in (("a", 0.1), ("b", 0.2))]
    for document in ({"runs": runs}, runs, {"task": "quiz", "config": {"x": 1}, "runs": runs}):
        path = written(json.dumps(document), "m.json")
        assert "the two differ in name, args.lr" in str(asked(path, STEP))
        read = door(path, f"{STEP},mixture=name")
        assert read.frame[["mixture", "value"]].to_numpy().tolist() == [
            ["a", 10],
            ["a", 12],
            ["b", 10],
            ["b", 12],
        ]
        assert set(read.frame["task"]) == {"quiz" if "task" in document else "all"}


def test_rows_may_lie_within_runs_by_name(written: Written) -> None:
    runs = {name: {"lr": 0.1, "history": ROWS, "tags": ["x"]} for name in "ab"}
    for document in (runs, {"runs": runs}):
        path = written(json.dumps(document), "m.json")
        assert "run" in str(asked(path, STEP))
        assert values(door(path, f"{STEP} --curve run")) == [10, 12, 10, 12]


def test_names_that_are_said_on_two_levels_are_kept_apart(written: Written) -> None:
    runs = [{"id": run, "evals": [{"id": n, "step": n, "bleu": n + run} for n in (1, 2)]} for run in (1, 9)]
    path = written(json.dumps({"runs": runs}), "m.json")
    read = door(path, f"{STEP} --ignore id --columns 'run=outer.id' --curve run")
    assert values(read) == [2, 3, 10, 11]


def test_points_of_a_plot_are_columns(written: Written) -> None:
    lines = [
        {"name": name, "x": [1, 2], "y": y, "line": {"width": 2}}
        for name, y in (("a", [5, 6]), ("b", [7, 8]))
    ]
    path = written(json.dumps({"data": lines, "layout": {"title": "BLEU"}}), "m.json")
    read = door(path, "--columns pretrain_tokens=x,bleu=y,mixture=name")
    assert values(read) == [5, 6, 7, 8]


def test_lists_beside_scores_are_no_rows(written: Written, tmp_path: Path) -> None:
    for step in (1, 2):
        args = {"betas": [0.9, 0.95], "names": ["a", "b"]}
        row = {"step": step, "bleu": 9 + step, "args": args}
        (tmp_path / f"{step}.json").write_text(json.dumps(row))
    assert values(door(tmp_path, STEP)) == [10, 11]
    rows: Any = [{"step": n, "bleu": 9 + n, "betas": [0.9, 0.95], "tags": ["a", "b"]} for n in (1, 2)]
    assert values(door(written(json.dumps({"data": rows}), "m.json"), STEP)) == [10, 11]
    rows = [{"step": n, "bleu": 9 + n, "losses": [{"a": 1}, {"a": 2}]} for n in (1, 2)]
    assert values(door(written(json.dumps({"data": rows}), "m.json"), STEP)) == [10, 11]
