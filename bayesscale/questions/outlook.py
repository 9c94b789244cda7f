"""Outlook: whether more tokens help, by the law at a size against the law at a curve's last one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.models.breaks import sign_of
from bayesscale.questions.answer import (
    STATISTICS,
    SURE,
    UNLIKELY,
    name_of,
    percent_text,
    three,
    value_text,
    varying,
)
from bayesscale.text import probability_text

if TYPE_CHECKING:
    from bayesscale.posterior.predictive import Predictive

FloatArray = NDArray[np.float64]


def gain_that_counts(metric: str) -> float:
    """Return twice the noise of one run: what a measurement with it and one without would show."""
    return 2 * CATALOGUE[metric].noise


def progress(predictive: Predictive, last: FloatArray, sizes: FloatArray, place: int) -> pd.DataFrame:
    """Return now_median, now_lower, now_upper and p_gain, a row a target and size.

    `now` is the law at `last`, shape (targets,); p_gain the probability that the law at one of `sizes`, shape
    (targets, sizes), is better by `gain_that_counts`, NaN where the size is not beyond the last.
    """
    metric, tail = predictive.drawn.curves.names[place], (1 - predictive.prob) / 2
    now, gain = np.empty((len(last), 3)), np.empty(sizes.shape)
    # In parts, as a Predictive describes its targets: the draws of all at once may not fit into memory.
    step = max(1, predictive.chunk // (predictive.drawn.draws.count * (sizes.shape[1] + 1)))
    for rows in (slice(start, start + step) for start in range(0, len(last), step)):
        # The last size stands in for those before it, which may be 0.
        later = np.maximum(sizes[rows], last[rows, None])
        law = predictive.law(np.hstack([last[rows, None], later]), place, rows)
        now[rows] = np.quantile(law[:, 0], [0.5, tail, 1 - tail], axis=-1).T
        better = sign_of(metric) * (law[:, 1:] - law[:, :1]) > gain_that_counts(metric)
        gain[rows] = np.where(later > last[rows, None], better.mean(axis=-1), np.nan)
    return pd.DataFrame({**three("now", np.repeat(now, sizes.shape[1], axis=0)), "p_gain": gain.ravel()})


def prospect(table: pd.DataFrame, then: str, names: list[str], lead: str, prob: float) -> str:
    """Return on how many curves more tokens help one metric, where most, and where they harm most.

    `table` has a row a curve, with the columns of `progress`; `then` begins the names of the columns of the
    forecast; `lead` says how many tokens.
    """
    metric, names = table["metric"].iloc[0], varying(table, names)
    delta, rows = gain_that_counts(metric), table.to_dict("records")
    parts = [f"{then}{part}" for part in STATISTICS]
    change = sign_of(metric) * (table[parts[0]] - table["now_median"]).to_numpy(float)
    best, worst = int(change.argmax()), int(change.argmin())

    def told(row: int, kind: str = "") -> str:
        now, median, low, high = (value_text(rows[row][name], metric) for name in ("now_median", *parts))
        return f"{now} to {median} ({kind}{low} to {high})"

    if len(rows) == 1:
        return (
            f"{lead} are forecast to take {metric} of {name_of(rows[0], names)} from "
            f"{told(0, f'{percent_text(prob)} interval ')}; "
            f"P(better by more than {delta:g}) is {probability_text(rows[0]['p_gain'])}."
        )
    sure = int((table["p_gain"] >= SURE).sum())
    unsettled = int(table["p_gain"].between(UNLIKELY, SURE, inclusive="neither").sum())
    first = (
        f"{lead} improve {metric} by more than {delta:g} on {sure or 'none'} of {len(rows):,} curves "
        f"(P {SURE:g} or more{f'; {unsettled} open' if unsettled else ''})"
    )
    most = f", most on {name_of(rows[best], names)}: {told(best)}" if change[best] > 0 else ""
    harm = f"They worsen it most on {name_of(rows[worst], names)}: {told(worst)}."
    return f"{first}{most}.{f' {harm}' if change[worst] < -delta else ''}"
