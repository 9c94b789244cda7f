"""From a file, a folder or a data frame to a table of text cells; nothing is interpreted yet."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bayesscale.metrics.problems import MetricsError, Problem
from bayesscale.metrics.sources.cells import TextTable
from bayesscale.metrics.sources.delimited import read_delimited
from bayesscale.metrics.sources.documents import read_document
from bayesscale.metrics.sources.drawn import drawn_tables, read_drawn
from bayesscale.metrics.sources.kinds import EVENTS, no_table, no_table_text
from bayesscale.metrics.sources.paths import with_path
from bayesscale.metrics.sources.records import read_frame, read_json_lines, read_pairs

_LARGEST = 25_000_000
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_JSON = {".jsonl", ".ndjson", ".json"}
_IN_FOLDERS = {".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet", ".pq"}
_MOST_FILES = 10_000


def load_table(source: str | os.PathLike[str] | pd.DataFrame, pattern: str | None = None) -> TextTable:
    """Return the cells of a file, of the files of a folder, or of a data frame, as text.

    The fields of `pattern` in the paths become columns. MetricsError where the source cannot be read at
    all; rows that cannot be read are in the table's `problems`.
    """
    if isinstance(source, pd.DataFrame):
        return with_path(read_frame(source, "DataFrame"), pattern)
    name = os.fspath(source)
    if not name:
        _refuse(name, "readable", "the name of the file is empty; name a file or a folder of scores")
    try:
        folder = Path(name).is_dir()
    except (OSError, ValueError):  # no name that a file can have; opening it says why
        folder = False
    table = _read_folder(name) if folder else _read_file(name)
    return with_path(table, pattern)


def _read_file(name: str) -> TextTable:
    """Return the cells of one file."""
    content = _content(name)
    suffix = Path(name).suffix.lower()
    if content.startswith(b"PAR1") or suffix in {".parquet", ".pq"}:
        return _parquet(name, content)
    text = _text(name, content)
    if not text.strip():
        _refuse(name, "not-empty", "the file is empty; write a header and a row for each score")
    if suffix not in _JSON and (pairs := read_pairs(text, name)):
        return pairs
    if suffix not in {*_JSON, ".md"} and (what := no_table_text(text)):
        _refuse(name, "format", f"the file is {what}")
    if suffix in _JSON or text.lstrip()[0] in "{[":
        return read_document(text, name) or read_json_lines(text, name)
    if (tables := drawn_tables(text)) and (suffix == ".md" or tables[0][0] == _first_line(text)):
        return read_drawn(text, name)
    return read_delimited(text, name, "\t" if suffix == ".tsv" else None)


def _first_line(text: str) -> int:
    """Return the position of the first line that is neither empty nor a keyword of org-mode."""
    lines = text.splitlines()
    return next(n for n, line in enumerate(lines) if line.strip() and not line.startswith("#"))


def _read_folder(name: str) -> TextTable:
    """Return the cells of the files of a folder one below the other, with their paths."""
    root = Path(name)
    paths = [
        path
        for path in sorted(root.rglob("*"))
        if path.suffix.lower() in _IN_FOLDERS and not _hidden(path.relative_to(root)) and path.is_file()
    ]
    if len(paths) > _MOST_FILES:
        _refuse(name, "readable", f"the folder has {len(paths):,} files; name the part that has the scores")
    chosen = _chosen_files(root, paths)
    tables: list[TextTable] = []
    left_out = 0
    for path in chosen:
        try:
            tables.append(_read_file(str(path)))
        except MetricsError as error:
            if len(chosen) == 1 or error.problems[0].rule not in ("format", "not-empty"):
                raise
            left_out += 1
    if not tables and any(root.rglob("*.tfevents.*")):
        _refuse(name, "format", f"the folder has {EVENTS}")
    if not tables:
        kinds = "lm-evaluation-harness results, trainer_state.json, all_results.json, CSV, JSONL or Parquet"
        _refuse(name, "readable", f"this is a directory with no file of scores in it; there may be: {kinds}")
    return _joined(root, tables, left_out, len(paths) - len(chosen))


def _hidden(path: Path) -> bool:
    """Return whether a file, or a folder that it is in, is hidden: such folders have no scores."""
    return any(part.startswith(".") for part in path.parts)


def _chosen_files(root: Path, paths: list[Path]) -> list[Path]:
    """Return the files of scores among those of a folder: of one kind, the most telling first."""
    for name in ("trainer_state.json", "all_results.json", "eval_results.json"):
        if found := [path for path in paths if path.name == name]:
            return _last_of_each_run(root, found) if name == "trainer_state.json" else found
    results = [path for path in paths if path.name.startswith("results") and path.suffix == ".json"]
    kinds: tuple[Callable[[Path], bool], ...] = (
        lambda path: path in results,
        lambda path: path.suffix == ".json" and not path.name.startswith(("samples", "config")),
        lambda path: path.suffix in {".jsonl", ".ndjson"} and not path.name.startswith("samples"),
        lambda path: path.suffix in {".csv", ".tsv"},
    )
    return next((found for kind in kinds if (found := list(filter(kind, paths)))), paths)


def _last_of_each_run(root: Path, states: list[Path]) -> list[Path]:
    """Return the last trainer_state.json of each run: every checkpoint repeats the history before it."""
    runs: dict[Path, list[tuple[int, Path]]] = {}
    for path in states:
        folder, _, step = path.parent.name.partition("checkpoint-")
        at_checkpoint = folder == "" and step.isdigit() and path.parent != root
        run = path.parent.parent if at_checkpoint else path.parent
        runs.setdefault(run, []).append((int(step) if at_checkpoint else 10**12, path))
    return [max(found)[1] for found in runs.values()]


def _joined(root: Path, tables: list[TextTable], left_out: int, others: int) -> TextTable:
    """Return several tables as one; the index counts its rows."""
    parts = [t.cells.assign(path=str(Path(t.name).relative_to(root))) for t in tables]
    cells = pd.concat(parts, ignore_index=True).fillna("").astype(object)
    cells.index = pd.RangeIndex(1, len(cells) + 1)
    kinds = dict.fromkeys(note for table in tables for note in table.notes)
    notes = [f"{len(tables):,} files of the folder were read", *kinds]
    if left_out:
        notes.append(f"{left_out:,} files hold no scores and were left out")
    if others:
        notes.append(f"{others:,} files of other kinds were not read")
    problems = tuple(problem for table in tables for problem in table.problems)
    made_up = tuple(dict.fromkeys(name for table in tables for name in table.made_up))
    typed = all(table.typed for table in tables)
    return TextTable(
        str(root), cells, "record", problems, tuple(notes), typed=typed, made_up=(*made_up, "path")
    )


def _refuse(name: str, rule: str, hint: str, value: str | None = None, line: int | None = None) -> NoReturn:
    """Raise the one problem that keeps the whole file from being read."""
    raise MetricsError(name, [Problem(line, None, rule, value, hint)])


def _content(name: str) -> bytes:
    """Return the bytes of a file of acceptable size."""
    path = Path(name)
    try:
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
        _refuse_size(name, f"more than {_LARGEST / 1e6:g} MB")
    return content


def _refuse_size(name: str, size: str) -> NoReturn:
    """Raise the problem of a file that is too large to be what it should be."""
    hint = (
        "a table of scores is small: is this the log of every training step? Keep the rows of evaluations, "
        "in pandas: frame.dropna(subset=['eval_loss']).to_csv('small.csv'), or those of every 1,000th step: "
        "frame[frame['step'] % 1000 == 0].to_csv('small.csv')"
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
        table = pq.read_table(io.BytesIO(content))
        table.validate(full=True)  # text that is no text would only show where cells are read
        frame = table.to_pandas()
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        _refuse(name, "format", f"the file cannot be read as Parquet ({reason}); write it again or use CSV")
    return read_frame(frame, name)


def _text(name: str, content: bytes) -> str:
    """Return the file as text; refuse binary files and other encodings than UTF-8."""
    if hint := no_table(content):
        _refuse(name, "format", f"the file is {hint}")
    nul = content.count(b"\0")
    # Text in UTF-16 without its mark: every second byte of Latin letters is NUL.
    if content.startswith(_UTF_16) or nul > 0.4 * len(content) > 0:
        # Without its mark, the first byte of Latin letters is NUL where the large end comes first.
        end = "" if content.startswith(_UTF_16) else "BE" if content[:1] == b"\0" else "LE"
        hint = f"the file seems to be UTF-16; convert it: iconv -f UTF-16{end} -t UTF-8 FILE > NEW"
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
