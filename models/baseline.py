"""The non-pretrained baseline: what the same model reaches from random initialisation, at every D_f."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm

from bayesscale.metrics.curves import Curves
from bayesscale.models.effects import Effects
from bayesscale.models.priors import Priors


def baseline_covariate(curves: Curves) -> Any:
    """Return centred log10 D_f of the baseline's cells, or None where it does not vary."""
    for covariate in curves.covariates:
        if (
            covariate.name in ("finetune_tokens", "pretrain_tokens")
            and covariate.name in curves.cells.columns
        ):
            values = covariate.scaled(curves.cells[covariate.name])
            return values if np.unique(values).size > 1 else None
    return None


def baseline_levels(curves: Curves, effects: Effects, priors: Priors, data: dict[str, Any]) -> Any:
    """Return log levels of the non-pretrained model, (cell, metric): a line in log D_f plus residuals.

    Parameters
    ----------
    curves : Curves
        The data.
    effects : Effects
        The curves' effects, for the typical values of the metrics.
    priors : Priors
        The priors.
    data : dict of tensor
        The model's data by name.
    """
    typical = effects.offsets[: effects.correlated : 2]
    mean = pm.Normal(
        "baseline_mean", typical + priors.baseline_level.mean, priors.baseline_level.sd, dims="metric"
    )
    sd = pm.LogNormal(
        "baseline_sd", np.log(priors.baseline_sd.median), priors.baseline_sd.spread, dims="metric"
    )
    expected = mean[None, :] * np.ones((len(curves.cells), 1))
    if "baseline_covariate" in data:
        slope = pm.Normal(
            "baseline_slope", priors.baseline_slope.mean, priors.baseline_slope.sd, dims="metric"
        )
        expected = expected + data["baseline_covariate"][:, None] * slope
    return pm.Normal("baseline_level", expected, sd, dims=("cell", "metric"))
