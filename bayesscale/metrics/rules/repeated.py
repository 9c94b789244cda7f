"""Rows that repeat a size of their curve, or the baseline: merged, chosen by a policy, or asked about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import pandas as pd

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.names.columns import NO_MIXTURE, meaning
from bayesscale.metrics.options import option
from bayesscale.metrics.problems import Problem
from bayesscale.metrics.rules.varying import is_remark, roles, setting_columns
from bayesscale.metrics.tidy.draft import Draft
from bayesscale.metrics.tidy.long import UNREAD

# Sizes of different runs that are hardly different: tokens of another batch size, rounded to whole batches.
_NEAR = 1.01
_EXPLAINED = 2_000
_PASSING = ("passes", "epochs", "steps", "score")


def merge_near_sizes(draft: Draft) -> tuple[pd.DataFrame, list[str]]:
    """Take sizes of one curve that differ by less than 1%, in rows with other settings, as the smallest."""
    settings = setting_columns(draft)
    data = draft.data
    if not settings:
        return data, []
    key = [name for name in draft.key if name != draft.axis]
    order = data[~draft.is_baseline].sort_values([*key, draft.axis])
    group = order.groupby(key, sort=False, dropna=False).ngroup().to_numpy()
    size = order[draft.axis].to_numpy()
    near = np.zeros(len(order), dtype=bool)
    near[1:] = (group[1:] == group[:-1]) & (size[1:] < size[:-1] * _NEAR)
    cluster = np.cumsum(~near)
    told = pd.DataFrame({name: draft.beside(name) for name in settings}).loc[order.index]
    # Two checkpoints of one run have the same settings, and are two sizes however near they are.
    same_run = told.assign(cluster=cluster).duplicated(keep=False).groupby(cluster).any()
    several = told.groupby(cluster).nunique().gt(1).any(axis=1) & ~same_run
    sizes = order[draft.axis].groupby(cluster)
    several &= sizes.max() <= sizes.min() * _NEAR
    smallest = sizes.transform("min")
    moved = pd.Series(cluster, index=order.index).map(several) & smallest.ne(order[draft.axis])
    if not moved.any():
        return data, []
    data = data.copy()
    data.loc[moved.index[moved], draft.axis] = smallest[moved]
    before = order.loc[pd.Series(cluster, index=order.index).map(several), draft.axis].nunique()
    after = smallest[pd.Series(cluster, index=order.index).map(several)].nunique()
    return data, [
        f"{before:,} sizes that differ by less than 1% between other settings were taken as {after:,}"
    ]


def settle_duplicates(draft: Draft, policy: str) -> tuple[pd.DataFrame, list[str], list[str]]:
    """Merge rows that repeat each other in every cell, and follow the policy for others of one size.

    'error' leaves rows with other values to `duplicate_problems`; others keep one row, and 'mean' counts in
    the column `n` what it is the mean of. Returns the rows that are left, notes, and the columns that the
    policy has settled: rows that it merged differ in them.
    """
    data, notes = draft.data, []
    whole = data.drop(columns="line").join(draft.text.filter(like=UNREAD)).duplicated()
    whole &= ~draft.is_baseline | data.duplicated([*draft.key, "mixture"])
    if whole.any():
        notes.append(f"{whole.sum():,} rows repeat another one in every cell and were merged")
        data = data[~whole]
    if policy == "error":
        return data, notes, []
    key = [*dict.fromkeys([*draft.key, "mixture"])] if draft.is_baseline.any() else draft.key
    groups = data.groupby(key, sort=False, dropna=False)
    size = groups["value"].transform("size")
    if not (size > 1).any():
        return data, notes, []
    told = draft.text.filter(like=UNREAD).loc[data.index]
    differ = told.groupby(groups.ngroup()).nunique().gt(1).any()
    settled = [str(name).removeprefix(UNREAD) for name in differ.index[differ]]
    kept = _kept(data, groups.ngroup(), policy)
    what = {"mean": "their mean", "best": "the best", "last": "the last", "first": "the first"}[policy]
    notes.append(f"of {(size > 1).sum():,} rows that repeat a size {what} was taken (--duplicates {policy})")
    return kept, notes, settled


def _kept(data: pd.DataFrame, number: pd.Series, policy: str) -> pd.DataFrame:
    """Return one row for each number of a group."""
    if policy in ("first", "last"):
        keep: Literal["first", "last"] = "first" if policy == "first" else "last"
        return data[~number.duplicated(keep=keep)]
    if policy == "best":
        sign = data["metric"].map(lambda m: 1.0 if m in CATALOGUE and CATALOGUE[m].improves == "up" else -1.0)
        # A value that is no number is told by the rules for cells, and never the best.
        scores = (data["value"] * sign).fillna(-np.inf)
        return data.loc[scores.groupby(number, sort=False).idxmax()]
    first = data[~number.duplicated()].copy()
    values = data["value"].groupby(number, sort=False)
    count: pd.Series = values.size()
    se: pd.Series = values.std() / np.sqrt(count)
    if "se" in data:
        se = se.where(count > 1, data["se"].groupby(number, sort=False).first())
    first["value"], first["n"] = values.mean().to_numpy(), count.to_numpy(float)
    first["se"] = se.where(se > 0).to_numpy()
    return first


def duplicate_problems(draft: Draft, broken: pd.Series) -> list[Problem]:
    """Return rows that repeat the curve, size, metric, run and seed of an earlier row.

    The baseline still has the mixtures that the file gives it; in rows of `broken`, the key breaks a rule
    itself.
    """
    table = draft.data.drop(broken, errors="ignore")[draft.key]
    # A curve may be defined without the mixture, but files repeat their baseline under every mixture.
    table["repeated under"] = draft.data["mixture"].where(draft.is_baseline, "")[table.index]
    first = _first_of_group(table, list(table.columns))
    repeated = first[first.to_numpy() != first.index.to_numpy()]
    if repeated.empty:
        return []
    names = draft.text["score: written"]
    several = sorted({*names[repeated.index], *names[repeated]}) if "metric" in draft.named.free else []
    differ = [name for name in draft.unread if (draft.beside(name)[repeated.index].to_numpy()
              != draft.beside(name)[repeated].to_numpy()).any()]  # fmt: skip
    apart = bool((names[repeated.index].to_numpy() != names[repeated].to_numpy()).any())
    options = tuple(_ways(draft, differ, several if apart else []))
    # Each of ten thousand rows need not name the columns again.
    told = {name: draft.beside(name) for name in differ} if len(repeated) <= _EXPLAINED else {}
    key = draft.key
    return [
        draft.row_problem(row, key, "no-duplicates", _duplicate_hint(draft, row, earlier, told), options)
        for row, earlier in zip(repeated.index, repeated, strict=True)
    ]


def _first_of_group(table: pd.DataFrame, key: list[str]) -> pd.Series:
    """Return for each row the first row with the same key."""
    group = table.groupby(key, sort=False, dropna=False).ngroup()
    return pd.Series(table.index, index=table.index).groupby(group).transform("first")


def _ways(draft: Draft, differ: list[str], names: list[str]) -> Iterator[str]:
    """Yield the options that would settle rows of one size that differ in columns or names of metrics."""
    for name in names:
        yield option("where", f"{draft.named.in_file('metric')}!={name}")
    telling = [name for name in differ if meaning(name) not in _PASSING]
    yield from roles(draft, telling)
    settings = [name for name in telling if not is_remark(name, draft.beside(name))]
    if settings and len(settings) <= 4:
        yield from draft.curve_with(settings)
    for policy in ("best", "mean", "last") if telling else ("last", "mean", "best"):
        yield option("duplicates", policy)


def _duplicate_hint(draft: Draft, row: int, first: int, unread: dict[str, pd.Series]) -> str:
    """Return where the first of the equal rows is, and the columns that could tell them apart."""
    differ = [name for name, cells in unread.items() if cells[row] != cells[first]]
    names = draft.cell(row, "score: written"), draft.cell(first, "score: written")
    if names[0] != names[1]:
        return f"{draft.unit} {draft.line(first):,} has the same, called {names[1]!r} and not {names[0]!r}"
    told = f"the two differ in {', '.join(differ)}" if differ else "replicates have a column run or seed"
    return f"{draft.unit} {draft.line(first):,} has the same; {told}"


def merge_baseline(draft: Draft) -> tuple[pd.DataFrame, list[Problem], list[str]]:
    """Take the mixture from the baseline and merge what a file repeats under several mixtures.

    Returns the data with one baseline row for each score, scores that contradict the same score under
    another mixture, and a note on how many rows were merged.
    """
    data, baseline = draft.data.copy(), draft.is_baseline
    data.loc[baseline, "mixture"] = NO_MIXTURE
    of_mixture = [name for name in data if name == "alignment" or str(name).startswith("share_")]
    data.loc[baseline, of_mixture] = float("nan")
    score = [*draft.key, *(name for name in ("value", "se") if name in data)]
    repeated = baseline & data.duplicated([*dict.fromkeys([*score, "mixture"])])
    data = data[~repeated]
    key = [name for name in draft.key if name != "mixture"]
    rows = data[baseline[data.index]]
    hint = (
        "the same baseline has another score under another mixture; keep one, or tell replicates apart by "
        "columns run or seed"
    )
    problems = [
        draft.row_problem(row, [*key, "value"], "one-baseline", hint)
        for row in rows.index[rows.duplicated(key)]
    ]
    notes = (
        [f"{repeated.sum():,} baseline rows repeated under several mixtures were merged"]
        if repeated.any()
        else []
    )
    return data, problems, notes
