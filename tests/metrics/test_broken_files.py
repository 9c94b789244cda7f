"""Files and headers that are no metrics table: the rule and the remedy that a person is told."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bayesscale.metrics.problems import MetricsError, Problem
from bayesscale.metrics.read import read_metrics

Check = Callable[..., None]
ProblemsOf = Callable[..., tuple[Problem, ...]]
Written = Callable[..., Path]

HEADER = "pretrain_tokens,bleu,task\n"
GOOD = HEADER + "1e9,20,t\n1e10,25,t\n"


def _bad_text() -> bytes:
    """Return a Parquet file one cell of which is no UTF-8."""
    file = io.BytesIO()
    pd.DataFrame({"pretrain_tokens": [1e9, 1e10], "bleu": ["20", "2?5"]}).to_parquet(file)
    return file.getvalue().replace(b"2?5", b"2\x865")


HEADERS = {
    "misspelt size": (
        "pretrain_token,bleu",
        "pretrain_tokens",
        "--columns pretrain_tokens=pretrain_token",
    ),
    "other axis": ("finetune_tokens,bleu", "pretrain_tokens", "--axis finetune_tokens"),
    "no metric": ("pretrain_tokens,x", "metric and value", "valid: acc_norm, accuracy"),
    "metric and value by other names": (
        "pretrain_tokens,key,score",
        "metric and value",
        "--columns metric=key,value=score",
    ),
    "tasks as columns": ("pretrain_tokens,en-de BLEU", "metric and value", "--melt task or --melt mixture"),
    "value without metric": ("pretrain_tokens,value", "metric", "give the table columns metric and value"),
    "metric without value": ("pretrain_tokens,metric", "value", "give the table columns metric and value"),
}


@pytest.mark.parametrize(("header", "column", "remedy"), HEADERS.values(), ids=HEADERS.keys())
def test_headers_that_lack_a_column(
    check: Check, written: Written, header: str, column: str, remedy: str
) -> None:
    received = ", ".join(sorted(header.split(",")))
    row = ",".join("12"[: header.count(",") + 1].ljust(header.count(",") + 1, "3"))
    check(written(f"\n{header}\n{row}\n"), (2, column, "required-columns", received, remedy))


def test_a_header_that_lacks_everything(problems_of: ProblemsOf, written: Written) -> None:
    problems = problems_of(written("a,b\n1,2\n"))
    assert [problem.column for problem in problems] == ["metric and value", "pretrain_tokens"]


def test_two_columns_for_one_metric(check: Check, written: Written) -> None:
    found = (1, "loss", "one-column-a-metric", "ce, loss", "choose one: --columns cross_entropy=ce")
    check(written("pretrain_tokens,ce,loss\n1,2,3\n2,1,2\n"), found)


def test_a_repeated_column(check: Check, written: Written) -> None:
    text = "pretrain_tokens,bleu,bleu\n1,20,21\n2,30,x\n"
    check(written(text), (1, "bleu", "unique-columns", "bleu", "rename or remove"))
    frame = pd.DataFrame([[1, 20, 20], [2, 30, 30]], columns=["pretrain_tokens", "bleu", "bleu"])
    with pytest.raises(MetricsError, match="every column name occurs once"):
        read_metrics(frame)


def test_a_wide_table_without_scores(check: Check, written: Written) -> None:
    found = (None, None, "not-empty", None, "no row has a score")
    check(written("pretrain_tokens,bleu\n1,\n2,NA\n"), found)


FILES: dict[str, tuple[str, bytes, int | None, str, str | None, str]] = {
    "empty": ("m.csv", b"", None, "not-empty", None, "the file is empty"),
    "blank": ("m.csv", b" \n\r\n\t\n", None, "not-empty", None, "the file is empty"),
    "only a mark": ("m.csv", b"\xef\xbb\xbf", None, "not-empty", None, "the file is empty"),
    "header only": ("m.csv", HEADER.encode(), None, "not-empty", None, "add a row for each score"),
    "header and commas": ("m.csv", HEADER.encode() + b",,\n", None, "not-empty", None, "add a row"),
    "UTF-16": ("m.csv", GOOD.encode("utf-16"), None, "encoding", "UTF-16", "iconv -f UTF-16 -t UTF-8"),
    "UTF-16 without mark": ("m.csv", GOOD.encode("utf-16-le"), None, "encoding", "UTF-16", "iconv -f UTF"),
    "Latin-1": ("m.csv", (GOOD + "français").encode("latin-1"), 4, "encoding", "byte 0xe7", "-f LATIN1"),
    "Latin-1 after a mark": ("m.csv", b"\xef\xbb\xbfa\n\n\xe9", 3, "encoding", "byte 0xe9", "-f LATIN1"),
    "binary": ("m.csv", GOOD.encode() + b"\x00\x01", 4, "format", None, "the file is binary"),
    "gzip": ("m.csv", gzip.compress(GOOD.encode()), None, "format", None, "gunzip"),
    "PDF": ("m.pdf", b"%PDF-1.5\n%\xd0\xd4", None, "format", None, "a PDF"),
    "pickle": ("m.pkl", b"\x80\x04\x95abc\0", None, "format", None, "pandas.read_pickle(FILE).to_csv"),
    "NumPy": ("m.npy", b"\x93NUMPY\x01\0v\0", None, "format", None, "numpy.load(FILE)"),
    "Feather": ("m.feather", b"ARROW1\0\0", None, "format", None, "pandas.read_feather(FILE).to_csv"),
    "events": ("events", b"\x18" + b"\0" * 20 + b"\x0dbrain.Event:2", None, "format", None, "tbparse"),
    "HTML": ("m.csv", b"<!DOCTYPE html>\n<p>a,b\n", None, "format", None, "pandas.read_html(FILE)[0]"),
    "XML": ("m.xml", b"<?xml version='1.0'?>\n<a/>", None, "format", None, "pandas.read_xml(FILE)"),
    "LaTeX": ("m.tex", b"% by hand\n\\begin{tabular}{lr}\na & b \\\\\n", None, "format", None, "tabs for &"),
    "rows of LaTeX": ("m.txt", b"tokens & bleu \\\\\n1 & 2 \\\\\n", None, "format", None, "tabs for &"),
    "YAML": ("m.yaml", b"- tokens: 1\n  bleu: 2\n", None, "format", None, "yaml.safe_load"),
    "TOML": ("m.toml", b"[[row]]\ntokens = 1\n", None, "format", None, "tomllib"),
    "SQL": ("m.sql", b"INSERT INTO t VALUES (1,2);\n", None, "format", None, "export what it selects"),
    "a log": ("m.log", b"A\nstep=1 loss=3.2\nstep=2 loss=3\n", None, "format", None, "one JSON object"),
    "a frame as printed": ("m.txt", b"  tokens  bleu\nx  1  2\n", 1, "format", "tokens  bleu", ".to_csv("),
    "workbook": ("m.xlsx", b"PK\x03\x04....", None, "format", None, "export the sheet as CSV"),
    "NetCDF": ("fit.nc", b"\x89HDF\r\n\x1a\n", None, "format", None, "perhaps a fit"),
    "no Parquet": ("m.parquet", GOOD.encode(), None, "format", None, "cannot be read as Parquet"),
    "no text in Parquet": ("m.parquet", _bad_text(), None, "format", None, "Invalid UTF8 sequence"),
    "cut Parquet": ("m.parquet", b"PAR1" + b"\x00" * 50, None, "format", None, "cannot be read as Parquet"),
    "JSON without rows": ("m.json", b'{"a": {"b": ["c"], "d": "e"}}', None, "format", None, "its keys: a"),
    "JSON of text": ("m.json", b'["a",\n"b"]', None, "format", None, "without objects in it"),
    "broken JSON": ("m.json", b'{\n"a": 1,\n', 3, "format", None, "one JSON document that is broken"),
    "not JSON": ("m.jsonl", b"\nnonsense\n", 2, "format", "nonsense", "Expecting value at character 1"),
    "no object": ("m.jsonl", b"{}\n3\n", 2, "format", "3", "not an object"),
    "twice a name": ("m.jsonl", b'{"a": 1, "a": 2}', 1, "format", '{"a": 1, "a": 2}', "'a' occurs twice"),
    "half a character": ("m.jsonl", b'{"a": "\\ud800"}', 1, "format", '{"a": "\\ud800"}', "surrogate"),
    "deep": ("m.jsonl", b"{" + b'"a":[' * 99999, 1, "format", "{" + '"a":[' * 99999, "one JSON object"),
    "long cell": ("m.csv", GOOD.encode() + b'"' + b"x" * 200000, 4, "quoting", None, "not closed"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "line", "rule", "value", "remedy"), FILES.values(), ids=FILES.keys()
)
def test_files_that_are_no_table(
    problems_of: ProblemsOf,
    written: Written,
    name: str,
    content: bytes,
    line: int | None,
    rule: str,
    value: str | None,
    remedy: str,
) -> None:
    problems = problems_of(written(content, name))
    matching = [p for p in problems if (p.line, p.rule, p.value) == (line, rule, value)]
    assert [remedy in problem.hint for problem in matching] == [True]


DRAWN = {
    "psql": " tokens | bleu\n--------+------\n 1000   | 20.1\n 2000   |\n 4000   | 21.2\n(3 rows)\n",
    "mysql": "+----+----+\n|tokens|bleu|\n+----+----+\n|1000|20.1|\n|4000|21.2|\n+----+----+\n2 rows\n",
    "org": "#+caption: x\n|tokens|bleu|\n|------+----|\n|1000|*20.1*|\n|----+----|\n|4000|21.2|\n",
    "grid": "+-----+\n|tokens|bleu|\n+====+====+\n|1000|20.1|\n+----+----+\n|4000|21.2|\n+----+----+\n",
    "box": "┌──────┬────┐\n│tokens┆bleu│\n╞══════╪════╡\n│1000┆20.1│\n│4000┆21.2│\n└──────┴────┘\n",
    "spaces": "  tokens    bleu\n--------  ------\n    1000    20.1\n    4000    21.2\n",
    "reStructuredText": "====  ====\ntokens  bleu\n====  ====\n1000  20.1\n4000  21.2\n====  ====\n",
    "slashes": "// mine\ntokens,bleu\n1000,20.1\n// doubtful, 3\n4000,21.2\n",
    "percent signs": "% mine, 2026\ntokens,bleu\n1000,20.1\n4000,21.2\n",
    "a header behind a mark": "# tokens,bleu,note\n1000,20.1,a\n4000,21.2,b\n",
}


@pytest.mark.parametrize("text", DRAWN.values(), ids=DRAWN.keys())
def test_tables_as_terminals_and_editors_draw_them(written: Written, text: str) -> None:
    frame = read_metrics(written(text, "m.txt"), columns={"pretrain_tokens": "tokens"}).frame
    assert frame[["pretrain_tokens", "value"]].to_numpy().tolist() == [[1000, 20.1], [4000, 21.2]]


@pytest.mark.parametrize("first", ["Results:", "copy of bleu", "select", "a&b", "note: x"])
def test_a_header_that_begins_like_another_format_is_a_header(written: Written, first: str) -> None:
    text = f"{first},tokens,bleu\nx,1000,20.1\nx,4000,21.2\n"
    assert len(read_metrics(written(text), columns={"pretrain_tokens": "tokens"}).frame) == 2


def test_a_folder_of_events_is_refused_with_a_way_on(check: Check, tmp_path: Path) -> None:
    (tmp_path / "events.out.tfevents.1.host").write_bytes(b"\0")
    check(tmp_path, (None, None, "format", None, "tbparse"))


def test_a_real_workbook_is_refused(problems_of: ProblemsOf, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.csv", "w") as archive:
        archive.writestr("sheet.xml", "<a/>")
    assert problems_of(tmp_path / "m.csv")[0].rule == "format"


def test_a_directory(check: Check, tmp_path: Path) -> None:
    check(tmp_path, (None, None, "readable", None, "a directory with no file of scores in it"))


def test_hidden_folders_have_no_scores(check: Check, tmp_path: Path) -> None:
    (tmp_path / ".venv" / "lib").mkdir(parents=True)
    (tmp_path / ".venv" / "lib" / "scores.csv").write_text(GOOD)
    check(tmp_path, (None, None, "readable", None, "a directory with no file of scores in it"))
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "scores.csv").write_text(GOOD)
    assert len(read_metrics(tmp_path).frame) == len(read_metrics(tmp_path / "lib" / "scores.csv").frame)


def test_an_empty_name_is_not_the_present_folder(problems_of: ProblemsOf) -> None:
    assert ["name a file or a folder" in problem.hint for problem in problems_of("")] == [True]


def test_a_missing_file(check: Check, written: Written, tmp_path: Path) -> None:
    written(GOOD, "metrics.csv")
    found = (None, None, "readable", None, f"did you mean {tmp_path / 'metrics.csv'}?")
    check(tmp_path / "metric.csv", found)
    check(tmp_path / "no" / "m.csv", (None, None, "readable", None, "there is no such file"))


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000])
def test_names_that_no_file_can_have(name: str) -> None:
    with pytest.raises(MetricsError, match="a file that can be read"):
        read_metrics(name)


def test_a_large_file_is_refused_before_it_is_read(check: Check, tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    with path.open("wb") as file:
        file.truncate(200_000_000)  # sparse: takes no room, and reading it would find NUL bytes
    check(path, (None, None, "file-size", "200 MB", "Keep the rows of evaluations"))


def test_records_of_parquet_are_counted_from_one(tmp_path: Path) -> None:
    path = tmp_path / "m.parquet"
    pd.DataFrame({"pretrain_tokens": [1.0, 2.0, -3.0], "bleu": [20.0, 22.0, 24.0]}).to_parquet(path)
    with pytest.raises(MetricsError, match=r"record 3: received '-3'") as caught:
        read_metrics(path)
    assert [problem.line for problem in caught.value.problems] == [3]
