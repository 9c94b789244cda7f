"""Rolling-origin evaluation: fit the first part of each curve, forecast the rest, score the forecasts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from bayesscale.errors import UsageError, valid_names
from bayesscale.evaluation.forecasters import MODELS, forecast_rows
from bayesscale.evaluation.scores import PROBS, pooled
from bayesscale.evaluation.split import Split, split_first
from bayesscale.inference.run import record
from bayesscale.inference.sampler import Sampler
from bayesscale.metrics.table import Metrics
from bayesscale.models.priors import Priors
from bayesscale.questions.describe import plain_records, table_text

_EDGES = (0.0, 0.5, 1.0, 2.0, 4.0, np.inf)
_LABELS = ("0 to 0.5", "0.5 to 1", "1 to 2", "2 to 4", "above 4")
# What the status of a fit says if nothing is wrong with it.
_FINE = ("converged", "no intervals")
_SHORT = {
    "log_score": "log score",
    "miscalibration": "miscal.",
    **{f"cover_{100 * p:.0f}": f"in {100 * p:.0f}%" for p in PROBS},
    **{f"width_{100 * p:.0f}": f"width {100 * p:.0f}%" for p in PROBS},
}


@dataclass(frozen=True)
class Evaluation:
    """Scores of forecasts of held-out values.

    Parameters
    ----------
    metrics : Metrics
        The table.
    rows : pandas.DataFrame
        One row a forecast: model, split, the curve, metric, size, value, the columns of `score_draws`, and
        efolds_beyond, the size in e-folds beyond the last fitted one of its curve and metric.
    fits : pandas.DataFrame
        One row a fit: model, split, status and diagnostics.
    provenance : dict
        Versions, seed, settings, timings.
    """

    metrics: Metrics
    rows: pd.DataFrame = field(repr=False)
    fits: pd.DataFrame = field(repr=False)
    provenance: dict[str, Any] = field(repr=False)

    def frame(self, by: Sequence[str] = ("metric",)) -> pd.DataFrame:
        """Return pooled scores, one row for each model, split and value of other columns; see `pooled`."""
        return pooled(self.rows, ["model", "split", *by], list(self.metrics.curve_columns))

    def curves(self) -> pd.DataFrame:
        """Return the scores of every curve and metric."""
        return self.frame([*self.metrics.curve_columns, "metric"])

    def distances(self) -> pd.DataFrame:
        """Return pooled scores by how many e-folds beyond the fitted sizes a forecast is."""
        return self.frame(["metric", "distance"])

    def document(self) -> dict[str, Any]:
        """Return everything for programs."""
        return {
            **self.provenance,
            "source": self.metrics.source,
            "data_hash": self.metrics.data_hash,
            "interval": {"kind": "equal-tailed", "prob": list(PROBS)},
            "fits": plain_records(self.fits.drop(columns="seconds", errors="ignore")),
            "pooled": plain_records(self.frame()),
            "by distance": plain_records(self.distances()),
            "curves": plain_records(self.curves()),
        }

    def sentences(self) -> list[str]:
        """Return what a reader has to know of the table."""
        bad = self.fits[~self.fits["status"].isin(_FINE)]
        lines = [
            f"DO NOT RELY ON THESE NUMBERS - {row.model}, {row.split}: {row.status}, R-hat {row.rhat:.3g}, "
            f"ESS {row.ess_bulk:.0f}, {row.divergences:.0f} divergences"
            for row in bad.itertuples()
        ]
        return [
            *lines,
            f"{self.metrics}",
            "equal-tailed intervals of new measurements; in P%: share of held-out values inside; "
            "widths, mae and crps in the metric's unit; rmsle: mean over curves; "
            "miscal.: 0 is perfect calibration",
        ]

    @property
    def converged(self) -> bool:
        """Whether no fit failed a diagnostic."""
        return bool(self.fits["status"].isin(_FINE).all())

    def readable(self, *, per_curve: bool = False) -> pd.DataFrame:
        """Return the pooled scores, or those of every curve, under short headings."""
        table = self.curves() if per_curve else self.frame()
        constant = [name for name in ("model", "split") if table[name].nunique() == 1]
        widths = [f"width_{100 * p:.0f}" for p in PROBS[:-1]]
        return table.drop(columns=[*constant, *widths]).rename(columns=_SHORT)

    def __str__(self) -> str:
        return "\n".join([*self.sentences(), table_text(self.readable())])


def evaluate(
    metrics: Metrics,
    *,
    first: Sequence[float] = (0.6,),
    splits: Sequence[Split] | None = None,
    models: Sequence[str] = ("joint",),
    sampler: Sampler | None = None,
    priors: Priors | None = None,
    jobs: int = 1,
    report: Callable[[str], None] | None = None,
) -> Evaluation:
    """Fit the first part of each curve, forecast the rest and score the forecasts.

    Parameters
    ----------
    metrics : Metrics
        The table.
    first : sequence of float
        Origins: shares of each curve's sizes below 1, or numbers of sizes.
    splits : sequence of Split, optional
        Splits, instead of `first`.
    models : sequence of str
        Names in `bayesscale.evaluation.forecasters.MODELS`.
    sampler, priors : Sampler, Priors, optional
        Settings of the models that sample. Default: those of `fit`.
    jobs : int
        Fits at the same time, each in a process of its own; the scores do not depend on it.
    report : callable, optional
        Receives one line a fit.

    Raises
    ------
    UsageError
        A model is unknown, or a split leaves nothing to forecast.
    """
    if unknown := [name for name in models if name not in MODELS]:
        raise UsageError(f"a model is unknown; received {unknown[0]!r}; {valid_names(unknown[0], MODELS)}")
    if jobs < 1:
        raise UsageError(f"jobs must be at least 1; received {jobs}")
    sampler, priors = sampler or Sampler(), priors or Priors()
    chosen = splits or [split_first(metrics, each) for each in first]
    tasks = [(model, split) for split in chosen for model in models]
    run = delayed(_one)
    rows, fits = [], []
    for done in Parallel(n_jobs=jobs, return_as="generator")(run(*task, sampler, priors) for task in tasks):
        rows.append(done[0])
        fits.append(done[1])
        if report:
            report(f"{done[1]['model']}, {done[1]['split']}: {done[1]['status']}")
    settings = {"models": list(models), "splits": [split.name for split in chosen]}
    provenance = record(sampler, priors, settings, "", {})
    return Evaluation(metrics, pd.concat(rows, ignore_index=True), pd.DataFrame(fits), provenance)


def _one(model: str, split: Split, sampler: Sampler, priors: Priors) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the scored rows of one model and split, and what is to be said of the fit."""
    rows, found = forecast_rows(split, model, sampler, priors)
    named = {"model": model, "split": split.name}
    return _with_distance(rows, split).assign(**named), named | found


def _with_distance(rows: pd.DataFrame, split: Split) -> pd.DataFrame:
    """Return rows with how far they are beyond what was fitted."""
    axis, keys = split.train.axis, [*split.train.curve_columns, "metric"]
    fitted = split.train.frame[~split.train.is_baseline]
    last = fitted.groupby(keys, dropna=False)[axis].max().rename("last").reset_index()
    merged = rows.merge(last, on=keys, how="left")
    beyond = np.log(merged[axis] / merged["last"])
    inside = pd.Series(pd.cut(beyond, list(_EDGES), labels=list(_LABELS))).astype(object)
    return merged.drop(columns="last").assign(efolds_beyond=beyond, distance=inside.fillna("inside the data"))
