"""Noise around the laws: Student-t, with a scale for each metric that varies between curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayesscale.metrics.curves import Curves
from bayesscale.models.priors import Priors


def total_sd(own: Any, se: Any, independent: Any, xp: Any = np) -> Any:
    """Return the scale of one measurement: own noise and the independent part of its standard error.

    Parameters
    ----------
    own : array
        Scale of the run-to-run noise.
    se : array
        Standard error on the test set, 0 where unknown.
    independent : array or None
        Share of se^2 that checkpoints scored on one test set do not have in common; None: nobody gave a se.
    xp : module
        NumPy or `pytensor.tensor`.
    """
    return own if independent is None else xp.sqrt(own**2 + independent * se**2)


@dataclass(frozen=True)
class StudentNoise:
    """Noise variables of a model under construction; arguments are symbolic."""

    sd: Any
    log_factor: Any
    degrees: Any
    independent: Any

    def of_curve(self, curve: Any, metric: Any, se: Any) -> Any:
        """Return the scale of values measured on curves."""
        own = self.sd[metric] * pt.exp(self.log_factor[curve, metric])
        return self._total(own, metric, se)

    def of_metric(self, metric: Any, se: Any) -> Any:
        """Return the scale of values that belong to no curve."""
        return self._total(self.sd[metric], metric, se)

    def _total(self, own: Any, metric: Any, se: Any) -> Any:
        independent = None if self.independent is None else self.independent[metric]
        return total_sd(own, se, independent, xp=pt)

    def observe(self, name: str, mean: Any, sigma: Any, metric: Any, value: Any) -> None:
        """Add observed values to the model."""
        pm.StudentT(name, nu=self.degrees[metric], mu=mean, sigma=sigma, observed=value)


def student_noise(curves: Curves, priors: Priors, scales: Any) -> StudentNoise:
    """Add the noise variables to the model being built.

    Parameters
    ----------
    curves : Curves
        The curves; which metrics there are and whether standard errors were given.
    priors : Priors
        The priors.
    scales : array, shape (metrics,)
        Typical noise of each metric, in its unit.
    """
    law = [priors.score] * len(curves.scores.metrics) + [priors.loss] * len(curves.losses.metrics)
    median = np.array([prior.noise.median for prior in law]) * scales
    sd = pm.LogNormal("noise_sd", np.log(median), [prior.noise.spread for prior in law], dims="metric")
    spread = pm.LogNormal(
        "noise_spread", np.log(priors.noise_spread.median), priors.noise_spread.spread, dims="metric"
    )
    raw = pm.Normal("noise_raw", 0.0, 1.0, dims=("curve", "metric"))
    tails = pm.Gamma("noise_tails", priors.tails.shape, priors.tails.rate, dims="metric")
    independent = None
    if has_se(curves):
        independent = pm.Beta("se_independent", priors.se_independent.a, priors.se_independent.b, dims="metric")
    log_factor = pm.Deterministic("noise_factor", spread * raw, dims=("curve", "metric"))
    return StudentNoise(sd, log_factor, 2.0 + tails, independent)


def has_se(curves: Curves) -> bool:
    """Return whether any value has a standard error."""
    return any(bool(rows.se.any()) for rows in (curves.scores, curves.losses, curves.baseline))
