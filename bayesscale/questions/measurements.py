"""Measurements that were not made yet, as each posterior draw expects them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from bayesscale.metrics.curves import Curves
from bayesscale.models.effects import noise_scales
from bayesscale.models.measurement import FEWEST_DEGREES, RESOLUTION, total_sd
from bayesscale.questions.predictive import Predictive

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Measurement:
    """One measurement as each draw expects it: Student-t around the law, independent between metrics.

    Parameters
    ----------
    location, scale, degrees : array, shape (metrics, draws)
        The law's value, the scale of the noise and its degrees of freedom.
    """

    location: FloatArray
    scale: FloatArray
    degrees: FloatArray

    def simulate(self, chosen: IntArray, seed: int) -> FloatArray:
        """Return an outcome for each of some draws, shape (metrics, chosen)."""
        rng = np.random.default_rng([seed, 5])
        location, scale, degrees = (part[:, chosen] for part in (self.location, self.scale, self.degrees))
        return np.asarray(location + scale * rng.standard_t(degrees))

    def log_density(self, outcomes: FloatArray) -> FloatArray:
        """Return log p(outcome | draw), shape (outcomes, draws), of outcomes of shape (metrics, outcomes)."""
        total = np.zeros((outcomes.shape[1], self.location.shape[1]))
        for own, location, scale, degrees in zip(
            outcomes, self.location, self.scale, self.degrees, strict=True
        ):
            half = 0.5 * degrees
            constant = gammaln(half + 0.5) - gammaln(half) - 0.5 * np.log(np.pi * degrees) - np.log(scale)
            # Not log1p, which takes several times longer.
            standardised = (own[:, None] - location) / scale
            total += constant - (half + 0.5) * np.log(1.0 + standardised**2 / degrees)
        return total


def measurement(predictive: Predictive, target: int, size: float, metrics: IntArray) -> Measurement:
    """Return one measurement of several metrics on a curve.

    Parameters
    ----------
    predictive : Predictive
        The curves.
    target : int
        Which of them.
    size : float
        The size along it, above 0.
    metrics : array of int
        Positions of the metrics that are measured.
    """
    fit, rows = predictive.effects.fit, slice(target, target + 1)
    location, scale, degrees = [], [], []
    for metric in map(int, metrics):
        own = fit.draws("noise_sd")[:, metric] * np.exp(predictive.effects.noise_factor(rows, metric)[:, 0])
        independent = fit.draws("se_independent")[:, metric] if fit.has("se_independent") else None
        floor = RESOLUTION * noise_scales((fit.curves.names[metric],), fit.priors)[0]
        location.append(predictive.law(np.array([[size]]), metric, rows)[0, 0])
        scale.append(total_sd(own, typical_se(fit.curves, metric), independent, floor=floor))
        degrees.append(FEWEST_DEGREES + fit.draws("noise_tails")[:, metric])
    return Measurement(np.array(location), np.array(scale), np.array(degrees))


def typical_se(curves: Curves, metric: int) -> float:
    """Return the median standard error of a metric's scores; 0 where nobody gave one."""
    scores = len(curves.scores.metrics)
    rows, own = (curves.scores, metric) if metric < scores else (curves.losses, metric - scores)
    known = rows.se[(rows.metric == own) & (rows.se > 0)]
    return float(np.median(known)) if known.size else 0.0
