"""The likelihood of all curves: laws, noise, discrepancy and breaks, for the model being built.

Given the weights of its Student-t noise a curve is normal, and what it strays from its law and loses by a
break are normal effects, which are integrated out in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.gradient import disconnected_grad

from bayesscale.metrics.curves import Curves
from bayesscale.models.breaks import BreakPlaces, log_states, ramp_sums
from bayesscale.models.distributions import LogNormal
from bayesscale.models.gaussian import Absorbed, absorb, log_ratio
from bayesscale.models.law_priors import BreakPrior

_IMPOSSIBLE = -1e30
_HALF_LOG_TWO_PI = 0.5 * np.log(2.0 * np.pi)


@dataclass(frozen=True)
class Residuals:
    """Values of T pairs of curve and metric, N each, as tensors.

    Parameters
    ----------
    value : tensor, shape (T, N)
        Measured value minus that of the law.
    weight : tensor, shape (T, N)
        1 / variance; 0 where a pair has fewer values.
    unit : tensor, shape (T, 1)
        Value of the law at the upper anchor, in which discrepancies and breaks are counted.
    columns : tuple of tensor, shape (T, N)
        Effects of the modes of the discrepancy; none without one.
    """

    value: Any
    weight: Any
    unit: Any
    columns: tuple[Any, ...]

    def absorbed(self) -> Absorbed:
        """Return the discrepancy integrated out, arrays of shape (T,)."""
        weighted = [self.weight * column for column in self.columns]
        gram = [
            [(weighted[i] * self.columns[j]).sum(axis=1) for j in range(i + 1)]
            for i in range(len(self.columns))
        ]
        return absorb(gram, [(column * self.value).sum(axis=1) for column in weighted], xp=pt)


def noise_weights(degrees: Any, layout: dict[str, Any], metric: Any) -> tuple[Any, Any]:
    """Return the weights of the Student-t noise, 1 / variance in units of its scale, and their logarithms.

    With weights from Gamma(nu / 2, nu / 2), normal noise is Student-t noise. Their logarithms are sampled, in
    units in which their prior is close to standard normal for any nu.

    Parameters
    ----------
    degrees : tensor, shape (metrics,)
        Degrees of freedom nu.
    layout : dict of tensor
        'index' and 'real', shape (T, N).
    metric : tensor, shape (T,)
        Metric of each pair.
    """
    raw = pm.Flat("noise_weight_raw", dims="curve_observation")
    half = 0.5 * degrees
    constant = (half * pt.log(half) - pt.gammaln(half) - 0.5 * pt.log(half))[metric][:, None]
    half = half[metric][:, None]
    log_weight = layout["real"] * raw[layout["index"]] / pt.sqrt(half)
    weight = layout["real"] * pt.exp(log_weight)
    prior = constant * layout["real"] + half * (log_weight - weight)
    pm.Potential("noise_weights", prior.sum())
    return weight, log_weight


def observe(residuals: Residuals, log_weight: Any, real: Any) -> Absorbed:
    """Add the values of all curves without breaks.

    Parameters
    ----------
    residuals : Residuals
        The values.
    log_weight : tensor, shape (T, N)
        Log of their weights; any finite number where a pair has fewer values.
    real : tensor, shape (T, N)
        1 where there is a value, else 0.
    """
    density = 0.5 * log_weight - _HALF_LOG_TWO_PI - 0.5 * residuals.weight * residuals.value**2
    absorbed = residuals.absorbed()
    pm.Potential("curves", (real * density).sum(axis=1) + absorbed.log_ratio)
    return absorbed


def observe_breaks(
    curves: Curves,
    places: BreakPlaces,
    prior: BreakPrior,
    data: dict[str, Any],
    residuals: Residuals,
    absorbed: Absorbed,
) -> None:
    """Add the ratio of all states of breaks to none.

    Parameters
    ----------
    curves : Curves
        The data.
    places : BreakPlaces
        Where curves may break, T pairs.
    prior : BreakPrior
        Hazard and slopes.
    data : dict of tensor
        The model's data by name, with those of `BreakPlaces.data`.
    residuals, absorbed : Residuals, Absorbed
        Of all pairs, of which those that may break are the first.
    """
    count, metric = len(places.curve), places.metric
    scale = pm.LogNormal("break_scale", np.log(prior.scale.median), prior.scale.spread, dims="break_metric")
    log_hazard = _log_hazard(curves, prior, data, places)
    inside, none = log_states(
        log_hazard, data["break_start"], data["break_stop"], data["break_length"], xp=pt
    )
    u, weight = data["curve_u"][:count], residuals.weight[:count]
    unit = places.sign[:, None] * residuals.unit[:count]

    linear = [weight * each[:count] for each in (residuals.value, *residuals.columns)]
    (first, *columns), second = ramp_sums(
        linear, weight, u, data["break_behind"], data["break_position"], xp=pt
    )
    shared = _first(absorbed, count)
    for solved, own in zip(shared.solved, shared.forward(columns), strict=True):
        first, second = first - own * solved, second - own**2
    typical = scale[metric][:, None]
    ratio = inside + log_ratio(first * unit, second * unit**2, -typical, prior.spread * typical, xp=pt)
    states = pt.concatenate([none[:, None], pt.where(data["break_real"] > 0, ratio, _IMPOSSIBLE)], axis=1)
    # Written out: where a break is certain the exponentials overflow, and not every PyTensor sees to it.
    largest = disconnected_grad(states.max(axis=1, keepdims=True))
    total = largest[:, 0] + pt.log(pt.exp(states - largest).sum(axis=1))
    pm.Potential("breaks", total.sum())


def _first(absorbed: Absorbed, count: int) -> Absorbed:
    """Return the first pairs, with one more axis for the stretches."""
    factor = [[each[:count, None] for each in row] for row in absorbed.factor]
    return Absorbed(factor, [each[:count, None] for each in absorbed.solved], absorbed.log_ratio)


def discrepancy_scale(prior: LogNormal) -> Any:
    """Add the scale of the discrepancy of each metric."""
    return pm.LogNormal("discrepancy_scale", np.log(prior.median), prior.spread, dims="metric")


def _log_hazard(curves: Curves, prior: BreakPrior, data: dict[str, Any], places: BreakPlaces) -> Any:
    """Return the log hazard of each pair of curve and metric, which may depend on alignment."""
    hazard = pm.Normal(
        "break_log_hazard", np.log(prior.hazard.median), prior.hazard.spread, dims="break_metric"
    )
    names = [covariate.name for covariate in curves.covariates]
    if "alignment" not in names:
        return hazard[places.metric]
    trend = pm.Normal("break_alignment", prior.alignment.mean, prior.alignment.sd, dims="break_metric")
    return (
        hazard[places.metric]
        + trend[places.metric] * data["design"][:, 1 + names.index("alignment")][places.curve]
    )
