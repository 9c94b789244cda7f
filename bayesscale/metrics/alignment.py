"""Alignment of a pretraining mixture with a translation task, after the paper."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import fsum

import pandas as pd

from bayesscale.errors import DataError

SHARE_PREFIX = "share_"
"""Columns that start so hold the share of one language in the mixture: share_en, share_fr."""

# A pair of language codes, alone or as the last word: 'en-fr', 'en->fr', 'WMT-15 en-fr'.
_PAIR = re.compile(r"(?:.*[\s:/])?([a-z]{2,3})(?:-|_|->|→)([a-z]{2,3})", re.IGNORECASE)
# Shares are often rounded: 0.34, 0.33, 0.34.
_ROUNDING = 0.015


def alignment_score(shares: Mapping[str, float], source: str, target: str) -> float:
    """Return P_source * P_target + 0.7 * P_source + 0.8 * P_target of a mixture and a task.

    `shares` are those of the languages in the mixture, each between 0 and 1 and together at most 1 (else
    DataError); one that is not named has share 0. 1.0 for half source and half target, 0.7 for source alone,
    0.8 for target alone, 0 for neither.

    References
    ----------
    Isik et al., arXiv 2402.04177, section 3.
    """
    _check(shares)
    p_source, p_target = shares.get(source, 0.0), shares.get(target, 0.0)
    return p_source * p_target + 0.7 * p_source + 0.8 * p_target


def task_languages(task: str) -> tuple[str, str] | None:
    """Return (source, target) of a task such as 'en-fr', or None where its name holds no such pair."""
    pair = _PAIR.fullmatch(task.strip())
    return (pair[1].lower(), pair[2].lower()) if pair else None


def mixture_shares(frame: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return the shares of the languages of every mixture in a table with columns share_<language>.

    A share that is missing counts as 0; rows without any, such as those of the non-pretrained baseline, are
    passed over. Languages of share 0 are left out; nothing where the table has no shares. DataError if two
    rows of one mixture disagree, or if shares are not fractions that add up to at most 1.
    """
    columns = [column for column in frame.columns if str(column).startswith(SHARE_PREFIX)]
    known = frame.loc[frame[columns].notna().any(axis=1), ["mixture", *columns]].fillna(
        dict.fromkeys(columns, 0.0)
    )
    distinct = known.drop_duplicates()
    twice = distinct["mixture"][distinct["mixture"].duplicated()].unique()
    if len(twice):
        raise DataError(
            f"a mixture has the same shares in every row; several are given for {', '.join(sorted(twice))}: "
            "correct the shares, or give the mixtures different names"
        )
    languages = [str(column).removeprefix(SHARE_PREFIX) for column in columns]
    found = {
        str(mixture): {
            language: float(share) for language, share in zip(languages, row, strict=True) if share
        }
        for mixture, *row in distinct.itertuples(index=False)
    }
    for mixture, shares in found.items():
        _check(shares, f" of mixture {mixture!r}")
    return found


def _check(shares: Mapping[str, float], where: str = "") -> None:
    """Raise unless the shares are fractions of one whole."""
    total = fsum(shares.values())
    if all(0 <= share <= 1 for share in shares.values()) and total <= 1 + _ROUNDING:
        return
    received = ", ".join(f"{language}={share:g}" for language, share in sorted(shares.items()))
    raise DataError(
        f"shares{where} lie between 0 and 1 and add up to at most 1; received {received} "
        f"(sum {total:g}): write fractions, 0.5 rather than 50"
    )
