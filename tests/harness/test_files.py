"""Files of runs: whole or as they were."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bayesscale.errors import TrainingError
from bayesscale.harness.files import write_json, write_rows

ROWS: list[dict[str, Any]] = [
    {"metric": "bleu", "value": 1.5, "task": "größer"},
    {"metric": "chrf", "value": None},
]


def test_rows_come_back_as_they_were_and_replace_older_ones(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write_rows(path, ROWS[:1])
    write_rows(path, ROWS)
    assert [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] == ROWS


def test_without_rows_there_is_no_file(tmp_path: Path) -> None:
    write_rows(tmp_path / "metrics.jsonl", [])
    assert list(tmp_path.iterdir()) == []


def test_a_number_that_json_lacks_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Out of range float values"):
        write_rows(tmp_path / "metrics.jsonl", [{"value": float("nan")}])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "write", [lambda path: write_rows(path, ROWS), lambda path: write_json(path, ROWS[0])]
)
def test_a_disk_that_fills_up_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None]
) -> None:
    path = tmp_path / "metrics.jsonl"
    write_rows(path, ROWS[:1])
    before = path.read_bytes()

    def full(file: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(TrainingError, match=r"No space left on device; .*; what is finished is kept"):
        write(path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["metrics.jsonl"]
