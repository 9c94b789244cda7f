"""Forecasts without a model of all curves: the paper's point fit, the last value, conformal intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.errors import DataError
from bayesscale.evaluation.scores import score_draws, score_points
from bayesscale.evaluation.split import Split, split_first
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import unit_labels

FloatArray = NDArray[np.float64]
Found = tuple[pd.DataFrame, dict[str, Any]]
CONFORMAL = "conformal intervals"
"""Status of forecasts with intervals of earlier errors."""
NO_INTERVALS = "no intervals"
"""Status of point forecasts."""
_NOT_FITTED = "the metric was not fitted on this curve"
# Quantiles of each half of a conformal distribution, from which it is scored as others are from draws.
_QUANTILES = 500


@dataclass(frozen=True)
class Points:
    """Point forecasts of the held-out rows of a split, NaN where there is none.

    `lost` says why a curve and metric, by its key (*curve, metric), has none.
    """

    median: FloatArray
    lost: dict[tuple[Any, ...], str]


def last_fitted(split: Split) -> pd.DataFrame:
    """Return, for every held-out row, the last fitted size of its curve and metric, and the mean value there.

    Columns are size and value, under the index of `split.held`; NaN where the metric was not fitted on the
    curve.
    """
    keys, axis = [*split.train.curve_columns, "metric"], split.train.axis
    fitted = split.train.frame[~split.train.is_baseline].sort_values(axis)
    at_last = fitted[fitted[axis] == fitted.groupby(keys, dropna=False)[axis].transform("max")]
    last = (
        at_last.groupby(keys, dropna=False).agg(size=(axis, "first"), value=("value", "mean")).reset_index()
    )
    merged = split.held.reset_index()[["index", *keys]].merge(last, on=keys, how="left")
    return merged.set_index("index")[["size", "value"]]


def last_value(split: Split) -> Points:
    """Return the last fitted value of every curve and metric, carried on to all its held-out sizes."""
    median = last_fitted(split)["value"].reindex(split.held.index).to_numpy(float)
    return Points(median, dict.fromkeys(_keys(split.held[np.isnan(median)], split), _NOT_FITTED))


def huber(split: Split) -> Points:
    """Return the forecasts of the paper's point fit (arXiv 2402.04177) of every curve by itself."""
    from bayesscale.pointfit import fit_huber

    fits = {(*each.curve, each.metric): each for each in fit_huber(split.train, first=None).fits}
    median, lost = np.full(len(split.held), np.nan), {}
    sizes = split.held[split.train.axis].to_numpy(float)
    for place, (key, size) in enumerate(zip(_keys(split.held, split), sizes, strict=True)):
        found = fits.get(key)
        value = None if found is None else found.values(np.array([size]))
        if value is not None:
            median[place] = value[0]
        else:
            lost[key] = _NOT_FITTED if found is None else found.message
    return Points(median, lost)


def score_alone(split: Split, point: Callable[[Split], Points]) -> Found:
    """Return the held-out rows with the scores of point forecasts, and what is to be said of them.

    DataError if no curve could be fitted.
    """
    found = point(split)
    kept = ~np.isnan(found.median)
    _check_some(kept, found.lost)
    rows = split.held[kept]
    scores = score_points(rows["value"].to_numpy(float), found.median[kept])
    return rows.assign(**scores), {"status": NO_INTERVALS, "left out": _named(found.lost, split)}


def score_conformal(split: Split, point: Callable[[Split], Points]) -> Found:
    """Return the held-out rows with the scores of point forecasts in split conformal intervals.

    What is fitted is split once more, in the proportion in which the whole was. The errors of the forecasts
    there, of all curves of a metric together, say how wide the intervals are. See `conformal_radius`.
    DataError if no curve could be fitted, or none is long enough to be split once more.
    """
    calibration = _calibration(split)
    found, before = point(split), point(calibration)
    lost = dict(found.lost)
    errors = pd.Series(np.abs(before.median - calibration.held["value"].to_numpy(float))).dropna()
    by_metric = {
        str(metric): own.to_numpy(float)
        for metric, own in errors.groupby(calibration.held["metric"].loc[errors.index])
    }
    calibrated = split.held["metric"].isin(list(by_metric)).to_numpy()
    reason = "no curve of this metric has fitted sizes enough to calibrate intervals"
    lost |= dict.fromkeys(_keys(split.held[~calibrated & ~np.isnan(found.median)], split), reason)
    kept = calibrated & ~np.isnan(found.median)
    _check_some(kept, lost)
    rows, median = split.held[kept], found.median[kept]
    draws = np.empty((len(rows), 2 * _QUANTILES))
    names = rows["metric"].to_numpy(str)
    for metric in np.unique(names):
        own = names == metric
        spec = CATALOGUE[str(metric)]
        spread = _distribution(by_metric[str(metric)])
        draws[own] = np.clip(median[own, None] + spread, spec.low, spec.high)
    counts = {metric: len(each) for metric, each in by_metric.items()}
    record = {"status": CONFORMAL, "residuals": counts, "left out": _named(lost, split)}
    return rows.assign(**score_draws(rows["value"].to_numpy(float), draws)), record


def conformal_radius(errors: FloatArray, prob: FloatArray) -> FloatArray:
    """Return half the width of split conformal intervals, one for each probability.

    It is the ceil((m + 1) prob)-th smallest of m absolute errors: an interval then holds with at least this
    probability if the error to come is exchangeable with them (Lei et al. 2018, arXiv 1604.04173). Where m is
    too small for it, the largest error is taken, and less is certain: a 90% interval needs nine errors.
    """
    rank = np.ceil((len(errors) + 1) * np.asarray(prob) - 1e-9).astype(int)
    return np.asarray(np.sort(errors)[np.clip(rank, 1, len(errors)) - 1])


def _distribution(errors: FloatArray) -> FloatArray:
    """Return quantiles around 0 of the distribution whose equal-tailed intervals are the conformal ones."""
    radius = conformal_radius(errors, (np.arange(_QUANTILES) + 0.5) / _QUANTILES)
    return np.concatenate([-radius[::-1], radius])


def _calibration(split: Split) -> Split:
    """Return the fitted rows, split in the proportion in which the whole table was."""
    keys, axis = [*split.train.curve_columns, "metric"], split.train.axis
    fitted = split.train.frame[~split.train.is_baseline]
    counts = [len(rows[[*keys, axis]].drop_duplicates()) for rows in (fitted, split.held)]
    try:
        return split_first(split.train, counts[0] / sum(counts))
    except DataError as error:
        raise DataError(
            f"conformal intervals need a curve with at least 3 fitted sizes, of which the last calibrate; "
            f"'{split.name}' leaves none; fit more sizes"
        ) from error


def _keys(rows: pd.DataFrame, split: Split) -> list[tuple[Any, ...]]:
    """Return the curve and metric of each row."""
    return list(rows[[*split.train.curve_columns, "metric"]].itertuples(index=False, name=None))


def _check_some(kept: NDArray[np.bool_], lost: dict[tuple[Any, ...], str]) -> None:
    """Refuse forecasts of nothing."""
    if not kept.any():
        raise DataError(f"no curve could be fitted; the first: {next(iter(lost.values()))}")


def _named(lost: dict[tuple[Any, ...], str], split: Split) -> list[dict[str, Any]]:
    """Return the curves and metrics that could not be fitted, each with its reason."""
    columns = split.train.curve_columns
    labels = unit_labels(pd.DataFrame([key[:-1] for key in lost], columns=list(columns)), columns)
    return [
        {"curve": label, "metric": key[-1], "error": reason}
        for label, (key, reason) in zip(labels, lost.items(), strict=True)
    ]


RIVALS: dict[str, Callable[[Split], Found]] = {
    "huber": lambda split: score_alone(split, huber),
    "last-value": lambda split: score_alone(split, last_value),
    "conformal": lambda split: score_conformal(split, huber),
    "conformal-last": lambda split: score_conformal(split, last_value),
}
"""Rivals by name: the paper's point fit and the last value carried on, alone and in conformal intervals."""
