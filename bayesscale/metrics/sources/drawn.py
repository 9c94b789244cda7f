"""Tables drawn with bars: Markdown, Jira, org-mode, grids of terminals, what psql and mysql print."""

from __future__ import annotations

import re

from bayesscale.metrics.problems import MetricsError, Problem
from bayesscale.metrics.sources.cells import TextTable, named_cells
from bayesscale.metrics.sources.delimited import nameless, ragged, repeated_names

# Lines of boxes: those that set cells apart are bars, all others parts of rules.
_BOXES = {code: "|" if chr(code) in "│┃┆┇┊┋║╎╏" else "-" for code in range(0x2500, 0x2580)}
_RULE = re.compile(r"[\s|+:=-]*[-=][\s|+:=-]*")
_TAG = re.compile(r"<su[pb]>[^<]*</su[pb]>|</?[a-z]+>", re.IGNORECASE)
_BAR = re.compile(r"(?<!\\)\|")
_JIRA = re.compile(r"\s*\|\|([^|]+\|\|)+\s*")


def drawn_tables(text: str) -> list[list[int]]:
    """Return the positions of the lines of each table, which begins with a header."""
    lines = text.translate(_BOXES).splitlines()
    blocks: list[list[int]] = []
    for number, line in enumerate(lines):
        if "|" in line or (_is_rule(line) and ("+" in line or "-" * 3 in line)):
            blocks += [] if blocks and blocks[-1][-1] == number - 1 else [[]]
            blocks[-1].append(number)
    return [block for block in blocks if _has_header([lines[number] for number in block])]


def _is_rule(line: str) -> bool:
    """Return whether a line is a rule."""
    return _RULE.fullmatch(line) is not None


def _has_header(lines: list[str]) -> bool:
    """Return whether the first row has a rule below it, or is `||a||b||` as in Jira."""
    if _JIRA.fullmatch(lines[0]):
        return True
    first = next((number for number, line in enumerate(lines) if not _is_rule(line)), len(lines))
    return first + 1 < len(lines) and _is_rule(lines[first + 1])


def read_drawn(text: str, name: str) -> TextTable:
    """Return the cells of the only drawn table in a text; emphasis is taken off its cells."""
    lines, (table, *others) = text.translate(_BOXES).splitlines(), drawn_tables(text)
    if is_jira := _JIRA.fullmatch(lines[table[0]]) is not None:
        lines = [line.replace("||", "|") for line in lines]
    if others:
        hint = f"the file has {len(others) + 1} tables; keep the one with the scores in a file of its own"
        raise MetricsError(name, [Problem(others[0][0] + 1, None, "one-table", None, hint)])
    first = next(number for number in table if not _is_rule(lines[number]))
    ends = lines[first].strip().startswith("|"), lines[first].strip().endswith("|")
    header = _cells(lines[first], *ends)
    # A row of dashes that are no rule holds nothing either.
    below = [number for number in table if number > first and not _is_rule(lines[number])]
    rows = [(number + 1, _cells(lines[number], *ends)) for number in below]
    problems = repeated_names(header, first + 1)
    problems += nameless(header, rows, first + 1)
    problems += [ragged(line, row, header) for line, row in rows if len(row) != len(header)]
    whole = {line: row for line, row in rows if len(row) == len(header)}
    if not whole:
        hint = "the table has no rows; add a row for each score"
        raise MetricsError(name, problems or [Problem(first + 1, None, "not-empty", None, hint)])
    is_markdown = "|" in lines[first + 1] and "+" not in lines[first + 1]
    kind = "of Jira" if is_jira else "in Markdown" if is_markdown else "drawn with bars and rules"
    note = f"read as a table {kind}"
    return TextTable(name, named_cells(header, whole), "line", tuple(problems), (note,), first + 1)


def _cells(line: str, begins: bool, ends: bool) -> list[str]:
    """Return the cells of one line; whether bars stand at the ends of the lines."""
    inner = line.strip() if begins or ends else line
    inner = inner.removeprefix("|") if begins else inner
    inner = inner[:-1] if ends and inner.endswith("|") and not inner.endswith("\\|") else inner
    inner = _TAG.sub("", inner)
    return [cell.strip().strip("*_`").replace("\\|", "|").strip() for cell in _BAR.split(inner)]
