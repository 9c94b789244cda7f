"""Noise around the laws: Student-t, with a scale for each metric that varies between curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray

from bayesscale.metrics.curves import Curves
from bayesscale.models.measurement import FEWEST_DEGREES, RESOLUTION, has_se, total_sd
from bayesscale.models.priors import Priors

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class StudentNoise:
    """Noise variables of a model under construction; arguments are symbolic."""

    sd: Any
    log_factor: Any
    degrees: Any
    independent: Any
    floor: FloatArray

    def variances(self, se: Any) -> Any:
        """Return the variance of values with typical standard errors, both of shape (curves, metrics)."""
        metrics = np.arange(len(self.floor))
        return self._total(self.sd * pt.exp(self.log_factor), metrics, se) ** 2

    def of_curves(self, curve: Any, metric: Any, se: Any) -> Any:
        """Return the scale of values measured on curves, given the curve and metric of each."""
        own = (self.sd * pt.exp(self.log_factor))[curve, metric]
        return self._total(own, metric, se)

    def _total(self, own: Any, metric: Any, se: Any) -> Any:
        independent = None if self.independent is None else self.independent[metric]
        floor = pt.as_tensor(self.floor)[metric] if len(set(self.floor)) > 1 else self.floor[0]
        return total_sd(own, se, independent, xp=pt, floor=floor)

    def observe_baseline(self, mean: Any, metric: Any, se: Any, value: Any) -> None:
        """Add the observed values of the baseline, which belong to no curve."""
        half = 0.5 * self.degrees
        # One constant a metric: gamma functions of every observation would be half the cost of the model.
        constant = pt.gammaln(half + 0.5) - pt.gammaln(half) - 0.5 * pt.log(2.0 * np.pi * half)
        pm.CustomDist(
            "baseline_value",
            mean,
            self._total(self.sd[metric], metric, se),
            self.degrees[metric],
            constant[metric],
            logp=_student_logp,
            random=_student_random,
            observed=value,
            dims="baseline_observation",
        )


def _student_logp(value: Any, mean: Any, sigma: Any, degrees: Any, constant: Any) -> Any:
    """Return the log density of Student-t noise."""
    standardised = (value - mean) / sigma
    return constant - pt.log(sigma) - 0.5 * (degrees + 1.0) * pt.log1p(standardised**2 / degrees)


def _student_random(
    mean: Any, sigma: Any, degrees: Any, constant: Any, rng: np.random.Generator, size: Any
) -> Any:
    """Return draws of Student-t noise around the mean."""
    return mean + sigma * rng.standard_t(degrees, size=size)


def student_noise(curves: Curves, priors: Priors, scales: FloatArray) -> StudentNoise:
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
        independent = pm.Beta(
            "se_independent", priors.se_independent.a, priors.se_independent.b, dims="metric"
        )
    log_factor = pm.Deterministic("noise_factor", spread * raw, dims=("curve", "metric"))
    return StudentNoise(sd, log_factor, FEWEST_DEGREES + tails, independent, RESOLUTION * scales)
