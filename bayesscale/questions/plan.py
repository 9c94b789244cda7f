"""Plan: which next measurement most reduces what is unknown about a question, per unit of cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.errors import UsageError
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.posterior.curves import measured_metrics
from bayesscale.posterior.predictive import Predictive
from bayesscale.questions.asked import check_prob, check_sizes, drawn_curves
from bayesscale.questions.candidates import Prices, candidate_table
from bayesscale.questions.describe import plain_records, reading, record, table_text
from bayesscale.questions.measurements import measurement
from bayesscale.questions.plan_text import CLEAR, picture_text, plan_notes, plan_sentences, readable_plan
from bayesscale.questions.preposterior import Learnt, learn
from bayesscale.questions.quantities import Asked, Quantities, quantities
from bayesscale.questions.targets import Selection
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    from bayesscale.inference import Fit
    from bayesscale.posterior.curves import DrawnCurves
    from bayesscale.report import Picture

FloatArray = NDArray[np.float64]
OUTCOMES = 400
"""Simulated outcomes of each candidate."""


@dataclass(frozen=True)
class Plan:
    """Candidates for the next measurement, by what each is expected to teach.

    Parameters
    ----------
    fit : Fit
        The draws behind the numbers.
    asked : Asked
        The question.
    quantities : Quantities
        What is to be known.
    prices : Prices
        What tokens cost.
    prob : float
        Probability of the intervals.
    table : pandas.DataFrame
        The numbers, see `frame`.
    notes : tuple of str
        What is to be said of them.
    """

    fit: Fit = field(repr=False)
    asked: Asked
    quantities: Quantities = field(repr=False)
    prices: Prices
    prob: float
    table: pd.DataFrame = field(repr=False)
    notes: tuple[str, ...]

    def frame(self) -> pd.DataFrame:
        """Return one row a candidate, the largest reduction first.

        Columns: what names the curve and the size along it; `place`, see
        `bayesscale.questions.candidates.candidate_table`; `cost`, in tokens times their prices; for
        forecasts `sd_now` and `sd_after`, standard deviation of the law now and as expected afterwards (root
        of the mean variance), `width_now` and `width_after` of the equal-tailed interval; for events
        `bits_now` and `bits_after`, entropy, and `right_now` and `right_after`, the probability that the
        likelier answer is right; `reduction`, the share of the variance or entropy that is expected to go,
        and `reduction_error`, its Monte Carlo standard error; `reduction_per_cost`; `efficient`, whether no
        candidate of the same or lower cost reduces more, and the reduction is more than twice its error;
        `method`, 'weights' or 'regression'; `draws`, how many draws the weights are worth, median over
        outcomes. Of several curves variances and entropies are added up, and the rest is averaged.
        """
        return self.table.copy()

    def document(self) -> dict[str, Any]:
        """Return the same for programs, with what the numbers are."""
        metric = self.quantities.metric
        return {
            "question": {
                "kind": self.asked.question,
                "about": list(self.quantities.labels),
                "metric": metric,
                "measure": "entropy in bits" if self.quantities.unknown.events else "variance of the law",
            },
            "interval": {"kind": "equal-tailed", "prob": self.prob},
            **record(self.fit),
            "axis": self.fit.curves.axis_name,
            "units": {metric: CATALOGUE[metric].unit, "cost": "tokens times their price"},
            "prices": vars(self.prices),
            "sentences": plan_sentences(self),
            "notes": list(self.notes),
            "candidates": plain_records(self.table),
        }

    def sentences(self) -> list[str]:
        """Return what a reader has to know of the table."""
        lines = reading(self.fit, self.prob, [self.quantities.metric])
        return [*lines, *plan_sentences(self), *(f"note: {note}" for note in self.notes)]

    def readable(self) -> pd.DataFrame:
        """Return the best candidates, as people read them."""
        return readable_plan(self)

    def plot(self) -> Picture:
        """Return a picture of what candidates reduce against what they cost."""
        from bayesscale.report.frontier import draw_frontier

        return draw_frontier(
            self.table, *picture_text(self), "" if self.fit.status.ok else str(self.fit.status)
        )

    def __str__(self) -> str:
        table = self.readable()
        table["cost"] = [format_tokens(cost) for cost in table["cost"]]
        return "\n".join([*self.sentences(), table_text(table)])


def plan(
    fit: Fit,
    asked: Asked,
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
    asked : Asked
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
    known = quantities(fit, asked, seed)
    default = Selection(tasks=asked.selection.tasks)
    drawn, notes = drawn_curves(fit, default if candidates is None else candidates, seed)
    chosen = None if sizes is None else check_sizes(sizes, fit.curves).tolist()
    if chosen is not None and 0 in chosen:
        raise UsageError("a candidate has a size above 0; received 0, the non-pretrained baseline")
    table = candidate_table(fit.metrics, fit.curves, drawn.targets, chosen, known.until, prices)
    learnt = _learn(drawn, known, table, prob, outcomes, seed)
    table = _ranked(table.drop(columns="row"), known, learnt, prob)
    notes = tuple(dict.fromkeys([*known.notes, *notes, *plan_notes(fit, known, table, prices)]))
    return Plan(fit, asked, known, prices, prob, table, notes)


def _learn(
    drawn: DrawnCurves, known: Quantities, table: pd.DataFrame, prob: float, outcomes: int, seed: int
) -> list[Learnt]:
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


def _ranked(table: pd.DataFrame, known: Quantities, learnt: list[Learnt], prob: float) -> pd.DataFrame:
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
    return table.sort_values("reduction", ascending=False, kind="stable", ignore_index=True)


def _efficient(table: pd.DataFrame) -> pd.Series:
    """Return which candidates reduce more than all that cost no more, and more than Monte Carlo error."""
    by_cost = table.sort_values(["cost", "reduction"], ascending=[True, False])
    best_before = by_cost["reduction"].cummax().shift(fill_value=0.0)
    return (by_cost["reduction"] > best_before) & (by_cost["reduction"] > CLEAR * by_cost["reduction_error"])
