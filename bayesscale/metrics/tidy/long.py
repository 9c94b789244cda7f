"""One row a score: scores of long and of wide tables, their spreads as standard errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.names.scores import score_name
from bayesscale.metrics.tidy.named import NamedCells
from bayesscale.metrics.tidy.numbers import missing_words, without_placeholders
from bayesscale.metrics.tidy.scores import Score, find_scores, is_long, plain_spreads, sure_spreads

SPREAD_DIVISOR: Mapping[str, float] = {"se": 1.0, "ci": 1.96, "ci90": 1.645, "ci95": 1.96, "ci99": 2.576}
"""Half-width of a normal interval in standard errors, by the role of the column."""
UNREAD = "unread: "
"""Before the names of the columns that are not read."""
WORKING = "score: "
"""Before the names of columns that the file does not have, but `line`."""
_WORDS = {"sd": "standard deviations", "variance": "variances", "low": "ends of intervals"}
_ROW = f"{WORKING}row"
_PER_SCORE = ("metric", "value", "se", "signature")


@dataclass(frozen=True)
class LongText:
    """A row for each score, as text.

    `rows` has the columns kept, `metric` by its full name, `value`, the text of spreads in `se`,
    `signature` where there are any, and `line`. After `WORKING`: `value_column` and `se_column` are the
    file's names, `spread` the role of what `se` holds, `percent` whether the column's name says percent.
    `used` are columns that play a role, `left_out` those of scores that are not read on purpose.
    """

    rows: pd.DataFrame
    used: set[str]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def to_long(named: NamedCells, keep: Sequence[str]) -> LongText:
    """Return a row for each score, with the columns to keep beside it."""
    shared = named.cells[[*keep]].assign(line=named.cells.index)
    other = named.cells.drop(columns=[*keep, *(c for c in _PER_SCORE if c in named.cells)], errors="ignore")
    shared[_ROW] = np.arange(len(shared))
    found = _from_long(named, shared) if is_long(named) else _from_wide(named, shared)
    # What is not read stays beside the rows, so that it can be said what differs between them.
    unread = [name for name in other.columns if name not in found.used and name in named.free]
    beside = other[unread].reset_index(drop=True).add_prefix(UNREAD)
    rows = found.rows.join(beside, on=_ROW).drop(columns=_ROW).reset_index(drop=True)
    return LongText(rows, found.used | set(keep), found.left_out, found.notes)


def _from_long(named: NamedCells, shared: pd.DataFrame) -> LongText:
    """Return the rows of a long table; those that are spreads or of training are left out with a note."""
    per_score = [column for column in _PER_SCORE if column in named.free]
    rows = shared.assign(**{column: named.cells[column] for column in per_score})
    spread, used, left_out = "se", {*per_score}, tuple[str, ...]()
    notes: list[str] = []
    if "se" not in per_score:
        plain = plain_spreads(named)
        spread, columns, note = _spread(Score("value", "value", beside=plain))
        rows = rows.assign(**{role: named.cells[column] for role, column in columns.items()})
        used |= set(columns.values())
        left_out = tuple(sure_spreads(plain))
        notes += [note] if note else []
    rows = _with_origin(rows, named.in_file("value"), named.in_file("se"), spread, percent=False)
    names = {text: score_name(text, named.declared) for text in rows["metric"].unique()}
    best = [text for text, name in names.items() if name and name.beside == "best"]
    spreads = [text for text, name in names.items() if name and name.beside and text not in best]
    splits = {text: name for text, name in names.items() if name and not name.beside}
    of_eval = {name.metric for name in splits.values() if name.split != "train"}
    training = [t for t, name in splits.items() if name.split == "train" and name.metric in of_eval]
    kinds = {
        "spreads and no scores": spreads,
        "the best so far and not the scores at their sizes": best,
        "measured in training": training,
    }
    for what, texts in kinds.items():
        left = rows["metric"].isin(texts)
        if left.any():
            notes.append(f"{left.sum():,} rows of {', '.join(map(repr, texts))} are {what}: left out")
            rows = rows[~left]
    full = {text: name.metric if name else text for text, name in names.items()}
    rows = rows.assign(**{f"{WORKING}written": rows["metric"], "metric": rows["metric"].map(full)})
    return LongText(rows, used, left_out, tuple(notes))


def _with_origin(rows: pd.DataFrame, value: str, se: str, spread: str, *, percent: bool) -> pd.DataFrame:
    """Return rows with the file's names of their columns, and what these say of the numbers."""
    known: dict[str, str | bool] = {
        "value_column": value,
        "se_column": se,
        "spread": spread,
        "percent": percent,
    }
    return rows.assign(**{f"{WORKING}{name}": known[name] for name in known})


def _from_wide(named: NamedCells, shared: pd.DataFrame) -> LongText:
    """Return a row for each cell that holds a score."""
    found = find_scores(named)
    parts, used, notes = [], set[str](), list(found.notes)
    for score in found.scores:
        part = shared.assign(metric=score.metric, value=named.cells[score.column])
        part[f"{WORKING}written"] = score.column
        spread, columns, note = _spread(score)
        part = part.assign(**{role: named.cells[column] for role, column in columns.items()})
        own, errors = named.in_file(score.column), named.in_file(columns.get("se", "se"))
        part = _with_origin(part, own, errors, spread, percent=score.percent)
        used |= {score.column, *columns.values()}
        notes += [note] if note else []
        parts.append(part[without_placeholders(part["value"]).ne("")])
    missing = sum(len(named.cells) - len(part) for part in parts)
    if missing and any(len(part) for part in parts):
        words = missing_words(pd.concat([named.cells[score.column] for score in found.scores]))
        notes.append(f"{missing:,} cells without a score (empty, NaN or a placeholder) were left out{words}")
    notes += _renamed(found.scores, named)
    told = " ".join(notes)
    ends = ("_min", "_max")  # of a bucket in a chart: nothing to say of
    unread = [c for c in found.spreads if c not in used and not c.endswith(ends) and repr(c) not in told]
    if unread:
        notes.append(f"spreads that were not read: {', '.join(map(repr, unread))}")
    rows = pd.concat(parts).sort_values("line", kind="stable").fillna("")
    return LongText(rows, used, (*found.left_out, *found.spreads), tuple(notes))


def _renamed(scores: Sequence[Score], named: NamedCells) -> list[str]:
    """Say under which names scores were found that are called otherwise."""
    pairs = [
        f"{s.column!r} as {s.metric}"
        for s in scores
        if s.column not in named.origin and not _is_plain(s.column, s.metric)
    ]
    return [f"read {', '.join(pairs)}"] if pairs else []


def _is_plain(column: str, metric: str) -> bool:
    """Return whether a column is called as the metric is, but for case and signs."""
    names = (metric, *CATALOGUE[metric].aliases)
    return any(column.lower().replace("-", "").replace("_", "") == n.replace("_", "") for n in names)


def _spread(score: Score) -> tuple[str, dict[str, str], str | None]:
    """Return which spread is read as standard error, its columns by role, and what to say of it."""
    beside = score.beside
    columns = {"signature": beside["signature"]} if "signature" in beside else {}
    if role := next((role for role in SPREAD_DIVISOR if role in beside), None):
        note = None if role == "se" else _converted(beside[role], role)
        return role, {**columns, "se": beside[role]}, note
    if {"low", "high"} <= beside.keys():
        note = f"{beside['low']!r} and {beside['high']!r} are a 95% interval: s.e. = width / 3.92"
        return "low", {**columns, "se": beside["low"], f"{WORKING}high": beside["high"]}, note
    role = next((role for role in ("sd", "variance") if role in beside), None)
    if role and "count" in beside:
        note = f"standard errors were computed from {beside[role]!r} and {beside['count']!r}"
        return role, {**columns, "se": beside[role], f"{WORKING}count": beside["count"]}, note
    if role:
        note = (
            f"{beside[role]!r} holds {_WORDS[role]}, not read: with the number of runs in a column n they "
            "become standard errors"
        )
        return "se", columns, note
    return "se", columns, None


def _converted(column: str, role: str) -> str:
    """Say how a half-width was turned into a standard error."""
    level = role.removeprefix("ci") or "95"
    return f"{column!r} was read as half-widths of {level}% intervals: divided by {SPREAD_DIVISOR[role]:g}"
