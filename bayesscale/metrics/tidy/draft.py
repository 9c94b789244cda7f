"""A metrics table on its way: text as received, numbers as read, and the line that each score comes from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from bayesscale.errors import UsageError, valid_names
from bayesscale.metrics.catalogue import find_metric
from bayesscale.metrics.names import COLUMNS, NO_MIXTURE, SIZES
from bayesscale.metrics.problems import Problem
from bayesscale.metrics.tidy.named import NamedCells
from bayesscale.metrics.tidy.numbers import to_numbers, without_placeholders
from bayesscale.metrics.tidy.wide import to_long

_WITH_SUFFIX = (*SIZES, "model_params")
_NUMBERS = (*_WITH_SUFFIX, "value", "se", "alignment")
_OF_A_SCORE = ("metric", "value", "se")
_MAY_BE_EMPTY = ("run", "seed", "signature")
# Columns of the frame and the draft that are not the file's.
_RESERVED = ("line", "value_column", "se_column")


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


def make_draft(
    named: NamedCells, axis: str, curve: Sequence[str] | None, unit: str
) -> tuple[Draft, tuple[str, ...]]:
    """Return the draft of a table whose header is right, and notes on columns that are not read.

    Parameters
    ----------
    named : NamedCells
        Text cells under their new names.
    axis : str
        The size along a curve.
    curve : sequence of str or None
        Columns that define a curve; None for task, mixture, the other size, and the model size if it varies.
    unit : str
        What the index of the cells counts.
    """
    chosen = _chosen_curve(named, axis, curve)
    text, notes = to_long(named, _columns_to_keep(named, axis, chosen))
    numbers = [name for name in text.columns if name in _NUMBERS or str(name).startswith("share_")]
    text[numbers] = text[numbers].apply(without_placeholders)
    data = _typed(text, numbers, chosen)
    _fill_labels(text, data)
    return Draft(text, data, axis, chosen or _default_curve(data, axis), named, unit), notes


def _chosen_curve(named: NamedCells, axis: str, curve: Sequence[str] | None) -> tuple[str, ...]:
    """Return the columns that the user chose, none if he left it to us; refuse what cannot define a curve."""
    if curve is None:
        return ()
    possible = set(named.cells.columns) - {axis, *_OF_A_SCORE, *_RESERVED}
    possible |= {"task", "mixture"}
    for name in curve:
        if name not in possible:
            raise UsageError(
                f"--curve needs columns of the file other than the size on the axis and the score; "
                f"received {name!r}; {valid_names(name, possible)}"
            )
    if not curve:
        raise UsageError(
            "--curve needs at least one column, for instance --curve task,mixture; received none"
        )
    return tuple(dict.fromkeys(curve))


def _columns_to_keep(named: NamedCells, axis: str, curve: tuple[str, ...]) -> list[str]:
    """Return the columns that say what a score is of; known ones only if they have any content."""
    known = [name for name in named.free if name in COLUMNS or name.startswith("share_")]
    filled = [name for name in known if name == axis or named.cells[name].ne("").any()]
    of_file = [name for name in curve if name in named.cells]
    return [name for name in dict.fromkeys([*of_file, *filled]) if name not in _OF_A_SCORE]


def _typed(text: pd.DataFrame, numbers: list[str], curve: tuple[str, ...]) -> pd.DataFrame:
    """Return text cells as numbers and labels; None for a label that may not be empty."""
    data = text.drop(columns=["value_column", "se_column"])
    for name in data.columns.drop("line"):
        if name in numbers:
            data[name] = to_numbers(text[name], sizes=name in _WITH_SUFFIX)
        elif name == "metric":
            canonical = {cell: spec.name for cell in text[name].unique() if (spec := find_metric(cell))}
            data[name] = text[name].map(lambda cell, names=canonical: names.get(cell, cell or None))
        elif name in curve or name not in _MAY_BE_EMPTY:
            data[name] = text[name].map(lambda cell: cell or None).astype(object)
    return data


def _fill_labels(text: pd.DataFrame, data: pd.DataFrame) -> None:
    """Give rows the task and mixture that the file need not have."""
    without_mixture = data["mixture"].isna() if "mixture" in data else pd.Series(True, index=data.index)
    for label in ("task", "mixture"):
        if label not in data:
            text[label] = data[label] = "all"
    if "pretrain_tokens" in data:
        data.loc[without_mixture & data["pretrain_tokens"].eq(0), "mixture"] = NO_MIXTURE


def _default_curve(data: pd.DataFrame, axis: str) -> tuple[str, ...]:
    """Return task, mixture, the other size where there is one, and the model size where it varies."""
    curve = ["task", "mixture", *(size for size in SIZES if size != axis and size in data)]
    if "model_params" in data and data["model_params"].nunique() > 1:
        curve.append("model_params")
    return tuple(curve)
