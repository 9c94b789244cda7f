"""What curves share: the grouping factors and covariates over which the models pool."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.metrics.alignment import alignment_score, mixture_shares, task_languages

PAIR = "task_mixture"
"""The factor of task and mixture together."""
_CURVES_A_LEVEL = 1.5


@dataclass(frozen=True)
class Factor:
    """A grouping of the curves whose levels are drawn from one population.

    `name` is 'task', 'mixture', 'task_mixture' or the name of a size; `levels` are sorted, text as such,
    sizes as numbers; `index`, of shape (curves,), has the level of each curve. `explained`, of shape
    (levels, 1 or 2), is what is known of levels without their effects: a constant, which the mean takes,
    and of sizes their covariate, whose slope takes the line through all levels.
    """

    name: str
    levels: tuple[str, ...]
    index: NDArray[np.int64]
    explained: NDArray[np.float64]

    def contrasts(self) -> NDArray[np.float64]:
        """Return an orthonormal basis of what is not explained, shape (levels, contrasts).

        Standard normal coordinates in it are normal effects without what mean and slope say as well, which
        takes out the ridges between them. Two sizes have none.
        """
        rank = np.linalg.matrix_rank(self.explained)
        return np.ascontiguousarray(np.linalg.svd(self.explained)[0][:, rank:])


@dataclass(frozen=True)
class Covariate:
    """A number that varies between curves and has a slope on every effect.

    `name` is that of a size or 'alignment'; the slope is per factor of ten (`log10`, sizes) or per unit.
    `centre` is subtracted, so that the population mean belongs to a typical curve; `values`, of shape
    (curves,), are transformed and centred, and 0, a typical curve, where it is unknown.
    """

    name: str
    log10: bool
    centre: float
    values: NDArray[np.float64]

    def scaled(self, raw: object) -> NDArray[np.float64]:
        """Return raw values on the scale of `values`; 0 where they are unknown or, for a size, zero."""
        return _transform(raw, self.log10, self.centre)


def _transform(raw: object, log10: bool, centre: float) -> NDArray[np.float64]:
    """Return transformed, centred values, 0 where they are unknown."""
    values = np.asarray(raw, dtype=float)
    if log10:
        values = np.log10(np.where(values > 0, values, np.nan))
    return np.nan_to_num(values - centre, nan=0.0)


def design_columns(
    table: pd.DataFrame, columns: tuple[str, ...], other_size: str
) -> tuple[tuple[Factor, ...], tuple[Covariate, ...]]:
    """Return the factors (at least two levels, 1.5 curves a level) and covariates that vary between curves.

    `table` has one row a curve. Only `columns`, which define a curve, can become factors or covariates of
    sizes; `other_size` is the one that is constant on a curve.
    """
    factors = [_factor(name, table[name]) for name in ("task", "mixture") if name in columns]
    factors = [factor for factor in factors if len(factor.levels) > 1]
    if len(factors) == 2:
        factors.append(_factor(PAIR, table["task"] + " | " + table["mixture"]))
    sizes = [name for name in (other_size, "model_params") if name in columns]
    # What the curves of one size have in common is seldom on the line that the slopes draw through all sizes.
    lines = [_covariate(name, table[name], True) for name in sizes]
    factors += [_factor(line.name, table[line.name], line) for line in lines]
    factors = [factor for factor in factors if len(factor.levels) > 1 and _differs_from_curves(factor)]
    covariates = [*lines]
    if "alignment" in table.columns:
        covariates.append(_covariate("alignment", table["alignment"], False))
    return tuple(factors), tuple(covariate for covariate in covariates if np.ptp(covariate.values) > 0)


def _differs_from_curves(factor: Factor) -> bool:
    """Return whether a factor has so many curves a level that it can be told apart from their own residuals.

    With one curve a level the spreads of both would have nothing but their sum in the data.
    """
    return len(factor.index) >= _CURVES_A_LEVEL * len(factor.levels)


def level_labels(values: pd.Series) -> pd.Series:
    """Return the labels of values, text or sizes, as levels of a factor."""
    return values.map("{:.12g}".format) if pd.api.types.is_numeric_dtype(values) else values.astype(str)


def _factor(name: str, values: pd.Series, line: Covariate | None = None) -> Factor:
    """Return a factor from one value a curve; of sizes, with their covariate."""
    text = not pd.api.types.is_numeric_dtype(values)
    levels, index = np.unique(values.astype(str) if text else values, return_inverse=True)
    explained = [np.ones(len(levels)), *([line.scaled(levels)] if line and np.ptp(line.values) > 0 else [])]
    labels = tuple(level_labels(pd.Series(levels)))
    return Factor(name, labels, index.astype(np.int64), np.column_stack(explained))


def _covariate(name: str, raw: pd.Series, log10: bool) -> Covariate:
    """Return a centred covariate from one number a curve."""
    values = raw.to_numpy(float)
    known = np.unique(values[np.isfinite(values) & ((values > 0) | (not log10))])
    known = np.log10(known) if log10 else known
    centre = float((known.min() + known.max()) / 2) if known.size else 0.0
    return Covariate(name, log10, centre, _transform(values, log10, centre))


def with_alignment(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with the paper's alignment score where shares and the task's languages give one.

    A value of the column `alignment` that the user gave is kept.
    """
    shares = mixture_shares(frame)
    if not shares:
        return frame
    pairs = frame[["task", "mixture"]].drop_duplicates().itertuples(index=False)
    scores = {
        (pair.task, pair.mixture): alignment_score(shares[str(pair.mixture)], *languages)
        for pair in pairs
        if pair.mixture in shares and (languages := task_languages(str(pair.task)))
    }
    computed = pd.Series(
        [scores.get(key, np.nan) for key in zip(frame["task"], frame["mixture"], strict=True)],
        index=frame.index,
    )
    given = frame["alignment"] if "alignment" in frame.columns else computed
    return frame.assign(alignment=given.fillna(computed))
