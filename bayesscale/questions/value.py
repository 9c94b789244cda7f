"""Value: what pretraining gains over no pretraining, up to which D_f, and what data it replaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from bayesscale.errors import QuestionError, UsageError
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import Curves
from bayesscale.questions.asked import check_prob, check_sizes, drawn_curves, metric_places
from bayesscale.questions.describe import (
    interval_text,
    is_simulated,
    plain_records,
    reading,
    record,
    source_text,
    table_text,
)
from bayesscale.questions.gain import SIZE, lines
from bayesscale.questions.missing import BaselineRuns
from bayesscale.questions.targets import Selection
from bayesscale.questions.value_rows import value_notes, value_rows
from bayesscale.questions.value_text import column_sentences, readable_gains, readable_limits, verdicts

if TYPE_CHECKING:
    from bayesscale.inference import Fit
    from bayesscale.report import Picture

_TOKENS = (
    *("pretrain_tokens", SIZE, "alone_median", "alone_lower", "alone_upper"),
    *("saved_median", "saved_lower", "saved_upper", "limit_median", "limit_lower", "limit_upper"),
    *("limit_from", "searched_from", "searched_to"),
)
# Twice the noise of a single run: what one measurement with and one without pretraining would show.
_NOISES = 2.0


@dataclass(frozen=True)
class Value:
    """What pretraining is worth.

    Parameters
    ----------
    fit : Fit
        The draws behind the numbers.
    prob : float
        Probability of the equal-tailed intervals.
    deltas : mapping of str to float
        The gain that counts, for each metric in its unit.
    reason : str
        Where the deltas come from.
    table : pandas.DataFrame
        The numbers, see `frame`.
    notes : tuple of str
        What is to be said of them.
    """

    fit: Fit = field(repr=False)
    prob: float
    deltas: Mapping[str, float]
    reason: str
    table: pd.DataFrame = field(repr=False)
    notes: tuple[str, ...]

    def frame(self) -> pd.DataFrame:
        """Return one row a curve and metric.

        Columns: what names the curve, metric; pretrain_tokens, at which pretraining is judged; score_median
        and baseline_median, with and without it; gain_median, gain_lower, gain_upper in the metric's unit,
        positive where pretraining helps, without noise; delta, and p_gain, the probability that the gain is
        larger.

        Data saved: alone_median, alone_lower, alone_upper, the D_f at which a model without pretraining has
        the same score, 0 or infinite where that lies outside searched_from to searched_to (a tenth of the
        smallest to 100 times the largest measured D_f of the task); saved_..., the same minus the own D_f,
        the effective data transferred (Hernandez et al. 2021, arXiv 2102.01293); p_saves, the probability
        that it is positive; p_beyond, that alone lies beyond the largest D_f at which the task's baseline was
        measured; beyond, its median in e-folds beyond that D_f, negative inside the data.

        Limit, the same for all rows of a mixture, task and metric: limit_median, limit_lower, limit_upper,
        the D_f beyond which the gain is less than delta, 0 where it is less at every D_f from limit_from on,
        infinite where it is more up to searched_to; p_never and p_not_below, the probabilities of these two;
        p_limit_beyond, that the limit lies beyond the largest measured D_f of the task.

        measured, whether the curve was; baseline_measured, whether its baseline was. Data saved and limit are
        left out where the data do not say how the baseline changes with D_f, NaN if so for some metrics only.
        """
        return self.table.copy()

    def document(self) -> dict[str, Any]:
        """Return the same for programs, with what the numbers are."""
        return {
            "interval": {"kind": "equal-tailed", "prob": self.prob},
            **record(self.fit),
            "axis": self.fit.curves.axis_name,
            "units": {
                **{name: CATALOGUE[name].unit for name in self.deltas},
                **{name: "tokens" for name in _TOKENS if name in self.table},
                **({"beyond": f"e-folds of {SIZE}"} if "beyond" in self.table else {}),
            },
            "delta": dict(self.deltas),
            "verdicts": verdicts(self.table),
            "notes": list(self.notes),
            "value": plain_records(self.table),
        }

    def sentences(self) -> list[str]:
        """Return what a reader has to know of the tables, and what they say of each task."""
        deltas = ", ".join(f"{delta:g} in {name}" for name, delta in self.deltas.items())
        return [
            *reading(self.fit, self.prob, list(self.deltas)),
            f"delta, the gain that counts{self.reason}: {deltas}",
            *verdicts(self.table),
            *column_sentences(self.table),
            *(f"note: {note}" for note in self.notes),
        ]

    def readable(self) -> pd.DataFrame:
        """Return the gains and the data saved as people read them, a row for each D_f."""
        return readable_gains(self.table)

    def readable_limits(self) -> pd.DataFrame:
        """Return the D_f beyond which pretraining gains too little, a row for each task and mixture."""
        return readable_limits(self.table)

    def plot(self) -> Picture:
        """Return a picture of the gains against D_f, a panel for each task and metric."""
        from bayesscale.report.gains import draw_gains

        units = {name: CATALOGUE[name].unit for name in self.deltas}
        table = self.table.assign(unit=self.table["metric"].map(units))
        panel = tuple(name for name in ("task", "model_params", "metric") if name in table)
        # Where D_f is not known or the same for all, there is one place for all.
        table = table if SIZE in table else table.assign(**{SIZE: 1.0})
        return draw_gains(
            table,
            panel,
            SIZE,
            f"Gain of pretraining{' - SIMULATED data, not measured' if is_simulated(self.fit) else ''}",
            f"{interval_text(self.fit, self.prob)}; {self.fit.status.label}. Without noise; above 0: better "
            f"than no pretraining; dashed: delta. {source_text(self.fit)}; "
            f"seed {self.fit.provenance.get('seed')}.",
            "" if self.fit.status.ok else str(self.fit.status),
        )

    def __str__(self) -> str:
        parts = [*self.sentences(), table_text(self.readable())]
        limits = self.readable_limits()
        return "\n".join([*parts, *([] if limits.empty else ["", table_text(limits)])])


def value(
    fit: Fit,
    *,
    tokens: float | None = None,
    delta: float | None = None,
    prob: float = 0.9,
    tasks: Sequence[str] | None = None,
    mixtures: Sequence[str] | None = None,
    other_sizes: Sequence[float] | None = None,
    metrics: Sequence[str] | None = None,
    seed: int | None = None,
) -> Value:
    """Say what pretraining is worth against the model that was not pretrained.

    Parameters
    ----------
    fit : Fit
        A fitted model of curves in pretrain_tokens.
    tokens : float, optional
        D_p at which pretraining is judged. Default: the last measured one of each curve and metric.
    delta : float, optional
        The gain that counts, in the metric's unit. Default: twice the metric's typical noise.
    prob : float
        Probability of the equal-tailed intervals.
    tasks, mixtures, other_sizes, metrics, seed
        As in `forecast`.

    Returns
    -------
    Value
        The numbers for a curve do not depend on which others are asked for.

    Raises
    ------
    QuestionError
        The curves are not in pretrain_tokens, there is no baseline, or the fit does not know what is asked.
    UsageError
        The size, the gain or the probability cannot be used.
    """
    check_prob(prob)
    _check_axis(fit.curves)
    if tokens is not None:
        tokens = _check_tokens(tokens, fit.curves)
    places = metric_places(fit.curves, metrics)
    deltas = {fit.curves.names[place]: _delta(delta, place, places, fit.curves) for place in places}
    drawn, notes = drawn_curves(fit, Selection(None, tasks, mixtures, other_sizes), seed)
    runs = BaselineRuns(fit.curves)
    rows = [row for line in lines(drawn, tokens) for row in value_rows(line, places, runs, deltas, prob)]
    if not rows:
        raise runs.lacking(drawn.targets.table, list(deltas))
    table = pd.DataFrame(rows)
    kept = {name: size for name, size in deltas.items() if name in set(table["metric"])}
    reason = " (twice the typical noise of a run)" if delta is None else " (as asked)"
    notes = (*notes, *value_notes(drawn.targets, runs, list(deltas), table))
    return Value(fit, prob, kept, reason, table, notes)


def _check_axis(curves: Curves) -> None:
    """Refuse curves that are not in D_p."""
    if curves.axis_name != "pretrain_tokens":
        raise QuestionError(
            "what pretraining is worth can be asked of curves in pretrain_tokens, whose data include the "
            f"model that was not pretrained (pretrain_tokens = 0); this fit has curves in "
            f"{curves.axis_name}; fit the table with --axis pretrain_tokens"
        )


def _check_tokens(tokens: float, curves: Curves) -> float:
    """Return the D_p; refuse 0, which is what it is compared with."""
    size = float(check_sizes([tokens], curves)[0])
    if size == 0:
        raise UsageError("pretraining is judged at a D_p above 0; received 0, which is no pretraining")
    return size


def _delta(delta: float | None, place: int, places: Sequence[int], curves: Curves) -> float:
    """Return the gain that counts for a metric."""
    spec = CATALOGUE[curves.names[place]]
    if delta is None:
        return _NOISES * spec.noise
    if len({CATALOGUE[curves.names[other]].unit for other in places}) > 1:
        names = ", ".join(curves.names[other] for other in places)
        raise UsageError(
            f"a gain delta has the unit of one metric; received {delta:g} for {names}; choose one by --metric"
        )
    if not 0 <= delta < spec.high - spec.low:
        raise UsageError(
            f"a gain delta in {spec.name} lies between 0 and {spec.high - spec.low:g} {spec.unit}; "
            f"received {delta:g}"
        )
    return float(delta)
