"""What is asked of the advice, checked, and what is to be said of the choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayesscale.errors import QuestionError, UsageError
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.posterior.curves import DrawnCurves, measured_metrics
from bayesscale.questions.advice_rows import Wish
from bayesscale.questions.asked import check_prob, check_sizes
from bayesscale.questions.decision import check_confidence
from bayesscale.questions.missing import BaselineRuns, runs_text
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    from bayesscale.inference import Fit


def check_wish(fit: Fit, wish: Wish) -> None:
    """Refuse numbers that cannot be meant.

    Parameters
    ----------
    fit : Fit
        The draws.
    wish : Wish
        What the user wants.

    Raises
    ------
    QuestionError
        The target cannot be in the metric's unit.
    UsageError
        A number is none, or outside of its range.
    """
    check_prob(wish.prob)
    check_confidence(wish.confidence)
    if not check_sizes([wish.budget], fit.curves)[0] > 0:
        raise UsageError("a budget is a number of tokens above 0; received 0; write for instance 1T")
    if not (np.isfinite(wish.delta) and wish.delta >= 0):
        raise UsageError(f"delta is a finite gain of at least 0; received {wish.delta:g}")
    _check_target(fit, wish)


def _check_target(fit: Fit, wish: Wish) -> None:
    """Refuse a target that is outside of the metric's range, or a fraction where the metric is in points."""
    spec = CATALOGUE[wish.metric]
    limits = f"{spec.low:g} or more" if np.isinf(spec.high) else f"{spec.low:g} to {spec.high:g}"
    rule = f"a target must be in the metric's unit: {wish.metric} is {limits} ({spec.unit})"
    if not spec.low <= wish.target <= spec.high or not np.isfinite(wish.target):
        percent = wish.target / 100
        hint = f"write {percent:g}?" if spec.high == 1 and 0 < percent <= 1 else "give one in that range"
        raise QuestionError(f"{rule}; received {wish.target:g}; {hint}")
    frame = fit.metrics.frame
    measured = frame.loc[frame["metric"] == wish.metric, "value"]
    # Scores in points near 1 exist, but not where the measured ones are far above.
    if "points" in spec.unit and wish.target <= 1 and measured.median() > 1:
        raise QuestionError(
            f"{rule}, measured ones are {measured.min():.3g} to {measured.max():.3g}; received "
            f"{wish.target:g}, which looks like a fraction; write {100 * wish.target:g}?"
        )


def measured_targets(drawn: DrawnCurves) -> list[int]:
    """Return the rows of the curves that were measured; refuse a choice without any."""
    rows = np.flatnonzero(drawn.targets.measured).tolist()
    if not rows:
        raise QuestionError(
            "advice is given on measured curves; none was chosen; choose others, or ask `bayesscale predict` "
            "for curves that were not measured"
        )
    return rows


def notes_on(drawn: DrawnCurves, wish: Wish, table: pd.DataFrame) -> list[str]:
    """Return what is to be said of the answer.

    Parameters
    ----------
    drawn : DrawnCurves
        The curves asked for.
    wish : Wish
        What the user wants.
    table : pandas.DataFrame
        The answer.
    """
    notes = []
    if left := int((~drawn.targets.measured).sum()):
        notes.append(f"{left} of the curves asked for were not measured: no advice is given on them")
    if over := int((table["last"] >= wish.budget).sum()):
        notes.append(
            f"the budget of {format_tokens(wish.budget)} is not beyond the last measured size of {over} of "
            f"{len(table)} curves: nothing is left there to continue with"
        )
    if table["p_broken"].isna().all():
        notes.append(f"{wish.metric} cannot break in this fit: no advice is due to a break; see fit --breaks")
    return [*notes, *_unmeasured(drawn, wish), *_without_baseline(drawn, wish)]


def _unmeasured(drawn: DrawnCurves, wish: Wish) -> list[str]:
    """Say on how many curves the metric was not measured."""
    curves = drawn.curves
    known = measured_metrics(curves)[drawn.targets.position[drawn.targets.measured]]
    missing = int((~known[:, curves.names.index(wish.metric)]).sum())
    told = f"{wish.metric} was not measured on {missing} of {len(known)} curves: what is said of it there"
    return [f"{told} follows from other metrics and curves"] if missing else []


def _without_baseline(drawn: DrawnCurves, wish: Wish) -> list[str]:
    """Say where the runs are missing that would tell whether pretraining is needed."""
    curves = drawn.curves
    if curves.axis_name != "pretrain_tokens":
        return []
    table = drawn.targets.table[drawn.targets.measured]
    if not len(curves.baseline):
        return ["no run without pretraining was measured: whether pretraining is needed is not judged"]
    lacking = BaselineRuns(curves).missing(table, [wish.metric])
    if lacking.empty:
        return []
    return [f"no run without pretraining: {runs_text(lacking)}; whether it is needed there is not judged"]
