"""The non-pretrained baseline: scores at D_p = 0, which belong to no mixture."""

from __future__ import annotations

import pandas as pd

from bayesscale.metrics.draft import Draft
from bayesscale.metrics.problems import Problem

NO_MIXTURE = "none"
"""Mixture of the rows that were not pretrained."""


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
