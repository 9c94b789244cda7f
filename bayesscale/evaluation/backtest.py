"""The track record of a fit: its last sizes held out, forecast by the same model, and counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import pandas as pd

from bayesscale.errors import DataError
from bayesscale.evaluation.forecasters import scored
from bayesscale.evaluation.split import Split, split_first
from bayesscale.inference.track_record import KEY, TrackRecord

if TYPE_CHECKING:
    from bayesscale.inference import Fit

# What is fitted of each curve; the rest is forecast.
_FITTED = 0.75
# The refit need not have the precision of a fit that is kept.
_LONGEST = 4


def backtest(fit: Fit, *, report: Callable[[str], None] | None = None) -> Fit:
    """Return the fit with its track record: the last quarter of each curve, forecast from the rest."""
    try:
        split = split_first(fit.metrics, _FITTED)
    except DataError as error:
        record = TrackRecord(0, reason=str(error))
    else:
        record = _record(fit, split, report)
    return replace(fit, provenance={**fit.provenance, KEY: asdict(record)})


def _record(fit: Fit, split: Split, report: Callable[[str], None] | None) -> TrackRecord:
    """Return how the forecasts of held-out rows did."""
    from bayesscale.inference import Sampler
    from bayesscale.inference.run import fit as fit_model

    settings = fit.provenance["settings"]
    sampler = Sampler(**settings["sampler"])
    shorter = replace(sampler, longest=min(sampler.longest, _LONGEST))
    again = fit_model(
        split.train,
        priors=fit.priors,
        sampler=shorter,
        report=report,
        breaks=settings["model"]["breaks"],
        discrepancy=settings["model"]["discrepancy"],
        law=settings["law"],
    )
    rows = scored(split, again).assign(last=last_values(split))
    rows["crps_last"] = (rows["last"] - rows["value"]).abs()
    crps = {str(metric): own[["crps", "crps_last"]].mean() for metric, own in rows.groupby("metric")}
    return TrackRecord(
        len(rows),
        int(rows["inside_90"].sum()),
        int(rows["inside_50"].sum()),
        {metric: float(own["crps"]) for metric, own in crps.items()},
        {metric: float(own["crps_last"]) for metric, own in crps.items()},
        again.status.label,
    )


def last_values(split: Split) -> pd.Series:
    """Return, for every held-out row, the value at the last fitted size of its curve and metric."""
    keys, axis = [*split.train.curve_columns, "metric"], split.train.axis
    fitted = split.train.frame[~split.train.is_baseline].sort_values(axis)
    at_last = fitted[fitted[axis] == fitted.groupby(keys, dropna=False)[axis].transform("max")]
    last = at_last.groupby(keys, dropna=False)["value"].mean().rename("last").reset_index()
    merged = split.held.reset_index()[["index", *keys]].merge(last, on=keys, how="left")
    return merged.set_index("index")["last"]
