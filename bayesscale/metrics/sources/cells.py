"""A table as its file holds it: text cells, with the line that each row comes from."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from bayesscale.metrics.problems import Problem


@dataclass(frozen=True)
class TextTable:
    """Cells of a file as text.

    Parameters
    ----------
    name : str
        Name of the file as given.
    cells : pandas.DataFrame
        Columns of `str` objects, stripped, empty where the file has nothing; the index is the line or record.
    unit : str
        What the index counts: 'line' or 'record'.
    problems : tuple of Problem
        Rows that could not be read.
    notes : tuple of str
        What is worth knowing and no violation.
    header_line : int or None
        Line of the header; None where there is none.
    """

    name: str
    cells: pd.DataFrame
    unit: str = "line"
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    header_line: int | None = None
