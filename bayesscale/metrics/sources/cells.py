"""A table as its source holds it: text cells, with the line that each row comes from."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from bayesscale.metrics.problems import Problem

PATH = "path"
"""Column of the file that a row comes from, where a folder is read."""


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
