"""The curves of a split one by one, for models that know nothing of other curves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.evaluation import Split
from bayesscale.evaluation.scores import score_draws, score_points
from bayesscale.metrics.catalogue import CATALOGUE, MetricSpec

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """One metric of one curve: what is fitted and what is to be forecast.

    Parameters
    ----------
    spec : MetricSpec
        What is known of the metric.
    size, value, se : array, shape (points,)
        What is fitted, by size; `se` is NaN where it is unknown.
    ahead : array, shape (forecasts,)
        Sizes to forecast.
    held : pandas.DataFrame
        Their rows.
    """

    spec: MetricSpec
    size: Array
    value: Array
    se: Array
    ahead: Array
    held: pd.DataFrame

    @property
    def error(self) -> Array:
        """The values of a loss, or what a score falls short of its ceiling, as a share of it."""
        return self.value if self.spec.improves == "down" else 1.0 - self.value / self.spec.high

    def from_error(self, error: Any) -> Array:
        """Return values of the metric from errors."""
        return np.asarray(error if self.spec.improves == "down" else self.spec.high * (1.0 - error))


def curves(split: Split) -> Iterator[Curve]:
    """Yield the curves of a split that have something to forecast, in the order of their labels.

    Parameters
    ----------
    split : Split
        The rows.
    """
    axis, keys = split.train.axis, [*split.train.curve_columns, "metric"]
    fitted = dict(list(split.train.frame[~split.train.is_baseline].groupby(keys)))
    for key, held in split.held.groupby(keys):
        own = fitted[key].sort_values(axis)
        se = own["se"] if "se" in own else pd.Series(np.nan, index=own.index)
        numbers = (own[axis].to_numpy(float), own["value"].to_numpy(float), se.to_numpy(float))
        yield Curve(
            CATALOGUE[str(key[-1])],
            *numbers,  # type: ignore[arg-type]
            held[axis].to_numpy(float),
            held,
        )


def scored(parts: list[tuple[Curve, Array | None]]) -> pd.DataFrame:
    """Return the held-out rows with the scores of their forecasts.

    Forecasts outside of the metric's range are put at its ends: a law of one curve alone may say BLEU 300,
    and nobody would believe it.

    Parameters
    ----------
    parts : list of (Curve, array or None)
        Draws of new measurements, shape (forecasts, draws); shape (forecasts,) is a point forecast without
        intervals. None: the curve could not be fitted, and its rows are left out.
    """
    rows = []
    for curve, draws in parts:
        if draws is not None:
            value = curve.held["value"].to_numpy(float)
            score = score_draws if draws.ndim > 1 else score_points
            # Draws without spread have no density; their log score is NaN.
            with np.errstate(invalid="ignore", divide="ignore"):
                scores = score(value, np.clip(draws, curve.spec.low, curve.spec.high))
            rows.append(curve.held.assign(**scores))
    return pd.concat(rows) if rows else pd.DataFrame()
