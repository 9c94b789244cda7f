"""Rules that rows of a metrics table must keep together."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayesscale.metrics.catalogue import CATALOGUE, find_metric
from bayesscale.metrics.names import NO_MIXTURE, companion
from bayesscale.metrics.problems import Problem
from bayesscale.metrics.tidy.draft import Draft

# Shares are often rounded: 0.33, 0.33, 0.33.
_SHARES_OFF = 0.015


def duplicate_problems(draft: Draft, broken: pd.Series) -> list[Problem]:
    """Return rows that repeat the curve, size, metric, run and seed of an earlier row.

    Parameters
    ----------
    draft : Draft
        The table, in which the baseline still has the mixtures that the file gives it.
    broken : pandas.Series
        Rows whose key breaks a rule itself.
    """
    table = draft.data.drop(broken)[draft.key]
    # A curve may be defined without the mixture, but files repeat their baseline under every mixture.
    table["repeated under"] = draft.data["mixture"].where(draft.is_baseline, "")[table.index]
    first = _first_of_group(table, list(table.columns))
    repeated = first[first.to_numpy() != first.index.to_numpy()]
    return [
        draft.row_problem(row, draft.key, "no-duplicates", _duplicate_hint(draft, row, earlier))
        for row, earlier in zip(repeated.index, repeated, strict=True)
    ]


def _first_of_group(table: pd.DataFrame, key: list[str]) -> pd.Series:
    """Return for each row the first row with the same key."""
    group = table.groupby(key, sort=False, dropna=False).ngroup()
    return pd.Series(table.index, index=table.index).groupby(group).transform("first")


def _duplicate_hint(draft: Draft, row: int, first: int) -> str:
    """Return where the first of the equal rows is, and the columns that could tell them apart."""
    here, there = draft.line(row), draft.line(first)
    cells = draft.named.cells
    known = [name for name in draft.named.free if find_metric(name) or companion(name)]
    unread = [name for name in draft.named.free if name not in {*draft.text.columns, *known}]
    differ = [name for name in unread if str(cells.at[here, name]) != str(cells.at[there, name])]
    hint = f"{draft.unit} {there:,} has the same; remove one, or tell replicates apart by columns run or seed"
    if differ:
        hint += f"; the two differ in {', '.join(differ)}: choose with --where, or add to --curve"
    return hint


def size_problems(draft: Draft, broken: pd.Series) -> list[Problem]:
    """Return curves that have a metric at fewer than two sizes.

    Parameters
    ----------
    draft : Draft
        The table.
    broken : pandas.Series
        Rows that may not belong to the curve that they name.
    """
    if draft.is_baseline.all():
        hint = "there are only rows with pretrain_tokens 0; add the scores of pretrained models"
        return [Problem(None, None, "two-sizes", None, hint)]
    table = draft.data[~draft.is_baseline & ~draft.data.index.isin(broken)]
    key = [*draft.curve, "metric"]
    # A size that is not valid has its own problem; here it counts, so that one mistake is told once.
    counts = table.groupby(key, sort=False)[draft.axis].transform("nunique", dropna=False)
    alone = table.index[counts < 2]
    hint = "measure this curve at another size, or leave it out with --where"
    rows = table.loc[alone].drop_duplicates(key).index
    return [draft.row_problem(row, [*key, draft.axis], "two-sizes", hint) for row in rows]


def scale_problems(draft: Draft) -> tuple[list[Problem], list[str]]:
    """Return metrics of 0 to 100 that are on a scale of 0 to 1, and notes on tasks where that may be."""
    problems: list[Problem] = []
    notes: list[str] = []
    on_100 = [name for name, spec in CATALOGUE.items() if spec.high == 100]
    scored = draft.data[draft.data["metric"].isin(on_100)]
    if "signature" in scored:
        # Who has a signature had sacreBLEU, which knows one scale; early checkpoints do score below 1.
        scored = scored[scored["signature"].eq("")]
    for metric, group in scored.groupby("metric"):
        largest = group.groupby("task")["value"].max()
        low = largest[(largest > 0) & (largest <= 1)]
        if len(low) == len(largest) > 0:
            row = group.index[int(group["value"].argmax())]
            hint = (
                f"no {metric} is above this one, so these are fractions of 1; multiply them and "
                f"their standard errors by 100"
            )
            problems.append(draft.problem(row, "value", "value-scale", hint))
        else:
            notes += [f"{metric} of task {task} is never above 1: is it a fraction?" for task in low.index]
    return problems, notes


def share_problems(draft: Draft) -> list[Problem]:
    """Return rows whose shares of languages do not sum to 1."""
    shares = [name for name in draft.data.columns if str(name).startswith("share_")]
    given = draft.data[shares].dropna(how="all")
    valid = given[((given >= 0) & (given <= 1) | given.isna()).all(axis=1)] if shares else given
    total = valid.sum(axis=1)
    problems = []
    for row in total.index[(total - 1).abs() > _SHARES_OFF]:
        names = ", ".join(draft.named.in_file(name) for name in shares)
        hint = f"correct {names}, or add the column of the language that is missing"
        problems.append(draft.problem(row, shares[0], "shares-sum", hint, f"a sum of {total[row]:.4g}"))
    return problems


def alignment_problems(draft: Draft) -> list[Problem]:
    """Return rows whose alignment differs from the first of the same task and mixture."""
    if "alignment" not in draft.data:
        return []
    given = draft.data[draft.data["alignment"].notna() & ~draft.is_baseline]
    first = given.groupby(["task", "mixture"], dropna=False)["alignment"].transform("first")
    problems = []
    for row in given.index[~np.isclose(given["alignment"], first)]:
        names = " with ".join(str(draft.data.at[row, name]) for name in ("task", "mixture"))
        hint = f"{names} had {first[row]:g} before; give all its rows the same"
        problems.append(draft.problem(row, "alignment", "alignment-constant", hint))
    return problems


def merge_baseline(draft: Draft) -> tuple[pd.DataFrame, list[Problem], list[str]]:
    """Take the mixture from the baseline and merge what a file repeats under several mixtures.

    Returns
    -------
    pandas.DataFrame
        `draft.data` with one baseline row for each score.
    list of Problem
        Scores that contradict the same score under another mixture.
    list of str
        A note on how many rows were merged.
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
