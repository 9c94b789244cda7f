"""Shares of languages and alignment: what rows of one mixture must have in common."""

from __future__ import annotations

import numpy as np

from bayesscale.metrics.problems import Problem
from bayesscale.metrics.tidy.draft import Draft

# Shares are often rounded: 0.33, 0.33, 0.33.
_SHARES_OFF = 0.015


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
