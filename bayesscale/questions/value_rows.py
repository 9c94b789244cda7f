"""The numbers of the question value: gains, data saved, limits, and what is to be said of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.posterior.curves import Targets
from bayesscale.questions.gain import AHEAD, SIZE, Line
from bayesscale.questions.missing import BaselineRuns, how_to_add, runs_text
from bayesscale.questions.population import interval
from bayesscale.questions.saved import equivalent, limit, never_falling
from bayesscale.questions.targets import answer_columns
from bayesscale.units import format_tokens

FloatArray = NDArray[np.float64]


def value_rows(
    line: Line, places: Sequence[int], runs: BaselineRuns, deltas: Mapping[str, float], prob: float
) -> Iterator[dict[str, Any]]:
    """Yield a row for each curve asked for on a line and each metric, where there is a baseline.

    Parameters
    ----------
    line : Line
        One mixture on one task.
    places : sequence of int
        Positions of the metrics.
    runs : BaselineRuns
        Which baseline was measured. Where its trend in D_f is known, it need not be at each D_f.
    deltas : mapping of str to float
        The gain that counts, for each metric.
    prob : float
        Probability of the equal-tailed intervals.
    """
    names = answer_columns(runs.curves)
    for place in places:
        metric = runs.curves.names[place]
        known, trend = runs.has(line.table, metric), runs.has_trend(metric)
        if not (known.any() or trend):
            continue
        numbers = _gains(line, place, deltas[metric], prob)
        if trend:
            numbers |= _along(line, place, runs, deltas[metric], prob)
        for row in np.flatnonzero(known | trend):
            yield {
                **{name: line.table[name].iloc[row] for name in names},
                "metric": metric,
                **{name: float(values[row]) for name, values in numbers.items()},
                "measured": bool(line.measured[row]),
                "baseline_measured": bool(known[row]),
            }


def _gains(line: Line, place: int, delta: float, prob: float) -> dict[str, FloatArray]:
    """Return what pretraining gains on each curve asked for."""
    score, baseline, gain = (draws[line.asked] for draws in line.draws(place))
    return {
        "pretrain_tokens": line.pretrain_tokens(place)[line.asked],
        "score_median": np.median(score, axis=1),
        "baseline_median": np.median(baseline, axis=1),
        **_three("gain", interval(gain.T, prob)),
        "delta": np.full(len(gain), delta),
        "p_gain": (gain > delta).mean(axis=1),
    }


def _along(line: Line, place: int, runs: BaselineRuns, delta: float, prob: float) -> dict[str, FloatArray]:
    """Return what follows from gain and baseline as lines in D_f, for each curve asked for."""
    score, baseline, _ = line.draws(place)
    spec = CATALOGUE[line.metric(place)]
    sign = 1.0 if spec.improves == "up" else -1.0
    every = line.drawn.targets.table[SIZE].to_numpy(float)
    own, measured = every[line.asked], every[runs.has(line.drawn.targets.table, line.metric(place))]
    sizes, alone_line = line.along(sign * _log(baseline))
    # Its own spread would let an unmeasured baseline be worse than one with less data.
    alone_line = never_falling(alone_line, np.isin(sizes, measured))
    alone = np.array([equivalent(sizes, alone_line, sign * _log(draws)) for draws in score[line.asked]])
    gains = sign * (line.along(score)[1] - np.exp(sign * alone_line))
    first, last = line.ends
    reaches = limit(sizes[sizes >= first], gains[sizes >= first], delta, last)
    end = measured[-1] if measured.size else np.nan
    same = {
        **_three("limit", interval(reaches, prob)),
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
        **_three("alone", of_alone),
        **_three("saved", of_alone - own[:, None]),
        "p_saves": (alone > own[:, None]).mean(axis=1),
        # A task without any baseline: all that is said of it lies beyond what was measured.
        "p_beyond": (alone > (end if measured.size else -1.0)).mean(axis=1),
        "beyond": beyond,
        **{name: np.full(len(own), number) for name, number in same.items()},
    }


def _log(values: FloatArray) -> FloatArray:
    """Return the logarithm, on which the baseline is a line in log D_f; finite for a score of 0."""
    return np.log(np.maximum(values, np.finfo(float).tiny))


def _three(name: str, numbers: FloatArray) -> dict[str, Any]:
    """Return median, lower and upper of shape (..., 3) as columns."""
    return {f"{name}_{part}": numbers[..., i] for i, part in enumerate(("median", "lower", "upper"))}


def value_notes(
    targets: Targets, runs: BaselineRuns, metrics: Sequence[str], table: pd.DataFrame
) -> list[str]:
    """Say which runs are missing, and where numbers rest on more than measurements.

    Parameters
    ----------
    targets : Targets
        The curves asked for.
    runs : BaselineRuns
        Which baseline was measured.
    metrics : sequence of str
        The metrics asked for.
    table : pandas.DataFrame
        The answer.
    """
    notes = []
    lacking = runs.missing(targets.table[targets.measured], metrics)
    if len(lacking):
        kept = "predicted from its line in D_f, with a wider interval" if _predicted(table) else "left out"
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


def _predicted(table: pd.DataFrame) -> bool:
    """Return whether a measured curve is compared with a baseline that was not."""
    return bool((table["measured"] & ~table["baseline_measured"]).any())


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
