"""Advice: continue pretraining or stop, for a target and a budget, with the probability of every outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from bayesscale.errors import QuestionError
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.questions.advice_asked import check_wish, measured_targets, notes_on
from bayesscale.questions.advice_rows import Wish, advice_row
from bayesscale.questions.advice_words import score_text, sentence, tokens_text
from bayesscale.questions.asked import drawn_curves, metric_places
from bayesscale.questions.decision import UNDECIDED
from bayesscale.questions.describe import SHORT, plain_records, probability_text, reading, record, table_text
from bayesscale.questions.reach import Way
from bayesscale.questions.targets import Selection, answer_columns
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    from bayesscale.inference import Fit
    from bayesscale.report import Picture

_SHOWN = {
    "p_continue": "P(continue)",
    "p_reached": "P(reached)",
    "p_not_needed": "P(not needed)",
    "p_law_broke": "P(stop, broke)",
    "p_out_of_reach": "P(out of reach)",
    "p_target": "P(target)",
    "p_broken": "P(broken)",
    "p_break": "P(break)",
}


@dataclass(frozen=True)
class Advice:
    """For every curve, whether to continue, with the probability of every outcome.

    The outcomes and the rule that chooses are those of `bayesscale.questions.decision`.

    Parameters
    ----------
    fit : Fit
        The draws behind the numbers.
    wish : Wish
        Metric, target, budget, delta, confidence and probability of the intervals.
    table : pandas.DataFrame
        The numbers, see `frame`.
    notes : tuple of str
        What is to be said of them.
    """

    fit: Fit = field(repr=False)
    wish: Wish
    table: pd.DataFrame = field(repr=False)
    notes: tuple[str, ...]

    @property
    def prob(self) -> float:
        """Probability of the intervals."""
        return self.wish.prob

    def frame(self) -> pd.DataFrame:
        """Return one row a curve.

        Columns: what names the curve; metric; sizes, first and last, the measured ones; advice, and
        probability, that of the act advised or of the most probable one; p_continue, p_reached, p_not_needed,
        p_law_broke, p_out_of_reach, which sum to one; tokens_median, tokens_lower, tokens_upper, the size at
        which the law first is as good as the target, `first` if it is so there and NaN if not by the
        size `horizon`; p_by_horizon, the probability that it is by then; expected, score_median, score_lower,
        score_upper, the law at the budget, and p_target, the probability that it is as good as the target
        there; p_broken and p_break, the probabilities of a break by the last size and by the budget, NaN
        where the law cannot break; gain_median, gain_lower, gain_upper, by how much the best that
        pretraining gives is better than the baseline, baseline_median, the baseline, and p_baseline, the
        probability that it is as good as the target, NaN where no baseline was measured; why in words.
        """
        return self.table.copy()

    def document(self) -> dict[str, Any]:
        """Return the same for programs, with what the numbers are."""
        axis, unit = self.fit.curves.axis_name, CATALOGUE[self.wish.metric].unit
        tokens = ("first", "last", "tokens_median", "tokens_lower", "tokens_upper", "horizon", "budget")
        return {
            "interval": {"kind": "equal-tailed", "prob": self.prob},
            **record(self.fit),
            "axis": axis,
            "metric": self.wish.metric,
            "target": self.wish.target,
            "budget": self.wish.budget,
            "delta": self.wish.delta,
            "confidence": self.wish.confidence,
            "units": {
                **dict.fromkeys((self.wish.metric, "target", "delta", "gain_median"), unit),
                **dict.fromkeys(tokens, "tokens"),
            },
            "notes": list(self.notes),
            "advice": plain_records(self.table),
        }

    def sentences(self) -> list[str]:
        """Return what a reader has to know of the table, and a sentence a curve."""
        axis, wish = SHORT[self.fit.curves.axis_name], self.wish
        counts = self.table["advice"].value_counts()
        up = CATALOGUE[wish.metric].improves == "up"
        not_needed = "not needed: the baseline is as good as the target, or pretraining gains less than"
        return [
            *reading(self.fit, wish.prob, (wish.metric,)),
            f"target: {wish.metric} of {wish.target:g} or {'more' if up else 'less'} without noise; "
            f"budget: {axis} up to {format_tokens(wish.budget)}"
            + (f"; {not_needed} {wish.delta:g}" if self._has_baseline else ""),
            f"an act is advised if its probability is at least {wish.confidence:g}, else '{UNDECIDED}'; "
            "P(continue) to P(out of reach) sum to 1; P(target): at the budget; P(broken): by the last "
            "measured size; P(break): by the budget",
            *(f"note: {note}" for note in self.notes),
            f"in short: {', '.join(f'{count} {advice}' for advice, count in counts.items())}",
            *(f"{self._label(row)}: {row['why']}" for row in self._rows),
        ]

    @property
    def _rows(self) -> list[dict[str, Any]]:
        """The rows of the table."""
        return [{str(name): value for name, value in row.items()} for row in self.table.to_dict("records")]

    def _label(self, row: dict[str, Any]) -> str:
        """Return the name of a curve."""
        names = [name for name in answer_columns(self.fit.curves) if row[name] != "all"]
        texts = [format_tokens(row[n]) if isinstance(row[n], float) else str(row[n]) for n in names]
        return " | ".join(texts) or "all"

    def readable(self) -> pd.DataFrame:
        """Return the columns that a person reads, under short headings."""
        rows = self._rows
        names = [n for n in answer_columns(self.fit.curves) if set(self.table[n]) != {"all"}]
        shown = self.table[[*names, "advice"]].copy()
        shown[f"tokens to {self.wish.target:g}"] = [tokens_text(row, row["first"]) for row in rows]
        shown[f"{self.wish.metric} at {format_tokens(self.wish.budget)}"] = [score_text(row) for row in rows]
        for name, heading in _SHOWN.items():
            if self.table[name].notna().all() and (name != "p_not_needed" or self._has_baseline):
                shown[heading] = [probability_text(value) for value in self.table[name]]
        return shown.rename(columns=SHORT)

    @property
    def _has_baseline(self) -> bool:
        return bool(self.table["p_baseline"].notna().any())

    def plot(self) -> Picture:
        """Return a picture of the curves with bands up to the budget and a line at the target."""
        from bayesscale.questions.picture import picture
        from bayesscale.report.target import mark_target

        keys = pd.MultiIndex.from_frame(self.fit.curves.table[answer_columns(self.fit.curves)])
        wanted = keys.isin(pd.MultiIndex.from_frame(self.table[answer_columns(self.fit.curves)]))
        labels = [label for label, keep in zip(self.fit.curves.labels, wanted, strict=True) if keep]
        drawn = picture(
            self.fit, until=self.wish.budget, prob=self.prob, curves=labels, metrics=[self.wish.metric]
        )
        mark_target(drawn, self.wish.target)
        return drawn

    def __str__(self) -> str:
        return "\n".join([*self.sentences(), table_text(self.readable())])


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
    delta = 2 * CATALOGUE[name].noise if delta is None else delta
    wish = Wish(name, float(target), float(delta), float(budget), float(confidence), float(prob))
    check_wish(fit, wish)
    drawn, notes = drawn_curves(fit, Selection(None, tasks, mixtures, other_sizes), None)
    ways = [Way(drawn, row, place, wish.target, wish.budget) for row in measured_targets(drawn)]
    if all(wish.budget < way.measured[0] for way in ways):
        first = min(float(way.measured[0]) for way in ways)
        raise QuestionError(
            f"a budget must be within or beyond the measured sizes, which begin at {format_tokens(first)}; "
            f"received {format_tokens(wish.budget)}; give all the tokens of a run, not only further ones"
        )
    axis = SHORT[fit.curves.axis_name]
    table = pd.DataFrame([_row(way, wish, axis) for way in ways])
    return Advice(fit, wish, table, (*notes, *notes_on(drawn, wish, table)))


def _row(way: Way, wish: Wish, axis: str) -> dict[str, Any]:
    """Return a row of `Advice.frame`, the words included."""
    row = advice_row(way, wish)
    return {**row, "why": sentence(row, wish, row["first"], axis)}
