"""Ask what pretraining gains over no pretraining, up to which D_f, and what data it replaces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.errors import QuestionError, UsageError
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import Curves
from bayesscale.models.breaks import sign_of
from bayesscale.models.scale import log_near_zero, log_value, place_of
from bayesscale.posterior.curves import Targets
from bayesscale.questions.answer import interval, three
from bayesscale.questions.baseline import BaselineRuns, how_to_add, runs_text
from bayesscale.questions.outlook import gain_that_counts
from bayesscale.questions.select import (
    Selection,
    answer_columns,
    check_prob,
    check_size,
    drawn_curves,
    metric_notes,
    metric_places,
)
from bayesscale.questions.value.answer import Value
from bayesscale.questions.value.lines import AHEAD, SIZE, Line, equivalent, limit, lines, never_falling
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    from bayesscale.inference import Fit

FloatArray = NDArray[np.float64]
Drawn = tuple[FloatArray, FloatArray, FloatArray]
"""Draws of the score with and without pretraining, and of the gain."""


def value_rows(
    line: Line, places: Sequence[int], runs: BaselineRuns, deltas: Mapping[str, float], prob: float
) -> Iterator[dict[str, Any]]:
    """Yield a row for each curve asked for on a line and each metric, where there is a baseline."""
    names = answer_columns(runs.curves)
    for place in places:
        metric = runs.curves.names[place]
        table = line.table
        known, trend = runs.has(table, metric), runs.has_trend(metric)
        if not (known.any() or trend):
            continue
        drawn, rows = line.draws(place), table[names].to_dict("records")
        numbers = _gains(line, place, drawn, deltas[metric], prob)
        if trend:
            numbers |= _along(line, place, drawn, runs, deltas[metric], prob)
        for row in np.flatnonzero(known | trend):
            yield {
                **{str(name): value for name, value in rows[row].items()},
                "metric": metric,
                **{name: float(values[row]) for name, values in numbers.items()},
                "measured": bool(line.measured[row]),
                "baseline_measured": bool(known[row]),
            }


def _gains(line: Line, place: int, drawn: Drawn, delta: float, prob: float) -> dict[str, FloatArray]:
    """Return what pretraining gains on each curve asked for."""
    score, baseline, gain = (draws[line.asked] for draws in drawn)
    return {
        "pretrain_tokens": line.pretrain_tokens(place)[line.asked],
        "score_median": np.median(score, axis=1),
        "baseline_median": np.median(baseline, axis=1),
        **three("gain", interval(gain.T, prob)),
        "delta": np.full(len(gain), delta),
        "p_gain": (gain > delta).mean(axis=1),
    }


def _along(
    line: Line, place: int, drawn: Drawn, runs: BaselineRuns, delta: float, prob: float
) -> dict[str, FloatArray]:
    """Return what follows from gain and baseline as lines in D_f, for each curve asked for."""
    score, baseline, _ = drawn
    sign = sign_of(line.metric(place))
    every = line.drawn.targets.table[SIZE].to_numpy(float)
    own, measured = every[line.asked], every[runs.has(line.drawn.targets.table, line.metric(place))]
    sizes = line.sizes
    # Its own spread would let an unmeasured baseline be worse than one with less data.
    near = log_near_zero((line.metric(place),), line.drawn.draws.priors)[0]
    alone_line = never_falling(line.along(sign * _place(baseline, near)), np.isin(sizes, measured))
    wanted = sign * _place(score[line.asked], near)
    alone = np.array([equivalent(sizes, alone_line, draws) for draws in wanted])
    gains = sign * (line.along(score) - np.exp(log_value(sign * alone_line, near)))
    first, last = line.ends
    reaches = limit(sizes[sizes >= first], gains[sizes >= first], delta, last)
    end = measured[-1] if measured.size else np.nan
    same = {
        **three("limit", interval(reaches, prob)),
        "p_never": np.mean(reaches == 0),
        "p_limit_beyond": np.mean(reaches > last),
        "p_not_below": np.mean(np.isinf(reaches)),
        "limit_from": first,
        "searched_from": sizes[0],
        "searched_to": sizes[-1],
    }
    of_alone = interval(alone.T, prob)
    with np.errstate(divide="ignore"):
        beyond = np.log(of_alone[:, 0] / end)
    return {
        **three("alone", of_alone),
        **three("saved", of_alone - own[:, None]),
        "p_saves": (alone > own[:, None]).mean(axis=1),
        # A task without any baseline: all that is said of it lies beyond what was measured.
        "p_beyond": (alone > (end if measured.size else -1.0)).mean(axis=1),
        "beyond": beyond,
        **{name: np.full(len(own), number) for name, number in same.items()},
    }


def _place(values: FloatArray, log_near: float) -> FloatArray:
    """Return places on the scale on which the baseline is a line in log D_f; finite for a score of 0."""
    return np.asarray(place_of(np.log(np.maximum(values, np.finfo(float).tiny)), log_near))


def value_notes(
    targets: Targets, runs: BaselineRuns, metrics: Sequence[str], table: pd.DataFrame
) -> list[str]:
    """Say which runs are missing, and where numbers rest on more than measurements."""
    notes = []
    lacking = runs.missing(targets.table[targets.measured], metrics)
    if len(lacking):
        predicted = (table["measured"] & ~table["baseline_measured"]).any()
        kept = "predicted from its line in D_f, with a wider interval" if predicted else "left out"
        notes.append(
            f"baseline runs (pretrain_tokens = 0) are missing: {runs_text(lacking)}; their baseline is "
            f"{kept}; {how_to_add(lacking)}"
        )
    flat = [name for name in metrics if len(runs.of_metric(name)) and not runs.has_trend(name)]
    if flat:
        notes.append(
            f"the data do not say how the baseline of {', '.join(flat)} changes with D_f: no tokens saved, "
            "no D_f beyond which pretraining gains too little; measure curves and baseline at two D_f or more"
        )
    return [*notes, *_line_notes(table)]


def _line_notes(table: pd.DataFrame) -> list[str]:
    """Say how the lines in D_f were followed, and how far."""
    if "alone_median" not in table:
        return []
    known = table.dropna(subset=["alone_median"])
    ends = known.groupby("task", sort=False)[["searched_from", "searched_to"]].agg(
        {"searched_from": "min", "searched_to": "max"}
    )
    searched = ", ".join(
        f"{task}: {format_tokens(low)} to {format_tokens(high)}"
        for task, low, high in zip(ends.index, ends["searched_from"], ends["searched_to"], strict=True)
    )
    notes = [
        f"D_f searched ({searched}) reaches a factor of {AHEAD:g} beyond the data; between measured D_f the "
        "fit's predictions are interpolated, beyond them their trend is assumed to go on; more "
        "finetuning data are taken not to make the baseline worse"
    ]
    far = known[(known["p_beyond"] >= 0.5)]
    if len(far):
        notes.append(
            f"in {len(far)} of {len(known)} rows a model without pretraining probably needs more finetuning "
            "data than were ever measured without it: read those D_f as 'more than any measured'; the "
            "baseline's line does not level off there, as scores do, so that it may well need even more"
        )
    return notes


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
    tokens = check_size(tokens, fit.curves, rule="pretraining is judged at a D_p above 0")
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
    notes = (*notes, *metric_notes(drawn, places), *value_notes(drawn.targets, runs, list(deltas), table))
    return Value(fit, prob, table, notes, kept, reason)


def _check_axis(curves: Curves) -> None:
    """Refuse curves that are not in D_p."""
    if curves.axis_name != "pretrain_tokens":
        raise QuestionError(
            "what pretraining is worth can be asked of curves in pretrain_tokens, whose data include the "
            f"model that was not pretrained (pretrain_tokens = 0); this fit has curves in "
            f"{curves.axis_name}; fit the table with --axis pretrain_tokens"
        )


def _delta(delta: float | None, place: int, places: Sequence[int], curves: Curves) -> float:
    """Return the gain that counts for a metric."""
    spec = CATALOGUE[curves.names[place]]
    if delta is None:
        return gain_that_counts(spec.name)
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
