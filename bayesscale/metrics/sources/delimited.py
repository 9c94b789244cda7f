"""CSV and TSV as text cells; line numbers are those that an editor shows."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator

import pandas as pd

from bayesscale.metrics.problems import MetricsError, Problem
from bayesscale.metrics.sources.cells import TextTable

_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}


def read_delimited(text: str, name: str, separator: str | None = None) -> TextTable:
    """Return the cells of a text with a header and a separator.

    Parameters
    ----------
    text : str
        The file's content.
    name : str
        The file's name, for messages.
    separator : str, optional
        Default: the one of comma, semicolon and tab that occurs most often in the first line.
    """
    separator = separator or _separator(text)
    problems: list[Problem] = []
    rows = list(_rows(text, separator, problems))
    header_line, header = rows[0] if rows else (1, [])
    body = [(line, row) for line, row in rows[1:] if any(row)]
    problems += _repeated(header, header_line)
    problems += [_ragged(line, row, header) for line, row in body if len(row) != len(header)]
    if not body and not problems:
        hint = "the file has a header and no rows; add a row for each score"
        problems = [Problem(None, None, "not-empty", None, hint)]
    whole = [(line, row) for line, row in body if len(row) == len(header)]
    if not whole:
        raise MetricsError(name, problems)
    cells = pd.DataFrame([row for _, row in whole], columns=header, dtype=object)
    cells.index = pd.Index([line for line, _ in whole])
    cells = cells.loc[:, ~cells.columns.duplicated()].drop(columns="", errors="ignore")
    notes = _notes(separator, len(rows) - 1 - len(body))
    return TextTable(name, cells, "line", tuple(problems), notes, header_line)


def _separator(text: str) -> str:
    """Return the separator that occurs most often in the first line that is not blank."""
    first = text.lstrip("\r\n").partition("\n")[0]
    return max(_SEPARATORS, key=first.count)


def _rows(text: str, separator: str, problems: list[Problem]) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank, each with its first line; stop where quoting is broken."""
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=separator != "\t"
    )
    line = 1
    try:
        for row in reader:
            if len(row) > 1 or any(cell.strip() for cell in row):
                yield line, [cell.strip() for cell in row]
            line = reader.line_num + 1
    except csv.Error as error:
        hint = f"look for a quotation mark that is not closed or stands inside a cell ({error})"
        problems.append(Problem(line, None, "quoting", None, hint))


def _repeated(header: list[str], line: int) -> list[Problem]:
    """Return a problem for each name that occurs more than once in the header."""
    hint = "rename or remove one of the columns"
    repeated = [name for name, count in Counter(header).items() if name and count > 1]
    return [Problem(line, name, "unique-columns", name, hint) for name in repeated]


def _ragged(line: int, row: list[str], header: list[str]) -> Problem:
    """Return the problem of a row that is longer or shorter than the header."""
    hint = (
        "look for a separator too many or too few, a decimal comma, or a comma in a name that is not quoted"
    )
    return Problem(line, None, "column-count", f"{len(row)} cells where the header has {len(header)}", hint)


def _notes(separator: str, empty: int) -> tuple[str, ...]:
    """Say which separator was taken, where it is not the comma or tab, and how many rows held nothing."""
    notes = []
    if separator == ";":
        notes.append("read with the semicolon as separator")
    if empty:
        notes.append(f"{empty:,} rows without any content were left out")
    return tuple(notes)
