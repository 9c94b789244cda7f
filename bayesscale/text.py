"""Numbers, probabilities and tables as people read them; imported before anything large."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bayesscale.units import format_tokens

if TYPE_CHECKING:
    import pandas as pd

SIZE_COLUMNS = ("pretrain_tokens", "finetune_tokens", "model_params", "D_p", "D_f", "cost")
"""Columns of numbers that are written as 130B."""
WIDTH = 100
"""Columns of a terminal that a table may take."""
_SHORTEST = 10
# 34.4, <0.01, 130B, 7.6x, 39B (30B to 52B); not the name of a mixture such as 50en.
_NUMBER = re.compile(r"[<>]?=?-?[\d.,]+[KMBTx%]?( \(.* to .*\))?$")


def probability_text(value: float) -> str:
    """Return a probability in two digits; that all draws agree makes nothing certain."""
    if math.isnan(value):
        return "unknown"
    if value < 0.005:
        return "<0.01"
    return ">0.99" if value > 0.995 else f"{value:.2f}"


def size_text(size: float) -> str:
    """Return an uncertain size in two digits, such as 130B."""
    return format_tokens(float(f"{size:.2g}"))


def number_text(value: float) -> str:
    """Return a number in four significant digits."""
    return f"{value:.4g}" if abs(value) < 1e4 or math.isinf(value) else f"{value:,.0f}"


def listed(texts: Sequence[str], most: int = 3) -> str:
    """Return 'a, b and c', or 'a, b, c and 4 more'."""
    shown, more = list(texts[:most]), len(texts) - most
    # Names of several parts hold commas of their own.
    comma, final = ("; ", "; ") if any(", " in text for text in shown) else (", ", " and ")
    last = f"{more} more" if more > 0 else shown.pop()
    return f"{comma.join(shown)}{final}{last}" if shown else last


def printable(text: str) -> str:
    """Return text without control characters, which file contents could steer a terminal with."""
    return "".join(char if char.isprintable() or char == "\n" else repr(char)[1:-1] for char in text)


def shortened(text: str, width: int) -> str:
    """Return a text of at most `width` characters: its ends, with a sign of omission between them."""
    if len(text) <= width:
        return text
    head = (width - 1) * 2 // 3
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"


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
        printable(str(name)): [
            cell_text(value, size=name in SIZE_COLUMNS or name in sizes) for value in table[name].tolist()
        ]
        for name in table.columns
    }


def table_text(table: pd.DataFrame, *, sizes: Sequence[str] = (), width: int | None = WIDTH) -> str:
    """Return a table as lines of text; where rows are too wide, the longest labels are cut, never numbers."""
    columns = cells(table, sizes)
    labels = {printable(str(name)): table[name].dtype.kind not in "iuf" for name in table.columns}
    # Text that begins with numbers, such as '34.4 (32.8 to 35.4)', is kept whole and to the right.
    numeric = {name: not labels[name] or _numbers(values) for name, values in columns.items()}
    widths = {name: max(map(_columns, [name, *values])) for name, values in columns.items()}
    excess = sum(widths.values()) + 2 * (len(widths) - 1) - (width or math.inf)
    while excess > 0 and (free := [n for n in widths if not numeric[n] and widths[n] > _SHORTEST]):
        longest = max(free, key=widths.__getitem__)
        widths[longest] -= 1
        excess -= 1
    rows = [list(columns), *zip(*columns.values(), strict=True)]
    return "\n".join(
        "  ".join(_padded(cell, widths[name], numeric[name]) for name, cell in zip(columns, row, strict=True))
        .rstrip()
        for row in rows
    )  # fmt: skip


def _numbers(values: Sequence[str]) -> bool:
    """Return whether cells of text are numbers, with an interval, a bound or a suffix."""
    known = [value for value in values if value]
    return bool(known) and all(_NUMBER.match(value) for value in known)


def _columns(text: str) -> int:
    """Return the columns that a text takes in a terminal: wide letters take two."""
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def _padded(text: str, width: int, right: bool) -> str:
    """Return a cell in its width."""
    text = text if _columns(text) <= width else shortened(text, width - (_columns(text) - len(text)))
    space = " " * (width - _columns(text))
    return space + text if right else text + space
