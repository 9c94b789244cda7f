"""Calibration: where measured values lie in what the fit says of them without them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.errors import QuestionError
from bayesscale.questions.answer import Answer, percent_text
from bayesscale.questions.select import check_prob
from bayesscale.text import listed

if TYPE_CHECKING:
    from bayesscale.figures.picture import Picture
    from bayesscale.inference import Fit

FloatArray = NDArray[np.float64]
_FEW = 1000
_GROUPS = ("log_likelihood", "posterior_predictive", "observed_data")


@dataclass(frozen=True)
class Calibration(Answer):
    """How often intervals held the values that they were made for, each value left out in its turn.

    The table has a row a metric: values, how many there are; inside, how many lie in their interval; share.
    `pit` has a row a value, sorted within a metric: pit, the probability predicted below it; share of the
    values with a smaller one; low and high, where chance lets the share be.
    """

    pit: pd.DataFrame = field(repr=False)

    rows = "calibration"

    def contents(self) -> dict[str, Any]:
        """Return nothing more."""
        return {}

    def headline(self) -> list[str]:
        """Return how many values of each metric lie within their intervals."""
        told = [
            f"{row['inside']:,} of {row['values']:,} values of {row['metric']}"
            for row in self.table.to_dict("records")
        ]
        return [f"Left out in turn, {listed(told)} lie in their {percent_text(self.prob)} intervals."]

    def readable(self) -> pd.DataFrame:
        """Return a row a metric."""
        shown = self.table.drop(columns="share")
        shown["share inside"] = [
            # Of fewer values than this a further digit says nothing.
            f"{100 * share:.{0 if count < _FEW else 1}f}%"
            for share, count in zip(self.table["share"], self.table["values"], strict=True)
        ]
        return shown

    def plot(self, *, columns: int = 3) -> Picture:
        """Return a picture of the share of values below each quantile of their prediction."""
        from bayesscale.figures.calibration import draw_calibration

        return draw_calibration(
            self.pit, self.frame_text("Calibration: each value left out in turn"), columns=columns
        )


def calibration(fit: Fit, *, prob: float = 0.9) -> Calibration:
    """Say where the measured values lie in their predictive distributions, each left out in its turn.

    The draws are weighted by the inverse of a value's likelihood, weights being cut at the square root of the
    number of draws times their mean (Ionides 2008, doi 10.1198/106186008X320456). What is told is amid the
    data: forecasts beyond them are judged by `bayesscale evaluate`. QuestionError if the file of the fit
    holds no replicated data.
    """
    check_prob(prob)
    if missing := [name for name in _GROUPS if name not in fit.tree]:
        raise QuestionError(
            f"calibration compares data with their replicates; this fit lacks {', '.join(missing)}; "
            "fit again with this version"
        )
    likelihood, replicated, observed = (fit.tree[name]["value"] for name in _GROUPS)
    names = observed["observation_metric"].to_numpy().astype(str)
    pit = leave_one_out_pit(_merged(likelihood), _merged(replicated), observed.to_numpy())
    parts = [_distribution(name, pit[names == name], prob) for name in fit.curves.names]
    tail = (1 - prob) / 2
    rows = [
        {"metric": name, "values": len(own), "inside": int(((own >= tail) & (own <= 1 - tail)).sum())}
        for name, own in ((name, pit[names == name]) for name in fit.curves.names)
    ]
    table = pd.DataFrame(rows).assign(share=lambda found: found["inside"] / found["values"])
    note = "this is said amid the data; `bayesscale evaluate` says how forecasts beyond them would have done"
    return Calibration(fit, prob, table, (note,), pd.concat(parts, ignore_index=True))


def leave_one_out_pit(log_likelihood: FloatArray, replicated: FloatArray, observed: FloatArray) -> FloatArray:
    """Return the probability predicted below each of n values by all others.

    The log densities of the values and their replicates have the shape (draws, n).
    """
    weight = np.exp(-(log_likelihood - log_likelihood.min(axis=0)))
    weight = np.minimum(weight, weight.mean(axis=0) * np.sqrt(len(weight)))
    below = (replicated < observed) + 0.5 * (replicated == observed)
    return np.asarray((weight * below).sum(axis=0) / weight.sum(axis=0))


def _merged(values: Any) -> FloatArray:
    """Return numbers a draw and value, chains merged."""
    array = values.transpose("chain", "draw", "observation").to_numpy()
    return np.asarray(array.reshape(-1, array.shape[-1]), dtype=float)


def _distribution(metric: str, pit: FloatArray, prob: float) -> pd.DataFrame:
    """Return the empirical distribution of a metric's values, and the band that chance allows.

    The band is that of Dvoretzky, Kiefer and Wolfowitz with Massart's constant (1990, doi
    10.1214/aop/1176990746): all of the distribution lies in it with the probability.
    """
    count = len(pit)
    half = np.sqrt(np.log(2 / (1 - prob)) / (2 * max(count, 1)))
    pit = np.sort(pit)
    return pd.DataFrame(
        {
            "metric": metric,
            "pit": pit,
            "share": (np.arange(count) + 1) / max(count, 1),
            "low": np.clip(pit - half, 0, 1),
            "high": np.clip(pit + half, 0, 1),
        }
    )
