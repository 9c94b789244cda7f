"""Breaks: which laws have stopped to hold, where, how much was lost, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from bayesscale.errors import QuestionError
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.posterior.curves import measured_metrics
from bayesscale.questions.asked import (
    check_prob,
    check_sizes,
    drawn_curves,
    metric_places,
)
from bayesscale.questions.break_rows import break_row
from bayesscale.questions.describe import SHORT, plain_records, reading, record, table_text
from bayesscale.questions.hazard import hazard_sentences
from bayesscale.questions.targets import Selection, answer_columns
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    from bayesscale.inference import Fit
    from bayesscale.report import Picture

# A position is shown to people only where a break is not improbable.
_UNLIKELY = 0.1
_HEADINGS = {
    "p_broken": "P(broken)",
    "break_median": "break at",
    "break_lower": "from",
    "break_upper": "to",
    "p_fall": "P(fall)",
    "lost_median": "lost",
    "lost_lower": "lost lower",
    "lost_upper": "lost upper",
}


@dataclass(frozen=True)
class Breaks:
    """For every curve and breakable metric, the probability and size of a break.

    Parameters
    ----------
    fit : Fit
        The draws behind the numbers.
    prob : float
        Probability of the equal-tailed intervals.
    table : pandas.DataFrame
        The numbers, see `frame`.
    notes : tuple of str
        What is to be said of them.
    """

    fit: Fit = field(repr=False)
    prob: float
    table: pd.DataFrame = field(repr=False)
    notes: tuple[str, ...]

    def frame(self) -> pd.DataFrame:
        """Return one row a curve and metric, the most probable breaks first.

        Columns: what names the curve, metric, sizes (how many were measured), last (the last one); p_broken,
        the probability of a break by then, and p_broken_least, its smallest value given one of the laws
        that have at least 5% of the curve's draws (levelling off breaks the log-law and needs no break under
        a law with a ceiling); break_median,
        break_lower, break_upper, where, in tokens, given that there is one; p_fall, the probability that the
        score has fallen since, and not only risen less or stayed, given that there is one; at, the size at
        which lost_median, lost_lower, lost_upper are what the break costs against the unbroken law, in the
        metric's unit, averaged over no break as well; evidence in words. NaN where no draw has a break.
        """
        return self.table.copy()

    def document(self) -> dict[str, Any]:
        """Return the same for programs, with what the numbers are."""
        axis = self.fit.curves.axis_name
        tokens = dict.fromkeys(("last", "break_median", "break_lower", "break_upper", "at"), "tokens")
        return {
            "interval": {"kind": "equal-tailed", "prob": self.prob},
            **record(self.fit),
            "axis": axis,
            "units": {**{name: CATALOGUE[name].unit for name in set(self.table["metric"])}, **tokens},
            "notes": list(self.notes),
            "population": hazard_sentences(self.fit, self.prob),
            "breaks": plain_records(self.table),
        }

    def sentences(self) -> list[str]:
        """Return what a reader has to know of the table."""
        lines = reading(self.fit, self.prob, tuple(dict.fromkeys(self.table["metric"])))
        axis = SHORT[self.fit.curves.axis_name]
        (at,) = set(self.table["at"]) if self.table["at"].nunique() == 1 else (None,)
        where = "the curve's last size" if at is None else f"{axis} {format_tokens(at)}"
        lines.append(
            "P(broken): of a break by the last measured size; break at, from, to: where, if there is one; "
            f"P(fall): that the score fell since, if there is one; lost: against the unbroken law at {where}"
        )
        return [*lines, *hazard_sentences(self.fit, self.prob), *(f"note: {note}" for note in self.notes)]

    def readable(self) -> pd.DataFrame:
        """Return the columns that a person reads; positions only where a break is not improbable."""
        constant = [n for n in ("task", "mixture") if n in self.table and set(self.table[n]) == {"all"}]
        table = self.table.drop(columns=[*constant, "sizes", "last", "at", "p_broken_least"])
        unlikely = table["p_broken"] < _UNLIKELY
        about = ["break_median", "break_lower", "break_upper", "p_fall"]
        table[about] = table[about].mask(unlikely)
        return table.rename(columns={**SHORT, **_HEADINGS})

    def plot(self) -> Picture:
        """Return a picture of the curves that may have broken (P > 0.1), or of all if none may have."""
        from bayesscale.questions.picture import picture

        chosen = self.table[self.table["p_broken"] > _UNLIKELY]
        chosen = self.table if chosen.empty else chosen
        names = answer_columns(self.fit.curves)
        keys = pd.MultiIndex.from_frame(self.fit.curves.table[names])
        wanted = keys.isin(pd.MultiIndex.from_frame(chosen[names]))
        labels = [label for label, keep in zip(self.fit.curves.labels, wanted, strict=True) if keep]
        metrics = list(dict.fromkeys(chosen["metric"]))
        return picture(self.fit, prob=self.prob, curves=labels, metrics=metrics)

    def __str__(self) -> str:
        return "\n".join([*self.sentences(), table_text(self.readable())])


def breaks(
    fit: Fit,
    *,
    prob: float = 0.9,
    at: float | None = None,
    tasks: Sequence[str] | None = None,
    mixtures: Sequence[str] | None = None,
    other_sizes: Sequence[float] | None = None,
    metrics: Sequence[str] | None = None,
) -> Breaks:
    """Say which laws broke.

    Parameters
    ----------
    fit : Fit
        A fitted model.
    prob : float
        Probability of the equal-tailed intervals.
    at : float, optional
        Size at which the loss against the unbroken law is stated. Default: each curve's last.
    tasks, mixtures, other_sizes : sequences, optional
        Which measured curves. Default: all.
    metrics : sequence of str, optional
        Default: all metrics that may break in this fit.

    Returns
    -------
    Breaks
        The answer.

    Raises
    ------
    QuestionError
        The fit was made without breaks, or does not know a task, mixture, size or metric.
    UsageError
        The probability or the size cannot be used.
    """
    check_prob(prob)
    if not fit.has("break_at"):
        raise QuestionError(
            "breaks can be asked of a fit that allows them, along finetune_tokens only if told to; this one "
            f"was made with breaks {fit.breaks!r}; fit again with --breaks scores or --breaks all"
        )
    tested = fit.posterior.breakable
    wanted = {fit.curves.names[place] for place in metric_places(fit.curves, metrics)}
    if metrics is not None and (never := sorted(wanted - set(tested))):
        raise QuestionError(
            f"{', '.join(never)} cannot break in this fit; only {', '.join(tested)} can; "
            "fit again with --breaks all"
        )
    size = None if at is None else float(check_sizes([at], fit.curves)[0])
    drawn, notes = drawn_curves(fit, Selection(None, tasks, mixtures, other_sizes), None)
    known, chosen = measured_metrics(fit.curves), drawn.targets.position[drawn.targets.measured]
    rows = [
        break_row(fit.posterior, curve, metric, prob, size)
        for curve in sorted(chosen.tolist())
        for metric, name in enumerate(tested)
        if name in wanted and known[curve, metric]
    ]
    if not rows:
        raise QuestionError(
            "breaks are told of measured curves; none was chosen; leave out --task, --mixture or the sizes"
        )
    table = pd.DataFrame(rows).sort_values("p_broken", ascending=False, kind="stable", ignore_index=True)
    return Breaks(fit, prob, table, notes)
