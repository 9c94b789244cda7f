"""Answers on stdout: a table for people, or one JSON document or CSV table for programs."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bayesscale.units import format_tokens

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

_SIZES = ("pretrain_tokens", "finetune_tokens", "model_params")
_UNLIMITED = 1_000_000


@dataclass(frozen=True)
class Answer:
    """What a command has to say.

    Parameters
    ----------
    frame : pandas.DataFrame
        The numbers, one row each; for the table and for `--csv`.
    document : mapping
        The same for `--json`; may hold NumPy numbers, and NaN for what is not known (null in JSON).
    sentences : sequence of str
        Lines above the table.
    sizes : sequence of str
        Columns besides the usual ones whose numbers are written as 130B.
    """

    frame: pd.DataFrame
    document: Mapping[str, Any]
    sentences: Sequence[str] = ()
    sizes: Sequence[str] = ()


def print_answer(answer: Answer, *, as_json: bool = False, as_csv: bool = False) -> None:
    """Write an answer to stdout; numbers are rounded only in the table for people.

    Parameters
    ----------
    answer : Answer
        What to write.
    as_json, as_csv : bool
        For programs; at most one of them.
    """
    if as_json:
        print(json.dumps(_plain_values(answer.document), indent=2, allow_nan=False))
    elif as_csv:
        sys.stdout.write(answer.frame.to_csv(index=False, lineterminator="\n"))
    else:
        for sentence in answer.sentences:
            print(printable(sentence))
        if not answer.frame.empty:
            _print_table(answer)


def printable(text: str) -> str:
    """Return text without control characters, which file contents could steer a terminal with."""
    return "".join(char if char.isprintable() or char == "\n" else repr(char)[1:-1] for char in text)


def _plain_values(value: Any) -> Any:
    """Return a value that JSON has: no NumPy types, null for numbers that are not finite."""
    if isinstance(value, Mapping):
        return {str(key): _plain_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_values(item) for item in value]
    if hasattr(value, "tolist"):  # NumPy scalars and arrays
        return _plain_values(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _print_table(answer: Answer) -> None:
    """Print the table: to the width of a terminal, in full anywhere else."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_UNLIMITED)
    _draw(answer, console)


def _draw(answer: Answer, console: Console) -> None:
    """Draw the table on a console."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    frame = answer.frame
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False, header_style="bold")
    cells = [_cells(frame[name], name in (*_SIZES, *answer.sizes)) for name in frame.columns]
    for name in frame.columns:
        numeric = frame[name].dtype.kind in "iuf"
        table.add_column(Text(printable(str(name))), justify="right" if numeric else "left", overflow="fold")
    for row in zip(*cells, strict=True):
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def _cells(column: pd.Series, sizes: bool) -> list[str]:
    """Return the cells of a column as people read them."""
    return [_cell(value, sizes) for value in column.tolist()]


def _cell(value: Any, size: bool) -> str:
    """Return a value in four significant digits; nothing where it is not known."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool | str):
        return printable(str(value))
    if size:
        return format_tokens(value)
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 or math.isinf(value) else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else printable(str(value))
