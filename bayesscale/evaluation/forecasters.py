"""Ways to forecast held-out rows: the joint model, its variants, and rivals that need no such model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from bayesscale.evaluation.rivals import RIVALS
from bayesscale.evaluation.scores import score_draws
from bayesscale.evaluation.split import Split
from bayesscale.inference.sampler import Sampler
from bayesscale.laws import LAWS
from bayesscale.models.model import ALL
from bayesscale.models.priors import Priors

if TYPE_CHECKING:
    from bayesscale.inference import Fit


@dataclass(frozen=True)
class FitOptions:
    """How models are sampled, as `bayesscale.fit` takes it; rivals that are not sampled need none of it.

    Sampler and priors are those of all models; breaks, discrepancy and law those of the model `joint`, as the
    others are named after theirs.
    """

    sampler: Sampler = field(default_factory=Sampler)
    priors: Priors = field(default_factory=Priors)
    breaks: str | None = None
    discrepancy: bool = True
    law: str = ALL
    report: Callable[[str], None] | None = None


Forecaster = Callable[[Split, FitOptions], tuple[pd.DataFrame, dict[str, Any]]]
"""Fits a split and returns its held-out rows with their scores, and what is to be said of the fit."""


def fit_split(split: Split, options: FitOptions) -> Fit:
    """Sample the joint model on the rows that a split fits."""
    from bayesscale.inference.run import fit

    return fit(split.train, **vars(options))


def _joint(split: Split, options: FitOptions) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Forecast with the joint model and the options of a fit."""
    fitted = fit_split(split, options)
    diagnostics = fitted.provenance["diagnostics"]
    kept = {name: diagnostics[name] for name in ("rhat", "ess_bulk")}
    record = {"status": fitted.status.label, **kept, "timings": fitted.provenance["timings"]}
    return scored(split, fitted), record


def _variant(breaks: str | None = None, discrepancy: bool = True, law: str = ALL) -> Forecaster:
    """Return a forecaster that samples the joint model with these settings, whatever those of a fit are."""

    def forecast(split: Split, options: FitOptions) -> tuple[pd.DataFrame, dict[str, Any]]:
        return _joint(split, replace(options, breaks=breaks, discrepancy=discrepancy, law=law))

    return forecast


def _rival(name: str) -> Forecaster:
    """Return a forecaster that needs no options."""

    def forecast(split: Split, _: FitOptions) -> tuple[pd.DataFrame, dict[str, Any]]:
        return RIVALS[name](split)

    return forecast


def scored(split: Split, fitted: Fit) -> pd.DataFrame:
    """Return the held-out rows with their scores."""
    from bayesscale.evaluation.density import held_curves

    parts = []
    for predictive, chosen, metric, rows in held_curves(fitted, split.held):
        sizes, value = rows[split.train.axis].to_numpy(float), rows["value"].to_numpy(float)
        draws = predictive.measured(sizes[None], metric, chosen)[0]
        parts.append(rows.assign(**score_draws(value, draws)))
    return pd.concat(parts)


MODELS: dict[str, Forecaster] = {
    "joint": _joint,
    **{law.option: _variant(law=law.option) for law in LAWS.values() if law.improves == "up"},
    "breaking": _variant(breaks="scores"),
    "unbroken": _variant(breaks="none"),
    "exact": _variant(breaks="none", discrepancy=False),
    "paper": _variant(law="paper"),
    **{name: _rival(name) for name in RIVALS},
}
"""Forecasters by name: the default; with one law of scores; with breaks along D_f too, and without any; with
laws that hold exactly; with the paper's laws in one joint model; and the rivals of `rivals.RIVALS`."""
