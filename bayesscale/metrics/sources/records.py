"""JSONL, Parquet and data frames as text cells."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from typing import Any

import pandas as pd

from bayesscale.metrics.problems import MetricsError, Problem
from bayesscale.metrics.sources.cells import TextTable


def read_json_lines(text: str, name: str) -> TextTable:
    """Return the cells of a text with one JSON object a line; blank lines are skipped."""
    problems: list[Problem] = []
    rows: dict[int, dict[str, str]] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                rows[number] = _record(line)
            except (ValueError, RecursionError) as error:
                hint = f"write one JSON object a line ({_reason(error)})"
                problems.append(Problem(number, None, "format", line, hint))
    if not rows:
        raise MetricsError(name, problems)
    return _table(rows, name, problems, typed=not has_quoted_numbers(text))


_GROUPED = r"\d{1,3}(?:,\d{3})+(?![^\s;|])"
_PAIR = rf"([A-Za-z_][\w./@%+-]*)(?:\s*[=:]\s*|[ \t]+(?=[-+]?\.?\d))(\"[^\"]*\"|{_GROUPED}|[^\s,;|=\"]+)"
_PAIRS = re.compile(rf"\s*{_PAIR}(?:[\s,;|]+{_PAIR})*[\s,;|]*")


def read_pairs(text: str, name: str) -> TextTable | None:
    """Return the cells of lines such as `step=100 loss=2.3` or `step 100 loss 2.3`; None for others."""
    if not re.match(rf"\s*{_PAIR}", text):
        return None
    lines = {number: line for number, line in enumerate(text.split("\n"), start=1) if line.strip()}
    if len(lines) < 2 or not all(map(_PAIRS.fullmatch, lines.values())):
        return None
    if all(len(re.findall(_PAIR, line)) < 2 for line in lines.values()):
        return None  # the members of one row, one a line
    problems: list[Problem] = []
    rows: dict[int, dict[str, str]] = {}
    for number, line in lines.items():
        try:
            rows[number] = unique_members([(key, value.strip('"')) for key, value in re.findall(_PAIR, line)])
        except ValueError as error:
            problems.append(Problem(number, None, "format", line, f"write every name once: {error}"))
    return _table(rows, name, problems, typed=False) if rows else None


def _table(rows: dict[int, dict[str, str]], name: str, problems: list[Problem], *, typed: bool) -> TextTable:
    """Return rows of named cells by line; a row need not have all of them."""
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    cells = pd.DataFrame.from_dict(rows, orient="index", columns=columns, dtype=object).fillna("")
    return TextTable(name, cells.astype(object), problems=tuple(problems), typed=typed)


_NUMBER = r"\s*[+-]?\d[\d.,]*[.,]\d+\s*[KMBGT%]?\s*"
_QUOTED_NUMBER = re.compile(rf'"{_NUMBER}"(?!\s*:)', re.IGNORECASE)


def has_quoted_numbers(text: str) -> bool:
    """Return whether JSON has numbers as text, in which a point may separate thousands."""
    return _QUOTED_NUMBER.search(text) is not None


def _record(line: str) -> dict[str, str]:
    """Return one object's members as text; numbers stay as they are written."""
    if line.lstrip().startswith("{'"):  # as Python prints it
        try:
            line = json.dumps(ast.literal_eval(line.strip()))
        except (ValueError, SyntaxError, TypeError):
            raise ValueError("not a dictionary of text and numbers: print it by json.dumps") from None
    record = json.loads(
        line, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=unique_members
    )
    if not isinstance(record, dict):
        raise ValueError("not an object")
    return {key: text for name, value in record.items() for key, text in _members(name.strip(), value)}


def _members(name: str, value: Any) -> list[tuple[str, str]]:
    """Return a member as text; the members of a nested object under names with a dot."""
    if isinstance(value, dict) and value:
        return [pair for key, inner in value.items() for pair in _members(f"{name}.{key.strip()}", inner)]
    return [(name, json_text(value))]


def _reason(error: Exception) -> str:
    """Return what is wrong with a line; the decoder's own message would speak of its line 1."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos + 1}"
    return "it holds half a surrogate pair" if isinstance(error, UnicodeError) else str(error)


def unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that gives one name twice."""
    repeated = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
    if repeated:
        raise ValueError(f"the name {repeated[0]!r} occurs twice")
    return dict(pairs)


def json_text(value: Any) -> str:
    """Return a JSON value as the text of a cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)  # as pandas writes it to CSV
    if not isinstance(value, str):
        return json.dumps(value)
    value.encode()  # raises for half a surrogate pair, which no file could store again
    return value.strip()


def read_frame(frame: pd.DataFrame, name: str) -> TextTable:
    """Return the cells of a data frame; records count from 1. Named levels of the index become columns."""
    levels = [level for level in frame.index.names if level is not None and level not in frame.columns]
    table = frame.reset_index(level=levels).reset_index(drop=True) if levels else frame.reset_index(drop=True)
    table.columns = pd.Index([str(column).strip() for column in table.columns], dtype=object)
    repeated = table.columns[table.columns.duplicated()].unique()
    hint = "rename or remove one of the columns"
    problems = [Problem(None, column, "unique-columns", column, hint) for column in repeated]
    if table.empty:
        hint = "the table has no rows; add a row for each score"
        raise MetricsError(name, [Problem(None, None, "not-empty", None, hint)], "record")
    table = table.loc[:, ~table.columns.duplicated()]
    # The digits that single precision has, not those that double precision gives it: 0.4, not 0.4000000059.
    narrow = table.select_dtypes(["float32", "float16"])
    own = {str(name): [float(str(cell)) for cell in narrow[name].to_numpy()] for name in narrow}
    cells = table.assign(**own).astype(object).map(_cell_text)
    cells.index = pd.RangeIndex(1, len(cells) + 1)
    texts = (cell for column in table.select_dtypes(["object", "string"]) for cell in table[column])
    as_text = any(isinstance(cell, str) and re.fullmatch(_NUMBER, cell, re.IGNORECASE) for cell in texts)
    return TextTable(name, cells, unit="record", problems=tuple(problems), typed=not as_text)


def _cell_text(cell: Any) -> str:
    """Return a cell as text; nothing for what is missing, no decimal point for what is whole."""
    if pd.api.types.is_scalar(cell) and pd.isna(cell):
        return ""
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(float(cell))
    return str(cell).strip()
