"""Split a metrics table into what is fitted and what is held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.errors import DataError, UsageError
from bayesscale.metrics.table import Metrics, data_hash

# A law says nothing of a curve with fewer sizes; the population alone would forecast it.
_FEWEST = 2


@dataclass(frozen=True)
class Split:
    """One origin of a rolling evaluation: its name says what is fitted, such as 'first 60%'.

    `train` are the rows that are fitted, the baseline among them; `held` those that are forecast, of
    `Metrics.frame`, on curves that have rows in `train`.
    """

    name: str
    train: Metrics
    held: pd.DataFrame


def split_first(metrics: Metrics, first: float) -> Split:
    """Hold out the larger sizes of each curve and metric.

    `first` is how many sizes are fitted: a share of each curve's if below 1, rounded up, else a number; at
    least 2 of each curve. A share leaves at least one size to forecast on curves of three and more.
    UsageError if it is neither, DataError if nothing is left to forecast.
    """
    if not (0 < first < 1 or (first >= _FEWEST and first == int(first))):
        raise UsageError(
            f"what is fitted is a share of each curve's sizes between 0 and 1, or a whole number of them of "
            f"at least {_FEWEST}; received {first:g}; write for instance 0.6 or 3"
        )
    place, count, index = _counted(metrics)
    limit = np.maximum(np.minimum(_share(first, count), count - 1), _FEWEST) if first < 1 else first
    name = f"first {_named(first)}"
    return _split(metrics, name, metrics.frame.index.isin(index[place <= limit]))


def split_last(metrics: Metrics, last: float) -> Split:
    """Hold out the last sizes of each curve and metric; two at least are fitted.

    `last` is how many sizes are held out: a share of each curve's if below 1, rounded up, else a number.
    UsageError if it is neither, DataError if nothing is left to forecast.
    """
    if not (0 < last < 1 or (last >= 1 and last == int(last))):
        raise UsageError(
            f"what is held out of each curve is a share of its sizes between 0 and 1, or a whole number of "
            f"at least 1 of them; received {last:g}; write for instance 0.25 or 2"
        )
    place, count, index = _counted(metrics)
    fitted = index[place <= np.maximum(count - (_share(last, count) if last < 1 else last), _FEWEST)]
    return _split(metrics, f"without the last {_named(last)}", metrics.frame.index.isin(fitted))


def _share(share: float, count: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a share of counts, rounded up."""
    # 0.6 * 5 is 3.0000000000000004 or 2.9999999999999996, depending on the share.
    return np.asarray(np.ceil(share * count - 1e-9))


def _named(sizes: float) -> str:
    """Return '60%' for a share and '3' for a number of sizes."""
    return f"{100 * sizes:.10g}%" if sizes < 1 else f"{sizes:.0f}"


def _counted(metrics: Metrics) -> tuple[NDArray[np.float64], NDArray[np.float64], pd.Index]:
    """Return each row's place among the sizes of its curve and metric, how many there are, and its index."""
    rows = metrics.frame[~metrics.is_baseline]
    groups = rows.groupby([*metrics.curve_columns, "metric"], dropna=False)[metrics.axis]
    count = groups.transform("nunique").to_numpy(float)
    return groups.rank(method="dense").to_numpy(float), count, rows.index


def split_rows(metrics: Metrics, lines: Sequence[int], name: str) -> Split:
    """Fit the rows of given lines of the file and hold out all others; DataError if there are none."""
    return _split(metrics, name, metrics.frame["line"].isin(list(lines)).to_numpy())


def split_like(metrics: Metrics, fitted: Metrics, name: str) -> Split:
    """Fit the rows that another reading of the same file has, and hold out all others.

    Rows that repeat another one in every cell are one row; it is fitted if one of them is. DataError if
    nothing is left to forecast.
    """
    frame, part = metrics.frame, fitted.frame
    chosen = frame["line"].isin(part["line"])
    # Of equal rows the whole table keeps the first, which need not be in the part.
    elsewhere = part[~part["line"].isin(frame["line"])]
    if len(elsewhere):
        same = [column for column in frame.columns if column != "line" and column in part]
        equal = frame[same].merge(elsewhere[same].drop_duplicates(), how="left", on=same, indicator="where")
        chosen |= equal["where"].eq("both").to_numpy()
    return _split(metrics, name, chosen.to_numpy())


def _split(metrics: Metrics, name: str, chosen: NDArray[np.bool_]) -> Split:
    """Return the split that fits the chosen rows, and holds out the others of curves with enough of them."""
    baseline = metrics.is_baseline.to_numpy()
    fitted = chosen & ~baseline
    curve = metrics.frame[list(metrics.curve_columns)].apply(tuple, axis=1)
    sizes = metrics.frame.loc[fitted, metrics.axis].groupby(curve[fitted]).nunique()
    known = curve.isin(sizes.index[sizes >= _FEWEST]).to_numpy()
    train = metrics.frame[fitted & known | baseline].reset_index(drop=True)
    there = metrics.frame["metric"].isin(set(train["metric"])).to_numpy()
    held = metrics.frame[~fitted & ~baseline & known & there].reset_index(drop=True)
    if held.empty:
        longest = int(metrics.frame[~baseline].groupby(curve[~baseline])[metrics.axis].nunique().max())
        raise DataError(
            f"an evaluation forecasts sizes that were measured but not fitted, on curves with at least "
            f"{_FEWEST} fitted sizes; '{name}' leaves none, the longest curve has {longest} sizes; "
            f"{'fit fewer' if longest > _FEWEST else 'measure more sizes'}"
        )
    return Split(name, replace(metrics, frame=train, data_hash=data_hash(train)), held)
