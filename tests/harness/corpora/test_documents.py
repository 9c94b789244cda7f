"""Documents from text, JSON lines, Parquet and data sets, and what is wrong with those that have none."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bayesscale.errors import CorpusError
from bayesscale.harness.corpora.documents import documents
from bayesscale.harness.study.data import CorpusConfig

TEXTS = ["erster Text", "zweiter\nText", "dritter"]


def _read(folder: Path, **settings: Any) -> list[str]:
    """Return all documents of a corpus."""
    return list(documents(CorpusConfig(**settings), folder))


def _json_lines(texts: list[str], field: str = "text") -> str:
    """Return texts as JSON lines."""
    return "".join(json.dumps({"id": 1, field: text}) + "\n" for text in texts)


def test_lines_of_several_files_in_order(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("3\n4\n")
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"1\n2\n"))
    assert _read(tmp_path, files=["a.txt.gz", "b.txt"]) == ["1", "2", "3", "4"]
    assert _read(tmp_path, files=["a.txt.gz", "b.txt"], documents="3") == ["1", "2", "3"]


def test_json_lines(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(_json_lines(TEXTS) + "\n")
    assert _read(tmp_path, files=["a.jsonl"]) == TEXTS
    (tmp_path / "a.dump").write_text(_json_lines(TEXTS, "body"))
    assert _read(tmp_path, files=["a.dump"], format="jsonl", field="body") == TEXTS


def test_parquet(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"id": [1, 2, 3, 4], "text": [*TEXTS, None]}), tmp_path / "a.parquet", row_group_size=2
    )
    assert _read(tmp_path, files=["a.parquet"]) == TEXTS


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.txt", b"", "is empty"),
        ("a.jsonl", b"", "is empty"),
        ("a.jsonl", b"\n\n", "is empty"),
        ("a.jsonl", b'{"text": "a"}\n{"text": \n', "line 2 of .* is not"),
        ("a.jsonl", b'{"txt": "a"}\n', "has the field 'text'; line 1 .* did you mean 'txt'"),
        ("a.jsonl", b'["text"]\n', "it is no JSON object"),
        ("a.jsonl", b'{"text": 5}\n', "is text; in line 1 .* it is int"),
        ("a.jsonl", b'{"text": "a"}\n\x00\n', "zero byte in line 2"),
        ("a.parquet", b"PAR1 not really", "is not a Parquet file that can be read"),
        ("a.parquet", b"", "is not a Parquet file that can be read"),
    ],
)
def test_files_that_are_broken(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CorpusError, match=told):
        _read(tmp_path, files=[name])


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.parquet", "a.txt.xz"])
def test_files_that_are_missing(tmp_path: Path, name: str) -> None:
    with pytest.raises(CorpusError, match=f"there is no file .*{name}"):
        _read(tmp_path, files=[name])


def test_a_column_that_is_missing_or_no_text(tmp_path: Path) -> None:
    pq.write_table(pa.table({"texts": ["a"], "n": [1]}), tmp_path / "a.parquet")
    with pytest.raises(CorpusError, match=r"did you mean 'texts'"):
        _read(tmp_path, files=["a.parquet"])
    with pytest.raises(CorpusError, match=r"'n' is text.*it is int"):
        _read(tmp_path, files=["a.parquet"], field="n")
