"""One row a score: tables with a column per metric are turned into long ones."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

import pandas as pd

from bayesscale.metrics.catalogue import CATALOGUE, find_metric
from bayesscale.metrics.names import COLUMNS, COMPANIONS, SIZES, companion
from bayesscale.metrics.problems import Problem
from bayesscale.metrics.tidy.named import NamedCells
from bayesscale.metrics.tidy.numbers import without_placeholders

_PER_SCORE = ("metric", "value", "se")


def is_long(named: NamedCells) -> bool:
    """Return whether the table has a row for each score."""
    return {"metric", "value"} <= set(named.free)


def metric_columns(named: NamedCells) -> dict[str, list[str]]:
    """Return the columns of a wide table that hold each metric; a column the user named is the only one."""
    found: dict[str, list[str]] = {}
    for column in named.free:
        if spec := find_metric(column):
            found.setdefault(spec.name, []).append(column)
    for metric, columns in found.items():
        if chosen := [column for column in columns if column in named.origin]:
            found[metric] = chosen
    return found


def missing_columns(named: NamedCells, axis: str, line: int | None) -> list[Problem]:
    """Return what the header, at `line`, lacks or has twice: the sizes, a metric, one column a metric."""
    found = metric_columns(named)
    problems = [] if axis in named.free else [_missing_size(named, axis, line)]
    if is_long(named):
        return problems
    if not found:
        problems.append(_missing_metric(named, line))
    for metric, columns in found.items():
        if len(columns) > 1:
            both = " and ".join(map(repr, columns))
            hint = f"{both} are {metric}; choose one: --columns {metric}={columns[0]}"
            problems.append(Problem(line, columns[1], "one-column-a-metric", ", ".join(columns), hint))
    return problems


def _missing_size(named: NamedCells, axis: str, line: int | None) -> Problem:
    """Return the problem of a table without the sizes along its curves."""
    near = get_close_matches(axis, sorted(named.free), n=1, cutoff=0.6)
    guess = f"did you mean {near[0]!r}? " if near else ""
    hint = f"{guess}name the column that holds the sizes: --columns {axis}={near[0] if near else 'COLUMN'}"
    other = next(size for size in SIZES if size != axis)
    if other in named.free:
        hint += f"; or choose the other size: --axis {other}"
    return Problem(line, axis, "required-columns", ", ".join(sorted(named.free)), hint)


def _missing_metric(named: NamedCells, line: int | None) -> Problem:
    """Return the problem of a table without a score."""
    lacking = [name for name in ("metric", "value") if name not in named.free]
    guess = next((f"{name}={column}" for column in named.free if (name := _meant(column, set()))), None)
    question = f"is it --columns {guess}? " if guess else ""
    hint = (
        f"{question}give the table columns metric and value, or a column for each metric; "
        f"valid: {', '.join(sorted(CATALOGUE))}"
    )
    return Problem(line, " and ".join(lacking), "required-columns", ", ".join(sorted(named.free)), hint)


def to_long(named: NamedCells, keep: Sequence[str]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return a row for each score, and notes on the columns that play no role.

    Parameters
    ----------
    named : NamedCells
        Text cells under their new names.
    keep : sequence of str
        Columns to keep besides those of the score itself.

    Returns
    -------
    pandas.DataFrame
        Text cells: the columns kept, `metric`, `value`, `se` and `signature` where there are any, `line`, and
        in `value_column` and `se_column` the file's names of two of them.
    tuple of str
        Notes.
    """
    shared = named.cells[[*keep]].assign(line=named.cells.index)
    if is_long(named):
        per_score = [column for column in _PER_SCORE if column in named.free]
        names = {"value_column": named.in_file("value"), "se_column": named.in_file("se")}
        long = shared.assign(**{column: named.cells[column] for column in per_score}, **names)
        used = {*keep, *per_score}
    else:
        long, used = _melt(named, shared)
        used |= set(keep)
    return long.reset_index(drop=True), _unused(named, used)


def _melt(named: NamedCells, shared: pd.DataFrame) -> tuple[pd.DataFrame, set[str]]:
    """Return a row for each cell that holds a score, and the columns used."""
    found = {metric: columns[0] for metric, columns in metric_columns(named).items()}
    beside = {pair: column for column in named.free if (pair := companion(column))}
    if len(found) == 1 and "se" in named.free:
        beside.setdefault((next(iter(found)), "se"), "se")
    parts, used = [], set(found.values())
    for metric, column in found.items():
        cells = {role: beside[metric, role] for role in COMPANIONS if (metric, role) in beside}
        used.update(cells.values())
        part = shared.assign(metric=metric, value=without_placeholders(named.cells[column]))
        part = part.assign(**{role: named.cells[name] for role, name in cells.items()})
        part["value_column"], part["se_column"] = named.in_file(column), named.in_file(cells.get("se", "se"))
        parts.append(part[part["value"].ne("")])
    return pd.concat(parts).sort_values("line", kind="stable").fillna(""), used


def _unused(named: NamedCells, used: set[str]) -> tuple[str, ...]:
    """Say which columns are not read, and which known name each may have been meant to have."""
    unused = [column for column in named.free if column not in used]
    if not unused:
        return ()
    meant = [_meant(column, used) for column in unused[:10]]
    questions = [f" (did you mean {name!r}?)" if name else "" for name in meant]
    shown = [f"{column!r}{question}" for column, question in zip(unused, questions, strict=False)]
    more = f" and {len(unused) - 10} more" if len(unused) > 10 else ""
    return (f"columns not read: {', '.join(shown)}{more}",)


def _meant(column: str, used: set[str]) -> str | None:
    """Return the known name that a column nearly has and that is not used, such as bleu for `BLEU_mean`."""
    if companion(column) or column in COLUMNS:
        return None
    stem = find_metric(column.rpartition("_")[0])
    free = [name for name in (*COLUMNS, *CATALOGUE) if name not in used]
    near = [stem.name] if stem else get_close_matches(column.lower(), free, n=1, cutoff=0.8)
    return near[0] if near and near[0] in free else None
