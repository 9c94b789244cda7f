"""Tables for people: cells as text, and their columns laid out for a terminal, one row a line."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby, takewhile
from textwrap import wrap
from typing import TYPE_CHECKING, Any
from unicodedata import combining, east_asian_width

from bayesscale.text import number_text, printable, shortened
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    import pandas as pd

SHORT = {"pretrain_tokens": "D_p", "finetune_tokens": "D_f"}
"""Headings of columns, where they are not the names."""
SIZE_COLUMNS = ("pretrain_tokens", "finetune_tokens", "model_params", "cost")
"""Columns of numbers that are written as 130B."""
# Columns of words with their probabilities, of which nothing is cut.
_WHOLE = ("because",)
WIDTH = 100
"""Columns of a terminal that a table may take."""
# Names are cut to so many letters, and to the second where that is still too wide.
_SHORTEST = (10, 5)
# 34.4, <0.01, 130B, 7.6x, 39B (30B to 52B); not the name of a mixture such as 50en.
_NUMBER = re.compile(r"[<>]?=?-?[\d.,]+[KMBTx%]?( \(.* to .*\)| ± .*)?$")
# What is not cut either: 'not by 130T (P >0.99)', several numbers.
_KEPT = re.compile(r"unknown$|-$|not by |(-?[\d.e+-]+|inf)(, (-?[\d.e+-]+|inf))*$|" + _NUMBER.pattern)


def cell_text(value: Any, *, size: bool = False) -> str:
    """Return a value as people read it; nothing where it is not known."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool | str):
        return printable(str(value))
    if size:
        return format_tokens(value)
    if isinstance(value, float):
        return number_text(value)
    return f"{value:,}" if isinstance(value, int) else printable(str(value))


def cells(table: pd.DataFrame, sizes: Sequence[str] = ()) -> dict[str, list[str]]:
    """Return the cells of a table as people read them, column by column."""
    return {
        printable(SHORT.get(name, str(name))): [
            cell_text(value, size=name in SIZE_COLUMNS or name in sizes) for value in table[name].tolist()
        ]
        for name in table.columns
    }


@dataclass(frozen=True)
class _Column:
    """A column of a table; numbers stand to the right, names may be cut, and names and sizes said once."""

    heading: str
    cells: list[str]
    right: bool
    name: bool
    label: bool

    @cached_property
    def _inside(self) -> int:
        return max(map(_columns, self.cells), default=0)

    @property
    def width(self) -> int:
        """The columns of a terminal that it takes."""
        return max(_columns(self.heading), self._inside)

    def least(self, shortest: int) -> int:
        """Return the width below which it is not cut; probabilities keep what they are of."""
        if self.heading.startswith("P("):
            return self.width
        return min(self.width, max(0 if self.name else self._inside, shortest))

    def cut(self, width: int) -> _Column:
        """Return the column in a width."""
        return replace(self, heading=_fitting(self.heading, width), cells=distinct(self.cells, width))


def table_text(table: pd.DataFrame, *, sizes: Sequence[str] = (), width: int | None = WIDTH) -> str:
    """Return a table as lines of text that fit a width; as wide as it is for None.

    Where rows are too wide, what they share is said once above them, and long names are cut, so that they
    stay distinct. What is still too wide at the end of the rows is left out, and named above.
    """
    columns = _read(table, sizes)
    narrow = width is not None and _wide(columns) > width
    return "\n".join(_narrow(columns, width or WIDTH) if narrow else _lines(columns))


def _narrow(columns: Sequence[_Column], width: int) -> list[str]:
    """Return a table that is too wide as lines that are not."""
    shared = [column for column in columns if column.label and len(set(column.cells)) == 1]
    columns = [column for column in columns if column not in shared] or shared[:1]
    group = _group(columns) if _wide(columns, _SHORTEST[0]) > width else None
    columns = [column for column in columns if column is not group]
    kept = _fitted(columns, width)
    said = ", ".join(f"{column.heading} {column.cells[0]}" for column in shared if column.cells[0])
    left = ", ".join(column.heading for column in columns[len(kept) :])
    above = [said, f"left out, --csv has all: {left}" if left else ""]
    heading, *rows = _lines(kept)
    if group is not None:
        titles = distinct([f"{group.heading} {cell}" for cell in group.cells], width)
        places = (list(own) for _, own in groupby(range(len(rows)), titles.__getitem__))
        rows = [line for own in places for line in (titles[own[0]], *rows[own[0] : own[-1] + 1])]
    return [*(line for text in above for line in wrap(text, width)), heading, *rows]


def _read(table: pd.DataFrame, sizes: Sequence[str]) -> list[_Column]:
    """Return the columns of a table."""
    found = []
    for name, (heading, texts) in zip(table.columns, cells(table, sizes).items(), strict=True):
        number, known = table[name].dtype.kind in "iuf", [text for text in texts if text]
        right = number or (bool(known) and all(map(_NUMBER.match, known)))
        kept = heading in _WHOLE or (bool(known) and all(map(_KEPT.match, known)))
        named = not number and not kept
        found.append(_Column(heading, texts, right, named, named or name in SIZE_COLUMNS))
    return found


def _wide(columns: Sequence[_Column], shortest: int | None = None) -> int:
    """Return the width of a row, as it is or with names cut."""
    own = [column.width if shortest is None else column.least(shortest) for column in columns]
    return sum(own) + 2 * (len(own) - 1)


def _group(columns: Sequence[_Column]) -> _Column | None:
    """Return the widest label by which rows are in groups already, one after the other."""
    grouped = [
        column
        for column in columns
        if column.label and len(list(groupby(column.cells))) == len(set(column.cells)) < len(column.cells)
    ]
    return max(grouped, key=lambda column: column.width, default=None)


def _fitted(columns: Sequence[_Column], width: int) -> list[_Column]:
    """Return the columns with names cut until rows fit, without the last ones where that is not enough."""
    kept = list(columns)
    while len(kept) > 1 and _wide(kept, _SHORTEST[-1]) > width:
        kept.pop()
    shortest = next((each for each in _SHORTEST if _wide(kept, each) <= width), _SHORTEST[-1])
    widths, excess = [column.width for column in kept], _wide(kept) - width
    least = [column.least(shortest) for column in kept]
    while excess > 0 and (free := [place for place in range(len(kept)) if widths[place] > least[place]]):
        widths[max(free, key=widths.__getitem__)] -= 1
        excess -= 1
    return [column.cut(own) for column, own in zip(kept, widths, strict=True)]


def _lines(columns: Sequence[_Column]) -> list[str]:
    """Return the headings and the rows as lines."""
    widths, right = [column.width for column in columns], [column.right for column in columns]
    rows = zip(*([column.heading, *column.cells] for column in columns), strict=True)
    return ["  ".join(map(_padded, row, widths, right)).rstrip() for row in rows]


def distinct(texts: Sequence[str], width: int) -> list[str]:
    """Return texts in a width, so that different ones stay different: ends, what differs, or a number."""
    names = list(dict.fromkeys(texts))
    if max(map(_columns, names), default=0) <= width:
        return list(texts)
    head, tail = (_alike([name[::way] for name in names]) for way in (1, -1))
    numbers = {name: f"…{number}" for number, name in enumerate(names, start=1)}
    ways = (
        [_fitting(name, width) for name in names],
        [_middle(name, head, len(name) - tail, width) for name in names],
        [_fitting(name, width - len(numbers[name])) + numbers[name] for name in names],
    )
    found = next((way for way in ways if len(set(way)) == len(names)), ways[-1])
    return list(map(dict(zip(names, found, strict=True)).__getitem__, texts))


def _middle(name: str, start: int, end: int, width: int) -> str:
    """Return a part of a name in a width, with what stands before it as far as there is room."""
    start = max(0, min(start, end + 2 - width))
    return _fitting(f"{'…' if start else ''}{name[start:end]}{'…' if end < len(name) else ''}", width)


def _alike(names: Sequence[str]) -> int:
    """Return with how many letters all names begin alike."""
    return sum(1 for _ in takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False)))


def _fitting(text: str, width: int) -> str:
    """Return a text in a width, its ends if it is longer."""
    ways = (shortened(text, letters) for letters in range(len(text), 0, -1))
    return next((way for way in ways if _columns(way) <= width), "")


def _columns(text: str) -> int:
    """Return the columns that a text takes in a terminal: wide letters take two."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def _padded(text: str, width: int, right: bool) -> str:
    """Return a cell in its width."""
    space = " " * (width - _columns(text))
    return space + text if right else text + space
