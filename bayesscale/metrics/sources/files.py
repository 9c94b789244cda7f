"""From a file or a data frame to a table of text cells with line numbers; nothing is interpreted yet."""

from __future__ import annotations

import io
import os
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn

import pandas as pd
import pyarrow as pa

from bayesscale.metrics.problems import MetricsError, Problem
from bayesscale.metrics.sources.cells import TextTable
from bayesscale.metrics.sources.delimited import read_delimited
from bayesscale.metrics.sources.records import read_frame, read_json_lines

_LARGEST = 100_000_000
_BINARY = {
    b"PK\x03\x04": "a zip archive or an Excel workbook: export the sheet as CSV",
    b"\x1f\x8b": "compressed with gzip: unpack it first (gunzip)",
    b"\xfd7zXZ\x00": "compressed with xz: unpack it first (unxz)",
    b"BZh": "compressed with bzip2: unpack it first (bunzip2)",
    b"\x28\xb5\x2f\xfd": "compressed with zstd: unpack it first (unzstd)",
    b"\x89HDF": "an HDF5 or NetCDF file, perhaps a fit: a metrics table is CSV, TSV, Parquet or JSONL",
    b"SQLite": "a SQLite database: export the table as CSV",
}
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def load_table(source: str | os.PathLike[str] | pd.DataFrame) -> TextTable:
    """Return the cells of a CSV, TSV, Parquet or JSONL file, or of a data frame, as text.

    Raises
    ------
    MetricsError
        The source cannot be read at all. Rows that cannot be read are in the table's `problems`.
    """
    if isinstance(source, pd.DataFrame):
        return read_frame(source, "DataFrame")
    name = os.fspath(source)
    content = _content(name)
    suffix = Path(name).suffix.lower()
    if content.startswith(b"PAR1") or suffix in {".parquet", ".pq"}:
        return _parquet(name, content)
    text = _text(name, content)
    if not text.strip():
        _refuse(name, "not-empty", "the file is empty; write a header and a row for each score")
    if suffix in {".jsonl", ".ndjson", ".json"} or text.lstrip()[0] in "{[":
        return read_json_lines(text, name)
    return read_delimited(text, name, "\t" if suffix == ".tsv" else None)


def _refuse(name: str, rule: str, hint: str, value: str | None = None, line: int | None = None) -> NoReturn:
    """Raise the one problem that keeps the whole file from being read."""
    raise MetricsError(name, [Problem(line, None, rule, value, hint)])


def _content(name: str) -> bytes:
    """Return the bytes of a file of acceptable size."""
    path = Path(name)
    try:
        if path.is_dir():
            _refuse(name, "readable", "this is a directory; name one file in it")
        if (size := path.stat().st_size) > _LARGEST:
            _refuse_size(name, f"{size / 1e6:,.0f} MB")
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except FileNotFoundError:
        _refuse(name, "readable", f"there is no such file{_near(path)}")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        _refuse(name, "readable", f"the file cannot be opened: {reason.lower()}")
    if len(content) > _LARGEST:  # a pipe has no size beforehand
        _refuse_size(name, "more than 100 MB")
    return content


def _refuse_size(name: str, size: str) -> NoReturn:
    """Raise the problem of a file that is too large to be what it should be."""
    hint = (
        "a table of scores is small: is this the log of every training step? Keep one row for each finetuned "
        "checkpoint and metric"
    )
    _refuse(name, "file-size", hint, size)


def _near(path: Path) -> str:
    """Return a hint at a file of nearly the same name, if there is one."""
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return ""
    near = get_close_matches(path.name, names, n=1, cutoff=0.6)
    return f"; did you mean {path.parent / near[0]}?" if near else "; check the name and the folder"


def _parquet(name: str, content: bytes) -> TextTable:
    """Return the cells of a Parquet file."""
    try:
        frame = pd.read_parquet(io.BytesIO(content))
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        _refuse(name, "format", f"the file cannot be read as Parquet ({reason}); write it again or use CSV")
    return read_frame(frame, name)


def _text(name: str, content: bytes) -> str:
    """Return the file as text; refuse binary files and other encodings than UTF-8."""
    for magic, hint in _BINARY.items():
        if content.startswith(magic):
            _refuse(name, "format", f"the file is {hint}")
    nul = content.count(b"\0")
    # Text in UTF-16 without its mark: every second byte of Latin letters is NUL.
    if content.startswith(_UTF_16) or nul > 0.4 * len(content) > 0:
        hint = "the file seems to be UTF-16; convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW"
        _refuse(name, "encoding", hint, "UTF-16")
    if nul:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        _refuse(name, "format", "the file is binary (it holds NUL bytes); export the table as CSV", line=line)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # error.object has lost a byte order mark that the file may begin with; newlines are not affected.
        line = error.object[: error.start].count(b"\n") + 1
        hint = "often it is Latin-1 or Windows-1252; convert it: iconv -f LATIN1 -t UTF-8 FILE > NEW"
        _refuse(name, "encoding", hint, f"byte 0x{error.object[error.start]:02x}", line)
