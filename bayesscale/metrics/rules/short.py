"""Curves of one size, which say nothing of a slope."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from bayesscale.metrics.curves import unit_labels
from bayesscale.metrics.problems import Problem
from bayesscale.metrics.tidy.draft import Draft

_SHOWN = 3


def size_problems(draft: Draft, broken: pd.Series) -> list[Problem]:
    """Return what keeps a table from having any curve: no metric has two sizes on any.

    Rows of `broken` may not belong to the curve that they name.
    """
    if draft.is_baseline.all():
        hint = "there are only rows with pretrain_tokens 0; add the scores of pretrained models"
        return [Problem(None, None, "two-sizes", None, hint)]
    table = draft.data[~draft.is_baseline & ~draft.data.index.isin(broken)]
    alone = _alone(draft, table)
    # A size that cannot be read has its own problem.
    if not len(alone) or len(alone) < len(table) or draft.data[draft.axis].isna().any():
        return []
    sizes = table[draft.axis].nunique()
    hint = (
        f"no curve of {', '.join(draft.curve)} has two sizes, and the table has {sizes:,}: add the "
        "scores at other "
        f"sizes; if all rows are of fewer curves, say what defines one with --curve"
    )
    row = table.index[0]
    return [draft.row_problem(row, [*draft.curve, "metric", draft.axis], "two-sizes", hint)]


def leave_out_short(draft: Draft) -> tuple[Draft, list[str]]:
    """Leave out curves that have a metric at one size only; at least one has two."""
    table = draft.data[~draft.is_baseline]
    alone = _alone(draft, table)
    if not len(alone):
        return draft, []
    curves = table.loc[alone, [*draft.curve, "metric"]].drop_duplicates()
    shown = curves.head(_SHOWN)
    labels = unit_labels(shown, draft.curve)
    texts = [f"{label} | {name}" for label, name in zip(labels, shown["metric"], strict=True)]
    more = f" and {len(curves) - _SHOWN:,} more" if len(curves) > _SHOWN else ""
    note = f"{len(curves):,} curves of one size were left out: {'; '.join(texts)}{more}"
    return replace(draft, data=draft.data.drop(alone)), [note]


def _alone(draft: Draft, table: pd.DataFrame) -> pd.Index:
    """Return the rows whose curve has fewer than two sizes of their metric."""
    # A size that is not valid has its own problem; here it counts, so that one mistake is told once.
    counts = table.groupby([*draft.curve, "metric"], sort=False)[draft.axis].transform(
        "nunique", dropna=False
    )
    return table.index[counts < 2]
