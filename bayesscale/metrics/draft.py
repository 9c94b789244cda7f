"""A metrics table on its way: text as received, numbers as read, and the line that each score comes from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from bayesscale.metrics.names import NamedCells
from bayesscale.metrics.problems import Problem


@dataclass(frozen=True)
class Draft:
    """A long table before its rules are checked.

    Parameters
    ----------
    text : pandas.DataFrame
        A row for each score, text cells as received.
    data : pandas.DataFrame
        The same rows with numbers as float64 and labels as text; metrics under their names of the catalogue.
    axis : str
        The size along a curve.
    curve : tuple of str
        Columns that define a curve.
    named : NamedCells
        The whole file, by line.
    unit : str
        What `line` counts: 'line' or 'record'.
    """

    text: pd.DataFrame
    data: pd.DataFrame
    axis: str
    curve: tuple[str, ...]
    named: NamedCells
    unit: str

    @property
    def key(self) -> list[str]:
        """Columns that together have one value: curve, size, metric, run and seed."""
        names = (*self.curve, self.axis, "metric", "run", "seed")
        return [name for name in dict.fromkeys(names) if name in self.data]

    @property
    def is_baseline(self) -> pd.Series:
        """Where a score is of the model without pretraining, which is no point of a curve in D_p."""
        if self.axis == "pretrain_tokens":
            return self.data["pretrain_tokens"].eq(0)
        return pd.Series(False, index=self.data.index)

    def line(self, row: int) -> int:
        """Return the line or record that a row comes from."""
        return int(self.text["line"][row])

    def problem(self, row: int, column: str, rule: str, hint: str, value: str | None = None) -> Problem:
        """Return the problem of a cell, under the file's name of its column; `value` replaces its text."""
        beside = f"{column}_column"
        name = self.text.at[row, beside] if beside in self.text else self.named.in_file(column)
        received = str(self.text.at[row, column]) if value is None else value
        return Problem(self.line(row), str(name), rule, received, hint)

    def row_problem(self, row: int, columns: Iterable[str], rule: str, hint: str) -> Problem:
        """Return the problem of a row as a whole; its cells in `columns` say which row it is."""
        texts = (str(self.text.at[row, name]) for name in columns)
        return Problem(self.line(row), None, rule, ", ".join(text for text in texts if text), hint)
