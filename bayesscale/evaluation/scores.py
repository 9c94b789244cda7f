"""Scores of forecasts against what was measured."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import norm

FloatArray = NDArray[np.float64]
PROBS = (0.5, 0.8, 0.9)
"""Probabilities of the equal-tailed intervals whose coverage and width are told."""
_SMALLEST, _NO_WIDTH = 1e-12, 1e-6


def score_draws(value: FloatArray, draws: FloatArray) -> dict[str, FloatArray]:
    """Return scores of forecasts that are draws of new measurements, shape (n, draws), of n values.

    They are median; crps, the continuous ranked probability score, in the metric's unit; log_score, minus the
    log density (of a kernel estimate); pit, the share of draws below the value; for each probability P of
    `PROBS`, lower_P, upper_P and inside_P; log_error, log(median / value).
    """
    found = {
        "median": np.median(draws, axis=-1),
        "crps": _crps(value, draws),
        "log_score": _log_score(value, draws),
        "pit": _share_below(value, draws),
    }
    for prob in PROBS:
        tail = (1 - prob) / 2
        lower, upper = np.quantile(draws, [tail, 1 - tail], axis=-1)
        name = f"{100 * prob:.0f}"
        found |= {f"lower_{name}": lower, f"upper_{name}": upper}
        found[f"inside_{name}"] = ((lower <= value) & (value <= upper)).astype(float)
    return found | {"log_error": log_error(value, found["median"])}


def score_points(value: FloatArray, forecast: FloatArray) -> dict[str, FloatArray]:
    """Return the scores of forecasts without intervals, under the names of `score_draws`.

    crps is the absolute error; what needs an interval is NaN.
    """
    parts = [f"{part}_{100 * prob:.0f}" for prob in PROBS for part in ("lower", "upper", "inside")]
    unknown = np.full(len(value), np.nan)
    found = {"median": forecast, "crps": np.abs(forecast - value), "log_score": unknown, "pit": unknown}
    return found | dict.fromkeys(parts, unknown) | {"log_error": log_error(value, forecast)}


def log_error(value: FloatArray, forecast: FloatArray) -> FloatArray:
    """Return log(forecast / value), NaN where one of them is not above 0."""
    known = (value > 0) & (forecast > 0)
    ratio = np.where(known, np.maximum(forecast, _SMALLEST) / np.where(known, value, 1.0), np.nan)
    return np.asarray(np.log(ratio))


def _crps(value: FloatArray, draws: FloatArray) -> FloatArray:
    """Return the CRPS of values under the empirical distributions of draws.

    Of n sorted draws x_i it is 2 / n^2 sum_i (x_i - y) (n [y < x_i] - i + 1/2) (Jordan, Krueger and Lerch, J.
    Stat. Softw. 90, 2019, eq. 3).
    """
    count, off = draws.shape[-1], np.sort(draws, axis=-1) - value[:, None]
    return np.asarray(2.0 / count**2 * (off * (count * (off > 0) - np.arange(count) - 0.5)).sum(axis=-1))


def _log_score(value: FloatArray, draws: FloatArray) -> FloatArray:
    """Return minus the log density of values under normal kernels; it is finite however far they are off.

    Their width is 1.06 min(sd, iqr / 1.34) / n^(1/5) (Silverman, Density Estimation, 1986, section 3.4.1).
    """
    spread, count = draws.std(axis=-1), draws.shape[-1]
    middle = np.subtract(*np.quantile(draws, [0.75, 0.25], axis=-1)) / 1.34
    width = 1.06 * np.where(middle > 0, np.minimum(spread, middle), spread) * count**-0.2
    # Without spread there is no density: scores of exactly zero, forecast as such.
    width = np.where(width > 0, width, _NO_WIDTH)
    return np.asarray(np.log(count) - logsumexp(norm.logpdf(value[:, None], draws, width[:, None]), axis=-1))


def _share_below(value: FloatArray, draws: FloatArray) -> FloatArray:
    """Return the share of draws below each value, ties counted half."""
    below = (draws < value[:, None]).mean(axis=-1)
    return np.asarray(below + 0.5 * (draws == value[:, None]).mean(axis=-1))


def pooled(rows: pd.DataFrame, by: list[str], curve: list[str]) -> pd.DataFrame:
    """Return the scores of groups of forecasts, one row a group, from rows with the columns of `score_draws`.

    Columns: those of `by`, which define the groups; n; curves; rmsle, the mean over the curves of each one's;
    mae; crps and log_score, means; cover_P and width_P for each probability; miscalibration, the mean
    distance between the sorted pit values and a uniform distribution's. Those of intervals are NaN for
    forecasts without draws.
    """
    found = []
    for key, group in rows.groupby(by, sort=True, dropna=False):
        own = dict(zip(by, key if isinstance(key, tuple) else (key,), strict=True))
        squares = group.assign(square=group["log_error"] ** 2).groupby(curve, dropna=False)["square"].mean()
        own |= {"n": len(group), "curves": len(squares), "rmsle": float(np.sqrt(squares).mean())}
        own["mae"] = float((group["median"] - group["value"]).abs().mean())
        own |= {name: float(group[name].mean()) for name in ("crps", "log_score")}
        for prob in PROBS:
            name = f"{100 * prob:.0f}"
            own[f"cover_{name}"] = float(group[f"inside_{name}"].mean())
            own[f"width_{name}"] = float((group[f"upper_{name}"] - group[f"lower_{name}"]).mean())
        own["miscalibration"] = _miscalibration(group["pit"].to_numpy(float))
        found.append(own)
    return pd.DataFrame(found)


def _miscalibration(pit: FloatArray) -> float:
    """Return the mean distance between sorted pit values and the quantiles of a uniform distribution."""
    uniform = (np.arange(len(pit)) + 0.5) / len(pit)
    return float(np.abs(np.sort(pit) - uniform).mean())
