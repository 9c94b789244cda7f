"""Whatever the file or the option: a valid table or an error that bayesscale raises on purpose."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesscale.errors import BayesscaleError
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.read import read_metrics

COLUMNS = [
    "task",
    "mixture",
    "pretrain_tokens",
    "finetune_tokens",
    "metric",
    "value",
    "se",
    "run",
    "seed",
    "model_params",
    "signature",
    "alignment",
    "share_en",
    "share_fr",
    "bleu",
    "bleu_se",
    "loss",
    "BLEU",
    "pretrain_tokens",
    "line",
    "value_column",
]
CELLS = [
    "0",
    "1",
    "2",
    "1e9",
    "1B",
    "6M",
    "-1",
    "nan",
    "inf",
    "-inf",
    "1e999",
    "1e-320",
    "NA",
    "none",
    "all",
    "t",
    "m",
    "0.5",
    "1,5",
    "1,000,000",
    "100",
    "101",
    "%",
    "'",
    '"',
    ",",
    ";",
    "|",
    "=",
    "é",
    "\x0b",
    "0x10",
    "bleu",
    "BLEU",
    "blue",
    "cross_entropy",
    "rougel",
    "tok:13a|v:2",
    "١",
    "True",
]
SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet", ".json", "")
cells = st.sampled_from(["", *CELLS]) | st.text(max_size=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    """A header that often has what is needed, and rows of odd cells."""
    required = draw(
        st.sampled_from([["pretrain_tokens", "bleu"], ["pretrain_tokens", "metric", "value"], []])
    )
    header = required + draw(st.lists(st.sampled_from(COLUMNS) | cells, max_size=4))
    width = st.just(len(header)) | st.integers(0, 6)
    rows = [draw(st.lists(cells, min_size=n, max_size=n)) for n in draw(st.lists(width, max_size=6))]
    return header, rows


def attempt(source: Path | pd.DataFrame, **options: Any) -> None:
    """Read; if there is no error, the table must be what it promises."""
    try:
        metrics = read_metrics(source, **options)
    except BayesscaleError:
        return
    frame = metrics.frame
    assert len(metrics.curves()) > 0
    assert np.isfinite(frame[["value", metrics.axis]]).all(axis=None)
    assert set(frame["metric"]) <= set(CATALOGUE)
    key = [*metrics.curve_columns, metrics.axis, "metric", *({"run", "seed"} & set(frame))]
    assert not frame.duplicated(key).any()
    sizes = frame[~metrics.is_baseline].groupby([*metrics.curve_columns, "metric"])[metrics.axis].nunique()
    assert (sizes >= 2).all()


@given(
    content=st.binary(max_size=300),
    suffix=st.sampled_from(SUFFIXES),
    head=st.sampled_from([b"", b"PAR1", b"{", b"a,b\n"]),
)
@settings(max_examples=300)
def test_random_bytes(folder: Path, content: bytes, suffix: str, head: bytes) -> None:
    path = folder / f"bytes{suffix}"
    path.write_bytes(head + content)
    attempt(path)


@given(table=tables(), axis=st.sampled_from(["pretrain_tokens", "finetune_tokens"]))
@settings(max_examples=100)
def test_random_tables(folder: Path, table: tuple[list[str], list[list[str]]], axis: str) -> None:
    header, rows = table
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    path = folder / "table.csv"
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    attempt(path, axis=axis)
    lines = [json.dumps(dict(zip(header, row, strict=False))) for row in rows]
    (folder / "table.jsonl").write_text("\n".join(lines))
    attempt(folder / "table.jsonl", axis=axis)


scalars = st.none() | st.booleans() | st.integers(-2, 10**20) | st.floats() | st.sampled_from(CELLS)


@given(
    st.lists(
        st.fixed_dictionaries({"pretrain_tokens": scalars, "bleu": scalars, "task": scalars}), max_size=5
    )
)
@settings(max_examples=40)
def test_random_data_frames(records: list[Mapping[str, object]]) -> None:
    attempt(pd.DataFrame(records))


names = st.sampled_from(["a", "b", "a+b", "task", "line", "bleu", "metric", "+"]) | cells
conditions = st.tuples(names, st.sampled_from(["=", "!=", ">", "<=", "|", "=="]), cells).map("".join)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "columns": st.dictionaries(st.sampled_from(COLUMNS) | cells, names),
        "curve": st.lists(names, max_size=3),
        "where": st.lists(conditions, max_size=2),
        "axis": st.sampled_from(["pretrain_tokens", "finetune_tokens", "a", ""]),
    },
)


@given(options=OPTIONS)
@settings(max_examples=300)
def test_random_options(folder: Path, options: dict[str, Sequence[str]]) -> None:
    path = folder / "options.csv"
    path.write_text(
        "pretrain_tokens,a,b,bleu,line,1\n1,x,1,20,5,1\n2,x,2,21,6,1\n1,y,,20,7,1\n2,y,1,21,8,2\n"
    )
    attempt(path, **options)
