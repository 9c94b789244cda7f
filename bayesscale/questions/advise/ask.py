"""Ask for advice: the numbers behind it, curve by curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.errors import QuestionError, UsageError
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.posterior.baseline import TargetBaseline
from bayesscale.posterior.curves import DrawnCurves
from bayesscale.posterior.noise import within
from bayesscale.questions.advise.answer import Advice, because, sentence
from bayesscale.questions.advise.decision import ACTS, COLUMNS, Goal, check_confidence, decide, outcomes
from bayesscale.questions.advise.reach import FloatArray, Trajectory
from bayesscale.questions.answer import interval, three
from bayesscale.questions.baseline import BaselineRuns, runs_text
from bayesscale.questions.outlook import gain_that_counts
from bayesscale.questions.select import (
    Selection,
    check_prob,
    check_size,
    drawn_curves,
    metric_notes,
    metric_places,
)
from bayesscale.tables import SHORT
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    from bayesscale.inference import Fit


def check_goal(fit: Fit, goal: Goal) -> None:
    """Refuse numbers that cannot be meant."""
    check_prob(goal.prob)
    check_confidence(goal.confidence)
    check_size(goal.budget, fit.curves, rule="a budget is a number of tokens above 0")
    if not (np.isfinite(goal.delta) and goal.delta >= 0):
        raise UsageError(f"delta is a finite gain of at least 0; received {goal.delta:g}")
    _check_target(fit, goal)


def _check_target(fit: Fit, goal: Goal) -> None:
    """Refuse a target that is outside of the metric's range, or a fraction where the metric is in points."""
    spec = CATALOGUE[goal.metric]
    limits = f"{spec.low:g} or more" if np.isinf(spec.high) else f"{spec.low:g} to {spec.high:g}"
    rule = f"a target must be in the metric's unit: {goal.metric} is {limits} ({spec.unit})"
    if not spec.low <= goal.target <= spec.high or not np.isfinite(goal.target):
        percent = goal.target / 100
        hint = f"write {percent:g}?" if spec.high == 1 and 0 < percent <= 1 else "give one in that range"
        raise QuestionError(f"{rule}; received {goal.target:g}; {hint}")
    frame = fit.metrics.frame
    measured = frame.loc[frame["metric"] == goal.metric, "value"]
    # Scores in points near 1 exist, but not where the measured ones are far above.
    if "points" in spec.unit and goal.target <= 1 and measured.median() > 1:
        raise QuestionError(
            f"{rule}, measured ones are {measured.min():.3g} to {measured.max():.3g}; received "
            f"{goal.target:g}, which looks like a fraction; write {100 * goal.target:g}?"
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


def notes_on(drawn: DrawnCurves, goal: Goal, table: pd.DataFrame) -> list[str]:
    """Return what is to be said of the answer."""
    notes = []
    if left := int((~drawn.targets.measured).sum()):
        notes.append(f"{left} of the curves asked for were not measured: no advice is given on them")
    if over := int((table["last"] >= goal.budget).sum()):
        notes.append(
            f"the budget of {format_tokens(goal.budget)} is not beyond the last measured size of {over} of "
            f"{len(table)} curves: nothing is left there to continue with"
        )
    if table["p_broken"].isna().all():
        notes.append(f"{goal.metric} cannot break in this fit: no advice is due to a break; see fit --breaks")
    notes += metric_notes(drawn, [drawn.curves.names.index(goal.metric)])
    return [*notes, *_without_baseline(drawn, goal)]


def _without_baseline(drawn: DrawnCurves, goal: Goal) -> list[str]:
    """Say where the runs are missing that would tell whether pretraining is needed."""
    curves = drawn.curves
    if curves.axis_name != "pretrain_tokens":
        return []
    table = drawn.targets.table[drawn.targets.measured]
    if not len(curves.baseline):
        return ["no run without pretraining was measured: whether pretraining is needed is not judged"]
    lacking = BaselineRuns(curves).missing(table, [goal.metric])
    if lacking.empty:
        return []
    return [f"no run without pretraining: {runs_text(lacking)}; whether it is needed there is not judged"]


_UNKNOWN = np.full(3, np.nan)


def _row(path: Trajectory, goal: Goal, axis: str) -> dict[str, Any]:
    """Return a row of `Advice`."""
    broken = path.broken_by(path.last)
    before = path.broken_by(goal.budget)
    within = path.needed <= path.end
    baseline = baseline_draws(path)
    gain = None if baseline is None else path.sign * (path.best - baseline)
    enough = None if baseline is None else path.sign * (baseline - goal.target) >= 0
    never = np.zeros(within.shape, dtype=bool)
    probabilities = outcomes(
        not_needed=never if gain is None or enough is None else enough | (gain < goal.delta),
        reached=path.needed <= path.last,
        within=within,
        broken=never if broken is None else broken,
    )
    advice, probability = decide(probabilities, goal.confidence)
    at_budget, curve = path.at_budget, path.drawn.targets.table.iloc[path.row]
    row = {
        **{str(name): value for name, value in curve.items()},
        "metric": goal.metric,
        "sizes": len(path.measured),
        "first": float(path.measured[0]),
        "last": path.last,
        "advice": advice,
        "act": ACTS[advice],
        "probability": probability,
        **{column: probabilities[name] for name, column in COLUMNS.items()},
        **three("tokens", _finite(interval(path.needed, goal.prob))),
        "horizon": path.horizon,
        "p_by_horizon": float(np.isfinite(path.needed).mean()),
        "expected": float(at_budget.mean()),
        **three("score", interval(at_budget, goal.prob)),
        "p_target": float((path.sign * (at_budget - goal.target) >= 0).mean()),
        "p_broken": _share(broken),
        "p_break": _share(before),
        **three("gain", _UNKNOWN if gain is None else interval(gain, goal.prob)),
        "baseline_median": np.nan if baseline is None else float(np.median(baseline)),
        "p_baseline": _share(enough),
    }
    return {**row, "because": because(row), "why": sentence(row, goal, axis)}


def baseline_draws(path: Trajectory) -> FloatArray | None:
    """Return draws of the value without pretraining; None where it was not measured."""
    drawn, name = path.drawn, path.drawn.curves.names[path.metric]
    table = drawn.targets.table.iloc[[path.row]]
    if not len(drawn.curves.baseline) or not BaselineRuns(drawn.curves).has(table, name)[0]:
        return None
    return within(TargetBaseline(drawn).value(slice(path.row, path.row + 1), path.metric)[0], name)


def _share(event: NDArray[np.bool_] | None) -> float:
    """Return the probability of an event, NaN where nothing is known of it."""
    return np.nan if event is None else float(event.mean())


def _finite(values: FloatArray) -> FloatArray:
    """Return sizes, NaN where the horizon comes first."""
    return np.where(np.isfinite(values), values, np.nan)


def advise(
    fit: Fit,
    target: float,
    budget: float,
    *,
    metric: str | None = None,
    delta: float | None = None,
    confidence: float = 0.8,
    prob: float = 0.9,
    tasks: Sequence[str] | None = None,
    mixtures: Sequence[str] | None = None,
    other_sizes: Sequence[float] | None = None,
) -> Advice:
    """Advise whether to continue on each curve.

    Parameters
    ----------
    fit : Fit
        A fitted model.
    target : float
        The value wanted, in the metric's unit.
    budget : float
        Size up to which a curve may be continued, in tokens.
    metric : str, optional
        Default: the first metric of the fit, a score if there is one.
    delta : float, optional
        Gain over the baseline below which pretraining is not needed, in the metric's unit. Default: twice the
        noise of one run that is typical of the metric.
    confidence : float
        Probability from which on an act is advised, above 0.5.
    prob : float
        Probability of the equal-tailed intervals.
    tasks, mixtures, other_sizes : sequences, optional
        Which measured curves. Default: all.

    Returns
    -------
    Advice
        The answer.

    Raises
    ------
    QuestionError
        The target cannot be in the metric's unit, the budget is below all measured sizes, or no measured
        curve was chosen.
    UsageError
        A number cannot be used.
    """
    places = metric_places(fit.curves, None if metric is None else [metric])
    place, name = places[0], fit.curves.names[places[0]]
    delta = gain_that_counts(name) if delta is None else delta
    goal = Goal(name, float(target), float(delta), float(budget), float(confidence), float(prob))
    check_goal(fit, goal)
    drawn, notes = drawn_curves(fit, Selection(None, tasks, mixtures, other_sizes), None)
    trajectories = [
        Trajectory(drawn, row, place, goal.target, goal.budget) for row in measured_targets(drawn)
    ]
    if all(goal.budget < path.measured[0] for path in trajectories):
        first = min(float(path.measured[0]) for path in trajectories)
        raise QuestionError(
            f"a budget must be within or beyond the measured sizes, which begin at {format_tokens(first)}; "
            f"received {format_tokens(goal.budget)}; give all the tokens of a run, not only further ones"
        )
    axis = SHORT[fit.curves.axis_name]
    table = pd.DataFrame([_row(path, goal, axis) for path in trajectories])
    return Advice(fit, prob, table, (*notes, *notes_on(drawn, goal, table)), goal)
