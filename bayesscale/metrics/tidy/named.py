"""Cells under the names that the user gives: `new=old`, what is ignored, and the columns that are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from bayesscale.errors import UsageError, valid_names
from bayesscale.metrics.catalogue import CATALOGUE, normalised
from bayesscale.metrics.names.columns import COLUMNS
from bayesscale.metrics.names.scores import score_name
from bayesscale.metrics.options import Options
from bayesscale.metrics.sources.cells import TextTable
from bayesscale.metrics.tidy.numbers import begin_like_numbers

_KNOWN = {normalised(name): name for name in COLUMNS}


@dataclass(frozen=True)
class NamedCells:
    """Cells of a file under the names that the user gave them.

    `cells` has every column of the file and those that the user named, by line. `free` are the columns that
    may play a role: those named, and those of the file not used for them; `origin` has the file's
    column or columns by the names given. `made_up` are columns without a header, `declared` the full
    names of his metrics by normalised ones; `label` is what columns were melted into, where it tells curves
    apart.
    """

    cells: pd.DataFrame
    free: tuple[str, ...]
    origin: Mapping[str, str]
    made_up: tuple[str, ...] = ()
    declared: Mapping[str, str] = ()  # type: ignore[assignment]
    label: str | None = None
    notes: tuple[str, ...] = ()

    def in_file(self, column: str) -> str:
        """Return the file's own name of a column."""
        return self.origin.get(column, column)

    def has_numbers(self, column: str) -> bool:
        """Return whether any cell of a column begins like a number."""
        return bool(begin_like_numbers(pd.Series(self.cells[column].unique(), dtype=object)).any())


def name_columns(table: TextTable, options: Options) -> NamedCells:
    """Give columns the names that the user wants; a known name is known in any case: `Task` is `task`.

    `a+b` joins the cells of two columns by `-`. UsageError for a new name that plays no role, or a column
    that the file does not have.
    """
    cells = table.cells.drop(columns=_ignored(table.cells, options.ignore))
    named, used = cells.copy(), set[str]()
    others = {*(options.curve or ()), (options.melt or "").partition("=")[0]}
    for new, old in options.columns.items():
        _check_new_name(new, others, options.declared)
        parts = _parts(old, cells)
        used.update(parts)
        named[new] = cells[parts].agg("-".join, axis=1) if len(parts) > 1 else cells[parts[0]]
    kept = [column for column in cells.columns if column not in used and column not in options.columns]
    origin = dict(options.columns)
    for column in kept:
        known = _KNOWN.get(normalised(column), column)
        if known != column and known not in named.columns and known not in cells.columns:
            named = named.rename(columns={column: known})
            origin[known] = column
    free = [*options.columns, *(_renamed(column, origin) for column in kept)]
    return NamedCells(named, tuple(free), origin, table.made_up, options.declared)


def _renamed(column: str, origin: Mapping[str, str]) -> str:
    """Return the known name that a column got, or its own."""
    known = _KNOWN.get(normalised(column), column)
    return known if origin.get(known) == column else column


def _ignored(cells: pd.DataFrame, ignore: Iterable[str]) -> list[str]:
    """Return the columns that the user does not want to be read."""
    found: list[str] = []
    for text in ignore:
        for name in [text] if text in cells.columns else [part.strip() for part in text.split(",")]:
            if name not in cells.columns:
                raise UsageError(
                    f"--ignore needs a column of the file; received {name!r}; "
                    f"{valid_names(name, cells.columns)}"
                )
            found.append(name)
    return found


def _check_new_name(new: str, others: Iterable[str], declared: Mapping[str, str]) -> None:
    """Refuse a name that would play no role: it is most likely misspelt."""
    if new in {*COLUMNS, *others, "n"} or new.startswith("share_") or score_name(new, declared):
        return
    raise UsageError(
        f"--columns new=old needs a new name that the table knows; received {new!r}; "
        f"{valid_names(new, [*COLUMNS, 'n', *CATALOGUE, 'share_<language>'])}; another metric is declared by "
        f"--metric NAME=up,0,100"
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
