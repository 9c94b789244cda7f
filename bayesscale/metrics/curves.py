"""From the metrics table to arrays: curves on one logarithmic axis, and the labels to find them again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.laws import LogAxis
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.design import Covariate, Factor, design_columns, with_alignment
from bayesscale.metrics.table import Metrics
from bayesscale.units import format_tokens

SIZES = {"pretrain_tokens": "finetune_tokens", "finetune_tokens": "pretrain_tokens"}
"""The size along a curve, and the one that is constant on it."""

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Observations:
    """Measured values of the metrics that follow one law, arrays of shape (n,).

    `unit` and `metric` are positions, of the curve (or of the baseline's cell) and among `metrics`; `size`
    is that along the curve (0 for a baseline), `se` the standard error of `value` (0 where unknown).
    """

    metrics: tuple[str, ...]
    unit: IntArray
    metric: IntArray
    size: FloatArray
    value: FloatArray
    se: FloatArray

    def __len__(self) -> int:
        return len(self.value)


@dataclass(frozen=True)
class Curves:
    """All that the models need of a metrics table.

    Parameters
    ----------
    axis_name : str
        'pretrain_tokens' or 'finetune_tokens'.
    axis : LogAxis
        Anchored at the medians, over the curves, of their smallest and of their largest size: the ends of a
        typical curve, so that levels and gains are comparable and mostly interpolated.
    table : pandas.DataFrame
        One row a curve: the curve columns and `alignment` where it is known.
    curve_columns : tuple of str
        The columns of `table` that tell curves apart.
    factors, covariates : tuple
        What varies between curves, see `design_columns`.
    scores, losses : Observations
        Values of the metrics that rise (log-law) and fall (power law) with more data.
    cells : pandas.DataFrame
        One row a cell of the non-pretrained baseline; empty where there is none.
    baseline : Observations
        Values of the baseline; `unit` counts the rows of `cells`, `metric` all metrics of `names`.
    """

    axis_name: str
    axis: LogAxis
    table: pd.DataFrame
    curve_columns: tuple[str, ...]
    factors: tuple[Factor, ...]
    covariates: tuple[Covariate, ...]
    scores: Observations
    losses: Observations
    cells: pd.DataFrame
    baseline: Observations

    @property
    def names(self) -> tuple[str, ...]:
        """All metrics: scores, then losses."""
        return self.scores.metrics + self.losses.metrics

    @property
    def absorbed(self) -> tuple[str, ...]:
        """Groupings that vary but are no factors, since a level has hardly more than one curve.

        What sets their levels apart is in the residuals of the curves.
        """
        known = {factor.name for factor in self.factors}
        columns = [name for name in ("task", "mixture") if name in self.curve_columns and name not in known]
        return tuple(name for name in columns if self.table[name].nunique() > 1)

    @property
    def blocks(self) -> dict[str, Observations]:
        """The observations in the models' order: 'score', 'loss' and 'baseline', those that there are."""
        parts = {"score": self.scores, "loss": self.losses, "baseline": self.baseline}
        return {name: rows for name, rows in parts.items() if len(rows)}

    @cached_property
    def labels(self) -> list[str]:
        """One unique label a curve, such as 'en-fr | en+fr | 42M'."""
        return unit_labels(self.table, self.curve_columns)

    @cached_property
    def cell_labels(self) -> list[str]:
        """One unique label a baseline cell."""
        return unit_labels(self.cells, tuple(self.cells.columns))

    def __len__(self) -> int:
        return len(self.table)


def unit_labels(table: pd.DataFrame, columns: tuple[str, ...]) -> list[str]:
    """Return a readable label a row: its values, sizes with a suffix, joined by ' | '."""
    labels = _joined(table, columns, format_tokens)
    # Four digits do not tell 6,000,000 from 6,000,100.
    return labels if len(set(labels)) == len(labels) else unit_keys(table, columns)


def unit_keys(table: pd.DataFrame, columns: tuple[str, ...]) -> list[str]:
    """Return a label a row with sizes in full, which depends on nothing but its row."""
    return _joined(table, columns, "{:.15g}".format)


def _joined(table: pd.DataFrame, columns: tuple[str, ...], size: Callable[[float], str]) -> list[str]:
    """Return a label a row, sizes written by a function."""
    texts = [map(size if n in (*SIZES, "model_params") else str, table[n].tolist()) for n in columns]
    return [" | ".join(row) for row in zip(*texts, strict=True)]


def build_curves(metrics: Metrics) -> Curves:
    """Return the arrays of a metrics table that `read_metrics` accepted."""
    along = with_alignment(metrics.frame[~metrics.is_baseline])
    columns = list(metrics.curve_columns)
    unit = _numbered(along, columns)
    first = np.unique(unit, return_index=True)[1]
    keep = [n for n in dict.fromkeys([*columns, "task", "mixture", "alignment"]) if n in along.columns]
    table = along.iloc[first][keep].reset_index(drop=True)
    names = sorted(along["metric"].unique(), key=lambda name: (CATALOGUE[name].improves != "up", name))
    rising = tuple(name for name in names if CATALOGUE[name].improves == "up")
    falling = tuple(name for name in names if CATALOGUE[name].improves == "down")
    factors, covariates = design_columns(table, metrics.curve_columns, SIZES[metrics.axis])
    cells, baseline = _baseline(metrics, rising + falling)
    return Curves(
        axis_name=metrics.axis,
        axis=_anchors(along.groupby(unit)[metrics.axis]),
        table=table,
        curve_columns=metrics.curve_columns,
        factors=factors,
        covariates=covariates,
        scores=_observations(along, unit, metrics.axis, rising),
        losses=_observations(along, unit, metrics.axis, falling),
        cells=cells,
        baseline=baseline,
    )


def _numbered(rows: pd.DataFrame, columns: list[str]) -> IntArray:
    """Return the number of each row's group, groups sorted by their columns."""
    return np.asarray(rows.groupby(columns, sort=True, dropna=False).ngroup(), dtype=np.int64)


def _anchors(sizes: Any) -> LogAxis:
    """Return the ends of a typical curve; every curve has two sizes, so that the medians differ as well."""
    return LogAxis(float(sizes.min().median()), float(sizes.max().median()))


def _observations(rows: pd.DataFrame, unit: IntArray, size: str, names: tuple[str, ...]) -> Observations:
    """Return the values of the named metrics."""
    chosen = rows["metric"].isin(names).to_numpy()
    rows = rows[chosen]
    se = rows["se"].fillna(0.0) if "se" in rows.columns else pd.Series(0.0, index=rows.index)
    return Observations(
        metrics=names,
        unit=unit[chosen],
        metric=pd.Categorical(rows["metric"], categories=list(names)).codes.astype(np.int64),
        size=rows[size].to_numpy(float),
        value=rows["value"].to_numpy(float),
        se=np.asarray(se, dtype=np.float64),
    )


def _baseline(metrics: Metrics, names: tuple[str, ...]) -> tuple[pd.DataFrame, Observations]:
    """Return the cells of the non-pretrained baseline, (task, D_f, ...), and their values."""
    rows = metrics.frame[metrics.is_baseline & metrics.frame["metric"].isin(names)]
    columns = [name for name in metrics.curve_columns if name != "mixture"] or ["task"]
    unit = _numbered(rows, columns)
    cells = rows.iloc[np.unique(unit, return_index=True)[1]][columns].reset_index(drop=True)
    return cells, _observations(rows, unit, metrics.axis, names)
