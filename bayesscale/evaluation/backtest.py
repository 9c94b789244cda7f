"""The track record of a fit: its last sizes held out, forecast by the same model, and counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from bayesscale.errors import DataError
from bayesscale.evaluation.forecasters import FitOptions, fit_split, scored
from bayesscale.evaluation.rivals import last_fitted
from bayesscale.evaluation.split import Split, split_last
from bayesscale.inference.sampler import Sampler
from bayesscale.inference.track_record import KEY, TrackRecord
from bayesscale.questions.answer import plain_records
from bayesscale.questions.backtest import FORECAST, HELD

if TYPE_CHECKING:
    from bayesscale.inference import Fit

# What is forecast of each curve; the rest is fitted.
_HELD = 0.25
# The refit need not have the precision of a fit that is kept: what its intervals hold is counted.
_DRAWS, _LONGEST = 250, 8


def backtest(fit: Fit, *, report: Callable[[str], None] | None = None) -> Fit:
    """Return the fit with its track record: the last quarter of each curve, forecast from the rest."""
    try:
        split = split_last(fit.metrics, _HELD)
    except DataError as error:
        kept: dict[str, Any] = {KEY: asdict(TrackRecord(0, reason=str(error)))}
    else:
        kept = _held(fit, split, report)
    return replace(fit, provenance={**fit.provenance, **kept})


def _held(fit: Fit, split: Split, report: Callable[[str], None] | None) -> dict[str, Any]:
    """Return how the forecasts of held-out rows did, and the forecasts."""
    settings = fit.provenance["settings"]
    sampler = Sampler(**settings["sampler"])
    draws, longest = min(sampler.draws, _DRAWS), min(sampler.longest, _LONGEST)
    shorter = replace(sampler, draws=draws, longest=longest, rough=True)
    options = FitOptions(shorter, fit.priors, fit.breaks, fit.model.discrepancy, str(settings["law"]), report)
    again = fit_split(split, options)
    rows, last = scored(split, again), last_fitted(split)
    rows["crps_last"] = (last["value"] - rows["value"]).abs()
    crps = {str(metric): own[["crps", "crps_last"]].mean() for metric, own in rows.groupby("metric")}
    record = TrackRecord(
        len(rows),
        int(rows["inside_90"].sum()),
        int(rows["inside_50"].sum()),
        float((rows[split.train.axis] / last["size"]).max()),
        {metric: float(own["crps"]) for metric, own in crps.items()},
        {metric: float(own["crps_last"]) for metric, own in crps.items()},
        again.status.label,
    )
    names = [*split.train.curve_columns, "metric", split.train.axis, "value", *FORECAST]
    return {KEY: asdict(record), HELD: plain_records(rows[names])}
