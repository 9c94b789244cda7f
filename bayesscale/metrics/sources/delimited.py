"""Text with a header and a separator as cells; line numbers are those that an editor shows."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator

from bayesscale.metrics.names.columns import meaning
from bayesscale.metrics.names.scores import score_name
from bayesscale.metrics.problems import MetricsError, Problem
from bayesscale.metrics.sources.cells import TextTable, named_cells

_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_SPACES = "spaces"
_LOOKED_AT, _LONGEST_LINE = 20, 10_000
_SEP_LINE = re.compile(r"\ufeff?\"?sep=(.)\"?\s*")
_COMMENT = re.compile(r"^(?:#|//|%)", re.MULTILINE)
_APART = re.compile(r"\S(?:\s|=|:)+\S")
_RULE = re.compile(r"\s*[-=]{2,}(?:\s+[-=]{2,})*\s*")
_NUMBER = re.compile(r"[+-]?[\d.,_ ]+([eE][+-]?\d+)?\s*[KMBGT%]?|nan|na|", re.IGNORECASE)


def read_delimited(text: str, name: str, separator: str | None = None) -> TextTable:
    """Return the cells of a text with a header and a separator.

    Lines that begin with #, // or % are comments, and `sep=;` in the first line names the separator, as in
    files for spreadsheets. Else it is the one of comma, semicolon, tab and bar by which header and rows
    have the same length; where there is none, columns may be set apart by spaces.
    """
    notes: list[str] = []
    text, first = _without_sep_line(text, notes)
    text = _without_rules(_without_comments(text, notes))
    separator = separator or first or _separator(text)
    problems: list[Problem] = []
    rows = list(_split_by_spaces(text) if separator == _SPACES else _rows(text, separator, problems))
    header_line, header = rows[0] if rows else (1, [])
    body = [(line, row) for line, row in rows[1:] if any(row)]
    two_rows = _two_rows(header, body, header_line)
    if len(header) == 1 and _APART.search(header[0]) and not score_name(header[0]):
        hint = (
            "no comma, semicolon, tab or bar sets cells apart, nor do spaces in every line alike: write CSV, "
            "in pandas by frame.to_csv('table.csv', index=False)"
        )
        raise MetricsError(name, [Problem(header_line, None, "format", header[0], hint)])
    if not two_rows and (second := _second_header(header, body)):
        raise MetricsError(name, [second])
    problems += two_rows or repeated_names(header, header_line)
    problems += _headless(header, header_line)
    widths = {len(list(filter(None, row)) if len(row) == len(header) else row) for _, row in body}
    titles = [cell for cell in header if cell]
    if titles == header[:1] and len(body) > 1 and len(widths) == 1 and widths != {1}:
        hint = f"all other rows have {widths.pop()} cells: if this is a title, delete the line"
        raise MetricsError(name, [Problem(header_line, None, "header", titles[0], hint)])
    problems += [ragged(line, row, header) for line, row in body if len(row) != len(header)]
    if not body and not problems:
        hint = "the file has a header and no rows; add a row for each score"
        problems = [Problem(None, None, "not-empty", None, hint)]
    problems += [] if two_rows else nameless(header, body, header_line)
    whole = {line: row for line, row in body if len(row) == len(header)}
    if not whole:
        raise MetricsError(name, problems)
    cells = named_cells(header, whole)
    notes += _notes(separator, len(rows) - 1 - len(body))
    return TextTable(name, cells, "line", tuple(problems), tuple(notes), header_line, separator=separator)


def _without_sep_line(text: str, notes: list[str]) -> tuple[str, str | None]:
    """Blank a first line such as `sep=;` and return the separator that it names."""
    first, newline, rest = text.partition("\n")
    match = _SEP_LINE.fullmatch(first)
    if not match:
        return text, None
    notes.append(f"the first line, {first.strip()}, was taken for the separator")
    return newline + rest, match[1]


def _without_comments(text: str, notes: list[str]) -> str:
    """Blank the lines that begin with #, // or %, unless one is the header, as NumPy writes it."""
    if not re.search(_COMMENT, text):
        return text
    lines = text.split("\n")
    comments = [number for number, line in enumerate(lines) if re.match(_COMMENT, line)]
    plain = [number for number, line in enumerate(lines) if line.strip() and number not in set(comments)]
    before = [number for number in comments if plain and number < plain[0]]
    # A percent sign may be part of a name.
    if before and _is_header(header := lines[before[-1]].lstrip("#/ "), lines[plain[0]]):
        lines[before[-1]] = header
        comments.remove(before[-1])
    for number in comments:
        lines[number] = ""
    if comments:
        notes.append(f"{len(comments):,} lines that begin with #, // or % were taken for comments")
    return "\n".join(lines)


def _is_header(comment: str, first: str) -> bool:
    """Return whether a comment names the columns of the first row, which has numbers."""
    separator = _separator(first)
    split = str.split if separator == _SPACES else lambda line: line.split(separator)
    names, cells = split(comment), split(first)
    has_numbers = any(_NUMBER.fullmatch(cell.strip()) and cell.strip() for cell in cells)
    return (
        len(names) == len(cells) > 1 and has_numbers and not any(_NUMBER.fullmatch(n.strip()) for n in names)
    )


def _without_rules(text: str) -> str:
    """Blank the lines of dashes or equals signs around a header whose columns spaces set apart."""
    lines = text.split("\n")
    rules = {number for number, line in enumerate(lines) if _RULE.fullmatch(line)}
    first = [number for number, line in enumerate(lines) if line.strip()][:2]
    return (
        "\n".join("" if n in rules else line for n, line in enumerate(lines)) if rules & set(first) else text
    )


def _separator(text: str) -> str:
    """Return the separator by which most of the first rows are as long as the header; the longest header."""
    lines = [line for line in text.splitlines() if line.strip()]
    first = lines[0] if lines else ""
    looked_at = [line[:_LONGEST_LINE] for line in lines[:_LOOKED_AT]]

    def fit(separator: str) -> tuple[int, int]:
        widths = [len(row) for row in csv.reader(looked_at, delimiter=separator)]
        return (widths.count(widths[0]), widths[0]) if widths and widths[0] > 1 else (0, 0)

    if any(separator in first for separator in _SEPARATORS):
        return max(_SEPARATORS, key=fit)
    rows = _with_index([line.split() for line in lines])
    return _SPACES if len(set(map(len, rows))) == 1 and len(first.split()) > 1 else ","


def _with_index(rows: list[list[str]]) -> list[list[str]]:
    """Return rows with a nameless first column where pandas printed the number of each row there."""
    header, *body = rows or [[]]
    printed = [row[0] for row in body] == [str(number) for number in range(len(body))]
    longer = all(len(row) == len(header) + 1 for row in body)
    return [["", *header], *body] if body and printed and longer else rows


def _split_by_spaces(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of columns that spaces set apart."""
    lines = [line for line, row in enumerate(text.splitlines(), start=1) if row.strip()]
    yield from zip(lines, _with_index([row.split() for row in text.splitlines() if row.strip()]), strict=True)


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


def repeated_names(header: list[str], line: int) -> list[Problem]:
    """Return a problem for each name that occurs more than once in the header."""
    hint = "rename or remove one of the columns"
    repeated = [name for name, count in Counter(header).items() if name and count > 1]
    return [Problem(line, name, "unique-columns", name, hint) for name in repeated]


def _two_rows(header: list[str], body: list[tuple[int, list[str]]], line: int) -> list[Problem]:
    """Return the problem of names in two rows, as merged cells and levels of pandas have them."""
    rows = [[cell for cell in row if cell] for _, row in body[:3]]
    words = [not any(map(_NUMBER.fullmatch, cells)) for cells in rows]
    if len(set(filter(None, header))) == len(header) or len(words) < 2 or not words[0] or all(words):
        return []
    hint = (
        "names stand in two rows: write one row, such as 'en-de BLEU'; in pandas, before to_csv: "
        "frame.columns = frame.columns.map(' '.join)"
    )
    return [Problem(line, None, "header", ", ".join(header), hint)]


def _second_header(header: list[str], body: list[tuple[int, list[str]]]) -> Problem | None:
    """Return the problem of another header among the rows, which begins a second table."""
    names = {name.casefold() for name in header if name}
    for line, row in body[1:]:
        cells = [cell for cell in row if cell]
        if len(cells) < 2 or any(map(_NUMBER.fullmatch, cells)) or row == header:
            continue
        again = [cell for cell in cells if cell.casefold() in names]
        known = [cell for cell in cells if cell in again or score_name(cell) or meaning(cell)]
        if again and len(known) == len(cells):
            hint = "this line is a second header: put the table that it begins into a file of its own"
            return Problem(line, None, "one-table", ", ".join(row), hint)
    return None


def _headless(header: list[str], line: int) -> list[Problem]:
    """Return the problem of a file that begins with numbers."""
    named = [name for name in header if name]
    if not named or not all(_NUMBER.fullmatch(name) for name in named):
        return []
    hint = "the first row has numbers only; write the names of the columns above it"
    return [Problem(line, None, "header", ", ".join(header), hint)]


def ragged(line: int, row: list[str], header: list[str]) -> Problem:
    """Return the problem of a row that is longer or shorter than the header."""
    hint = (
        "look for a separator too many or too few, a decimal comma, or a comma in a name that is not quoted"
    )
    return Problem(line, None, "column-count", f"{len(row)} cells where the header has {len(header)}", hint)


def nameless(header: list[str], body: list[tuple[int, list[str]]], line: int) -> list[Problem]:
    """Return the problem of columns after the first with words or numbers and no name."""
    rows = [row for _, row in body if len(row) == len(header)]
    # Arrows and the sign ± stand in columns of their own.
    filled = [
        n for n, name in enumerate(header) if n and not name and any(re.search(r"\w", row[n]) for row in rows)
    ]
    hint = f"column {filled[-1] + 1} has content and no name; name it" if filled else ""
    return [Problem(line, None, "header", ", ".join(header), hint)] if filled else []


def _notes(separator: str, empty: int) -> list[str]:
    """Say which separator was taken, where it is not the comma or tab, and how many rows held nothing."""
    notes = []
    if separator not in ",\t":
        word = "spaces" if separator == _SPACES else f"the {_SEPARATORS.get(separator, repr(separator))}"
        notes.append(f"read with {word} as separator")
    if empty:
        notes.append(f"{empty:,} rows without any content were left out")
    return notes
