"""The metrics file: whole cells only, whatever happened to its end."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesscale.errors import DataError, TrainingError
from bayesscale.harness.grid.files import MetricsFile

CELLS = {
    "a": [{"metric": "bleu", "value": 1.5}, {"metric": "chrf", "value": 2.5}],
    "b": [{"metric": "bleu", "value": 3.5, "task": "größer"}],
    "c": [
        {"metric": "bleu", "value": 4.5},
        {"metric": "chrf", "value": 5.5},
        {"metric": "ter", "value": 6.5},
    ],
}


def _file(folder: Path) -> MetricsFile:
    return MetricsFile(folder / "metrics.jsonl", lambda name: nullcontext())


def test_rows_come_back_as_they_were_with_the_key_of_their_cell(tmp_path: Path) -> None:
    file = _file(tmp_path)
    assert file.add_missing(CELLS) == 3
    assert file.keys() == {"a", "b", "c"}
    assert file.rows()[2] == {"metric": "bleu", "value": 3.5, "task": "größer", "cell": "b", "rows": 1}


def test_a_cell_is_there_once(tmp_path: Path) -> None:
    file = _file(tmp_path)
    file.add_missing(CELLS)
    before = (tmp_path / "metrics.jsonl").read_bytes()
    assert file.add_missing(CELLS) == 0
    assert (tmp_path / "metrics.jsonl").read_bytes() == before


@given(st.integers(0, 400))
def test_a_file_torn_at_any_byte_becomes_the_whole_one(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    file = _file(folder)
    file.add_missing(CELLS)
    path = folder / "metrics.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:cut])
    kept = file.keys()
    assert kept == {key for key in CELLS if f'"cell": "{key}"'.encode() in whole[:cut]} & kept
    file.add_missing(CELLS)
    assert path.read_bytes() == whole


def test_a_disk_that_fills_up_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _file(tmp_path)
    file.add_missing({"a": CELLS["a"]})
    before = (tmp_path / "metrics.jsonl").read_bytes()
    write = os.write

    def full(descriptor: int, content: bytes) -> int:
        write(descriptor, content[:20])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(TrainingError, match="no space left on device; what is finished is kept"):
        file.add_missing(CELLS)
    monkeypatch.undo()
    assert (tmp_path / "metrics.jsonl").read_bytes() == before


def test_damage_before_the_end_is_not_repaired_in_silence(tmp_path: Path) -> None:
    file = _file(tmp_path)
    file.add_missing(CELLS)
    path = tmp_path / "metrics.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(lines[0] + "{torn\n" + "".join(lines[2:]))
    with pytest.raises(DataError, match="line 2, is not a row of a grid"):
        file.add_missing(CELLS)
