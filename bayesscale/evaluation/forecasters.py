"""Ways to forecast held-out rows: the joint model and its variants, and the paper's point fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.errors import DataError
from bayesscale.evaluation.scores import PROBS, log_error, score_draws
from bayesscale.evaluation.split import Split
from bayesscale.inference.sampler import Sampler
from bayesscale.laws import LAWS
from bayesscale.metrics.curves import unit_labels
from bayesscale.models.priors import Priors

FloatArray = NDArray[np.float64]
Forecaster = Callable[[Split, Sampler, Priors], tuple[pd.DataFrame, dict[str, Any]]]
"""Fits a split and returns its held-out rows with their scores, and what is to be said of the fit."""


def forecast_rows(
    split: Split, model: str, sampler: Sampler, priors: Priors
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Fit one split and score its held-out rows."""
    return MODELS[model](split, sampler, priors)


def _joint(**settings: Any) -> Forecaster:
    """Return a forecaster that samples the joint model with some settings."""

    def forecast(split: Split, sampler: Sampler, priors: Priors) -> tuple[pd.DataFrame, dict[str, Any]]:
        from bayesscale.inference.run import fit

        fitted = fit(split.train, priors=priors, sampler=sampler, **settings)
        diagnostics = fitted.provenance["diagnostics"]
        kept = {name: diagnostics[name] for name in ("rhat", "ess_bulk")}
        record = {"status": fitted.status.label, **kept}
        record["seconds"] = fitted.provenance["timings"]
        return scored(split, fitted), record

    return forecast


def scored(split: Split, fitted: Any) -> pd.DataFrame:
    """Return the held-out rows with their scores."""
    from bayesscale.evaluation.density import held_curves

    parts = []
    for predictive, chosen, metric, rows in held_curves(fitted, split.held):
        sizes, value = rows[split.train.axis].to_numpy(float), rows["value"].to_numpy(float)
        draws = predictive.measured(sizes[None], metric, chosen)[0]
        parts.append(rows.assign(**score_draws(value, draws)))
    return pd.concat(parts)


def _huber(split: Split, sampler: Sampler, priors: Priors) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the paper's point fit of every curve by itself, which has no intervals."""
    from bayesscale.pointfit import fit_huber

    curve = list(split.train.curve_columns)
    fits = {(*each.curve, each.metric): each for each in fit_huber(split.train, first=None).fits}
    median = np.full(len(split.held), np.nan)
    lost: dict[tuple[Any, ...], str] = {}
    for place, row in enumerate(split.held[[*curve, "metric", split.train.axis]].itertuples(index=False)):
        *key, size = row
        found = fits.get(tuple(key))
        if found is not None and found.optimum is not None and found.axis is not None:
            u = np.array([found.axis.u(size)])
            median[place] = LAWS[found.law].value(u, *found.optimum.parameters)[0]
        else:
            lost[tuple(key)] = "the metric was not fitted on this curve" if found is None else found.message
    value = split.held["value"].to_numpy(float)
    scores = {"median": median, "crps": np.abs(median - value), "log_error": log_error(value, median)}
    missing = [f"{part}_{100 * p:.0f}" for p in PROBS for part in ("lower", "upper", "inside")]
    rows = split.held.assign(**scores, **dict.fromkeys(["log_score", "pit", *missing], np.nan))
    kept = rows[~np.isnan(median)]
    if kept.empty:
        raise DataError(f"no curve could be fitted; the first: {next(iter(lost.values()))}")
    return kept, {"status": "no intervals", "left out": _named(lost, split.train.curve_columns)}


def _named(lost: dict[tuple[Any, ...], str], columns: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the curves and metrics that could not be fitted, each with its reason."""
    table = pd.DataFrame([key[:-1] for key in lost], columns=list(columns))
    labels = unit_labels(table, columns)
    return [
        {"curve": label, "metric": key[-1], "error": reason}
        for label, (key, reason) in zip(labels, lost.items(), strict=True)
    ]


MODELS: dict[str, Forecaster] = {
    "joint": _joint(),
    **{law.option: _joint(law=law.option) for law in LAWS.values() if law.improves == "up"},
    "breaking": _joint(breaks="scores"),
    "unbroken": _joint(breaks="none"),
    "exact": _joint(breaks="none", discrepancy=False),
    "paper": _joint(law="paper"),
    "huber": _huber,
}
"""Forecasters by name: the default; with one law of scores; with breaks along D_f too, and without any; with
laws that hold exactly; with the paper's laws in one joint model; the paper's point fit."""
