"""Alignment of the curves that a question is about: measured, from language shares, or given."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bayesscale.errors import QuestionError, UsageError
from bayesscale.metrics.alignment import alignment_score, mixture_shares, task_languages
from bayesscale.metrics.curves import Curves
from bayesscale.metrics.table import Metrics
from bayesscale.posterior.curves import Targets

Pair = tuple[str, str]


def target_alignment(
    metrics: Metrics,
    curves: Curves,
    targets: Targets,
    shares: Mapping[str, float] | None,
    alignment: float | None,
) -> tuple[NDArray[np.float64], list[str]]:
    """Return the alignment of each target, NaN where nothing says it, and notes on those.

    The one mixture that was not measured may have language shares or an alignment, which the user gives.
    """
    pairs = list(zip(targets.table["task"], targets.table["mixture"], strict=True))
    known = _measured(curves)
    new = [pair for pair in dict.fromkeys(pairs) if pair not in known]
    _check(shares, alignment, new, curves)
    found: dict[Pair, float] = {**known, **_of_shares(metrics, shares, new)}
    if alignment is not None:
        found[new[0]] = alignment
    values = np.array([found.get(pair, np.nan) for pair in pairs], dtype=float)
    return values, _notes(curves, new, found) if _enters(curves) else []


def _measured(curves: Curves) -> dict[Pair, float]:
    """Return the alignment of the measured pairs of task and mixture, NaN where it is unknown."""
    table = curves.table
    values = table["alignment"] if "alignment" in table else [np.nan] * len(table)
    return {(t, m): float(a) for t, m, a in zip(table["task"], table["mixture"], values, strict=True)}


def _enters(curves: Curves) -> bool:
    """Return whether the effects depend on alignment."""
    return "alignment" in [covariate.name for covariate in curves.covariates]


def _check(
    shares: Mapping[str, float] | None, alignment: float | None, new: list[Pair], curves: Curves
) -> None:
    """Refuse shares and alignment that belong to no mixture, or to several."""
    told = {"shares": shares, "alignment": alignment}
    given = [name for name, value in told.items() if value is not None]
    if not given:
        return
    if len(given) > 1:
        raise UsageError("a new mixture has shares or an alignment; received both; give one of them")
    if not _enters(curves):
        raise QuestionError(
            f"{given[0]} can be used only if alignment varies between the measured curves, which it does not "
            f"here; leave out {given[0]}, or fit a table with a column alignment or share_<language>"
        )
    several = {mixture for _, mixture in new} if given == ["shares"] else set(new)
    if len(several) != 1:
        received = ", ".join(sorted(map(str, several))) or "none"
        raise QuestionError(
            f"{given[0]} belongs to exactly one mixture that was not measured"
            f"{' with exactly one task' if given == ['alignment'] else ''}; received {received}; "
            "ask for one at a time"
        )
    if alignment is not None and not 0 <= alignment <= 2:
        raise UsageError(f"an alignment lies between 0 and 2; received {alignment:g}")


def _of_shares(metrics: Metrics, given: Mapping[str, float] | None, new: list[Pair]) -> dict[Pair, float]:
    """Return the alignment of new pairs whose mixture has shares, given or in the data."""
    shares: dict[str, Mapping[str, float]] = dict(mixture_shares(metrics.frame))
    if given is not None:
        shares[new[0][1]] = given
    found: dict[Pair, float] = {}
    for task, mixture in new:
        languages = task_languages(task)
        if mixture in shares and languages:
            found[task, mixture] = alignment_score(shares[mixture], *languages)
        elif given is not None:
            raise QuestionError(
                f"shares give an alignment only for a task named by its languages, such as en-fr; "
                f"received {task!r}; give the alignment itself"
            )
    return found


def _notes(curves: Curves, new: list[Pair], found: Mapping[Pair, float]) -> list[str]:
    """Say which alignments are unknown or outside those measured."""
    measured = curves.table["alignment"].dropna()
    notes = []
    for task, mixture in new:
        value = found.get((task, mixture), np.nan)
        if np.isnan(value):
            notes.append(
                f"the alignment of mixture {mixture!r} with task {task!r} is unknown: that of a typical "
                "curve is assumed; give language shares or the alignment"
            )
        elif not measured.min() <= value <= measured.max():
            notes.append(
                f"alignment {value:.3g} of mixture {mixture!r} with task {task!r} lies outside the measured "
                f"{measured.min():.3g} to {measured.max():.3g}: its trend is assumed to go on"
            )
    return notes
