"""Which column of a file plays which role: the user's `new=old` names and the columns that are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from bayesscale.errors import UsageError, valid_names
from bayesscale.metrics.catalogue import CATALOGUE, find_metric
from bayesscale.metrics.names import COLUMNS, companion


@dataclass(frozen=True)
class NamedCells:
    """Cells of a file under the names that the user gave them.

    Parameters
    ----------
    cells : pandas.DataFrame
        Text cells; every column of the file, and the columns that the user named.
    free : tuple of str
        Columns that may play a role: those the user named, and those of the file he did not use for them.
    origin : mapping
        For each name that the user gave, the file's column or columns.
    """

    cells: pd.DataFrame
    free: tuple[str, ...]
    origin: Mapping[str, str]

    def in_file(self, column: str) -> str:
        """Return the file's own name of a column."""
        return self.origin.get(column, column)


def name_columns(cells: pd.DataFrame, columns: Mapping[str, str], others: Iterable[str]) -> NamedCells:
    """Give columns the names that the user wants.

    Parameters
    ----------
    cells : pandas.DataFrame
        Text cells under the file's names.
    columns : mapping
        New name to the file's column, or to several joined by `+`, whose cells are then joined by `-`.
    others : iterable of str
        New names besides the known ones, such as the curve columns that the user chose.

    Raises
    ------
    UsageError
        A new name is none that plays a role, or the file has no such column.
    """
    named = cells.copy()
    used: set[str] = set()
    for new, old in columns.items():
        _check_new_name(new, others)
        parts = _parts(old, cells)
        used.update(parts)
        named[new] = cells[parts].agg("-".join, axis=1) if len(parts) > 1 else cells[parts[0]]
    free = [*columns, *(column for column in cells.columns if column not in used and column not in columns)]
    return NamedCells(named, tuple(free), dict(columns))


def _check_new_name(new: str, others: Iterable[str]) -> None:
    """Refuse a name that would play no role: it is most likely misspelt."""
    if new in {*COLUMNS, *others} or new.startswith("share_") or find_metric(new) or companion(new):
        return
    raise UsageError(
        f"--columns new=old needs a new name that the table knows; received {new!r}; "
        f"{valid_names(new, [*COLUMNS, *CATALOGUE, 'share_<language>'])}"
    )


def _parts(old: str, cells: pd.DataFrame) -> list[str]:
    """Return the file's columns that `a+b` names; a column whose own name has a plus sign comes first."""
    parts = [old] if old in cells.columns else [part.strip() for part in old.split("+")]
    for part in parts:
        if part not in cells.columns:
            raise UsageError(
                f"--columns new=old needs a column of the file; received {part!r}; "
                f"{valid_names(part, cells.columns)}"
            )
    return parts
