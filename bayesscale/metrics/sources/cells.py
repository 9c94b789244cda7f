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

    Parameters
    ----------
    name : str
        Name of the source as given.
    cells : pandas.DataFrame
        Columns of `str` objects, stripped, empty where the source has nothing; the index is the line or
        record.
    unit : str
        What the index counts: 'line' or 'record'.
    problems : tuple of Problem
        Rows that could not be read.
    notes : tuple of str
        What is worth knowing and no violation.
    header_line : int or None
        Line of the header; None where there is none.
    typed : bool
        Whether the source has a type for numbers, so that a point in one is a decimal point.
    separator : str
        What sets cells apart; numbers in a file with semicolons may have decimal commas.
    made_up : tuple of str
        Columns that no header names: where the rows come from, what they are part of.
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
