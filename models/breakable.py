"""The likelihood of metrics that may break, for the model being built."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.gradient import disconnected_grad

from bayesscale.metrics.curves import Curves
from bayesscale.models.breaks import BreakPlaces, log_ratio, log_states
from bayesscale.models.priors import BreakPrior

_IMPOSSIBLE = -1e30


def observe_breakable(
    curves: Curves, places: BreakPlaces, prior: BreakPrior, data: dict[str, Any], given: dict[str, Any]
) -> None:
    """Add the values of metrics that may break: unbroken likelihood, and the ratio of all states to it.

    Parameters
    ----------
    curves : Curves
        The data.
    places : BreakPlaces
        Where curves may break.
    prior : BreakPrior
        Hazard and slopes.
    data : dict of tensor
        The model's data by name, with those of `BreakPlaces.data`.
    given : dict of tensor
        'mean', 'sigma' and 'value' of the observations; 'degrees' (metrics,); 'level' (curves, metrics).
    """
    curve, metric = data["break_index"][:, 0], data["break_index"][:, 1]
    owner = data["break_owner"]
    weight = _weights(given["degrees"], metric[owner], len(places.owner)) / given["sigma"] ** 2
    pm.Normal(
        "breakable_value",
        given["mean"],
        tau=weight,
        observed=given["value"],
        dims="breakable_observation",
    )
    scale = pm.LogNormal("break_scale", np.log(prior.scale.median), prior.scale.spread, dims="break_metric")
    log_hazard = _log_hazard(curves, prior, data, curve, metric)
    inside, none = log_states(
        log_hazard, data["break_start"], data["break_stop"], data["break_length"], xp=pt
    )
    row, place = data["break_pair"][:, 0], data["break_pair"][:, 1]
    pull = (weight * (given["value"] - given["mean"]))[row] * data["break_ramp"]
    hold = weight[row] * data["break_ramp"] ** 2
    zeros = pt.zeros(places.real.size)
    unit = (places.sign * pt.exp(given["level"][curve, metric]))[:, None]
    first = zeros[place].inc(pull).reshape(places.real.shape) * unit
    second = zeros[place].inc(hold).reshape(places.real.shape) * unit**2
    typical = scale[metric][:, None]
    ratio = inside + log_ratio(first, second, -typical, prior.spread * typical, xp=pt)
    states = pt.concatenate([none[:, None], pt.where(data["break_real"] > 0, ratio, _IMPOSSIBLE)], axis=1)
    # Written out: where a break is certain the exponentials overflow, and not every PyTensor sees to it.
    largest = disconnected_grad(states.max(axis=1, keepdims=True))
    total = largest[:, 0] + pt.log(pt.exp(states - largest).sum(axis=1))
    pm.Potential("breaks", total.sum())


def _weights(degrees: Any, metric: Any, count: int) -> Any:
    """Return the weights of the Student-t noise: 1 / variance of each value in units of its scale.

    With weights from Gamma(nu / 2, nu / 2), normal noise is Student-t noise. Their logarithms are sampled, in
    units in which their prior is close to standard normal for any nu.
    """
    raw = pm.Flat("noise_weight_raw", dims="breakable_observation")
    half = 0.5 * degrees
    constant = half * pt.log(half) - pt.gammaln(half) - 0.5 * pt.log(half)
    log_weight = raw / pt.sqrt(half)[metric]
    weight = pt.exp(log_weight)
    pm.Potential("noise_weights", (constant[metric] + half[metric] * (log_weight - weight)).sum())
    return weight


def _log_hazard(curves: Curves, prior: BreakPrior, data: dict[str, Any], curve: Any, metric: Any) -> Any:
    """Return the log hazard of each pair of curve and metric, which may depend on alignment."""
    hazard = pm.Normal(
        "break_log_hazard", np.log(prior.hazard.median), prior.hazard.spread, dims="break_metric"
    )
    names = [covariate.name for covariate in curves.covariates]
    if "alignment" not in names:
        return hazard[metric]
    trend = pm.Normal("break_alignment", prior.alignment.mean, prior.alignment.sd, dims="break_metric")
    return hazard[metric] + trend[metric] * data["design"][:, 1 + names.index("alignment")][curve]
