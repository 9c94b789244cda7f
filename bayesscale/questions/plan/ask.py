"""Ask which next measurement most reduces what is unknown about a question, per unit of cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.errors import UsageError
from bayesscale.posterior.curves import measured_metrics
from bayesscale.posterior.predictive import Predictive
from bayesscale.questions.plan.answer import CLEAR, Plan, plan_notes
from bayesscale.questions.plan.candidates import Prices, candidate_table
from bayesscale.questions.plan.preposterior import Reduction, learn, measurement
from bayesscale.questions.plan.quantities import Quantities, Query, quantities
from bayesscale.questions.select import Selection, check_prob, check_sizes, drawn_curves

if TYPE_CHECKING:
    from bayesscale.inference import Fit
    from bayesscale.posterior.curves import DrawnCurves

FloatArray = NDArray[np.float64]
OUTCOMES = 400
"""Simulated outcomes of each candidate."""


def plan(
    fit: Fit,
    query: Query,
    *,
    candidates: Selection | None = None,
    sizes: Sequence[float] | None = None,
    prices: Prices | None = None,
    prob: float = 0.9,
    outcomes: int = OUTCOMES,
    seed: int | None = None,
) -> Plan:
    """Say which next measurement is expected to reduce most what is unknown about a question.

    Each candidate is simulated from the posterior, and every simulated outcome reweights the draws, see
    `bayesscale.questions.preposterior`: nothing is fitted anew. All that the joint model knows takes part: a
    measurement on another mixture or D_f teaches as much as the pooling lets it.

    Parameters
    ----------
    fit : Fit
        A fitted model.
    query : Query
        The question: 'forecast', the law of a curve at a size; 'break', whether a curve breaks before a size
        or broke by its last; 'better', which of two mixtures is better at a size.
    candidates : Selection, optional
        The curves on which to measure, measured or not. Default: all measured curves of the question's tasks.
    sizes : sequence of float, optional
        Sizes to measure at. Default: see `bayesscale.questions.candidates.candidate_table`.
    prices : Prices, optional
        What tokens cost. Default: 1 each.
    prob : float
        Probability of the equal-tailed intervals.
    outcomes : int
        Simulated outcomes of each candidate, at least 20.
    seed : int, optional
        Seed of the simulation. Default: the fit's own.

    Raises
    ------
    UsageError
        A size, a price, the probability or a combination of arguments cannot be used.
    QuestionError
        The fit cannot answer: a task or metric that it does not know, a metric that cannot break.
    """
    check_prob(prob)
    if outcomes < 20:
        raise UsageError(f"a candidate is judged by at least 20 simulated outcomes; received {outcomes}")
    prices, seed = prices or Prices(), int(fit.provenance["seed"]) if seed is None else seed
    known = quantities(fit, query, seed)
    default = Selection(tasks=query.selection.tasks)
    drawn, notes = drawn_curves(fit, default if candidates is None else candidates, seed)
    rule = "a candidate has a size above 0"
    chosen = None if sizes is None else check_sizes(sizes, fit.curves, rule=rule).tolist()
    table = candidate_table(fit.metrics, fit.curves, drawn.targets, chosen, known.until, prices)
    learnt = _learn(drawn, known, table, prob, outcomes, seed)
    table = _ranked(table.drop(columns="row"), known, learnt, prob)
    notes = tuple(dict.fromkeys([*known.notes, *notes, *plan_notes(fit, known, table, prices)]))
    return Plan(fit, prob, table, notes, query, known, prices)


def _learn(
    drawn: DrawnCurves, known: Quantities, table: pd.DataFrame, prob: float, outcomes: int, seed: int
) -> list[Reduction]:
    """Return what each candidate is expected to teach."""
    curves, found = drawn.curves, []
    draws, measured = known.unknown.choose(outcomes), measured_metrics(curves)
    predictive = Predictive(drawn, prob)
    for row, size in zip(table["row"], table[curves.axis_name], strict=True):
        position = drawn.targets.position[row]
        metrics = np.flatnonzero(measured[position]) if position >= 0 else np.arange(len(curves.names))
        simulated = measurement(predictive, int(row), float(size), metrics)
        found.append(learn(simulated, known.unknown, draws, prob, seed))
    return found


def _ranked(table: pd.DataFrame, known: Quantities, learnt: list[Reduction], prob: float) -> pd.DataFrame:
    """Return the table with what was learnt, the largest reduction first."""
    unknown = known.unknown
    if unknown.events:
        share = unknown.draws.mean(axis=1)
        table["bits_now"] = unknown.now.sum()
        table["bits_after"] = [(1 - each.reduction) * unknown.now.sum() for each in learnt]
        table["right_now"] = np.maximum(share, 1 - share).mean()
        table["right_after"] = [each.right for each in learnt]
    else:
        table["sd_now"] = np.sqrt(unknown.now.mean())
        table["sd_after"] = [np.sqrt((1 - each.reduction) * unknown.now.mean()) for each in learnt]
        ends = np.quantile(unknown.draws, [(1 - prob) / 2, (1 + prob) / 2], axis=1)
        table["width_now"] = np.ptp(ends, axis=0).mean()
        table["width_after"] = [each.width for each in learnt]
    table["reduction"] = [each.reduction for each in learnt]
    table["reduction_error"] = [each.error for each in learnt]
    table["reduction_per_cost"] = table["reduction"] / table["cost"].where(table["cost"] > 0)
    table["method"] = ["weights" if each.weighted else "regression" for each in learnt]
    table["draws"] = [each.draws for each in learnt]
    table["efficient"] = _efficient(table)
    table = table.sort_values("reduction", ascending=False, kind="stable", ignore_index=True)
    best, error = table.iloc[0], table["reduction_error"]
    return table.assign(
        as_good=best["reduction"] - table["reduction"] <= CLEAR * np.hypot(best["reduction_error"], error)
    )


def _efficient(table: pd.DataFrame) -> pd.Series:
    """Return which candidates reduce more than all that cost no more, and more than Monte Carlo error."""
    by_cost = table.sort_values(["cost", "reduction"], ascending=[True, False])
    best_before = by_cost["reduction"].cummax().shift(fill_value=0.0)
    return (by_cost["reduction"] > best_before) & (by_cost["reduction"] > CLEAR * by_cost["reduction_error"])
