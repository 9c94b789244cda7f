"""A table as its source holds it: text cells, with the line that each row comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from bayesscale.metrics.problems import Problem

PATH = "path"
"""Column of the file that a row comes from, where a folder is read."""
NAMELESS = "Unnamed: 0"
"""A first column without a name, called as pandas calls it."""


@dataclass(frozen=True)
class TextTable:
    """Cells of a source as text.

    `cells` are columns of `str` objects, stripped, empty where the source has nothing; their index counts
    the lines or records (`unit`). `problems` are rows that could not be read; `notes` what is worth knowing
    and no violation; `header_line` is None where there is no header. `typed`: the source has a type for
    numbers, so that a point in one is a decimal point. `separator` sets cells apart; numbers in a file with
    semicolons may have decimal commas. `made_up` are columns that no header names: where rows come from,
    what they are part of.
    """

    name: str
    cells: pd.DataFrame
    unit: str = "line"
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    header_line: int | None = None
    typed: bool = False
    separator: str = ","
    made_up: tuple[str, ...] = ()


def named_cells(header: Sequence[str], rows: Mapping[int, Sequence[str]]) -> pd.DataFrame:
    """Return rows by line as cells under the names of a header.

    Columns without a name are left out, but for a first one that holds more than the numbers of the rows.
    """
    names = [NAMELESS, *header[1:]] if header[:1] == [""] else [*header]
    cells = pd.DataFrame(list(rows.values()), columns=names, index=list(rows), dtype=object)
    if names[0] == NAMELESS and _numbers_rows(cells.iloc[:, 0]):
        cells = cells.iloc[:, 1:]
    return cells.loc[:, ~cells.columns.duplicated()].drop(columns="", errors="ignore")


def _numbers_rows(cells: pd.Series) -> bool:
    """Return whether cells are empty, or the numbers of the rows from 0 or 1 in any order."""
    return set(cells) in ({""}, *({str(n + first) for n in range(len(cells))} for first in (0, 1)))
