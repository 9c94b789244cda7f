"""Measurements that were not made yet, as each posterior draw expects them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesscale.posterior.noise import student_log_density, typical_se
from bayesscale.posterior.predictive import Predictive

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Measurement:
    """One measurement as each draw expects it: Student-t around the law, independent between metrics.

    Parameters
    ----------
    location, scale : array, shape (metrics, draws)
        The law's value and the scale of the noise.
    degrees : float
        Degrees of freedom of the noise.
    """

    location: FloatArray
    scale: FloatArray
    degrees: float

    def simulate(self, chosen: IntArray, seed: int) -> FloatArray:
        """Return an outcome for each of some draws, shape (metrics, chosen)."""
        rng = np.random.default_rng([seed, 5])
        location, scale = self.location[:, chosen], self.scale[:, chosen]
        return np.asarray(location + scale * rng.standard_t(self.degrees, size=location.shape))

    def log_density(self, outcomes: FloatArray) -> FloatArray:
        """Return log p(outcome | draw), shape (outcomes, draws), of outcomes of shape (metrics, outcomes)."""
        total = np.zeros((outcomes.shape[1], self.location.shape[1]))
        for own, location, scale in zip(outcomes, self.location, self.scale, strict=True):
            total += student_log_density(own[:, None], location, scale, self.degrees)
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
    drawn, rows = predictive.drawn, slice(target, target + 1)
    location, scale = [], []
    for metric in map(int, metrics):
        location.append(predictive.law(np.array([[size]]), metric, rows)[0, 0])
        scale.append(drawn.local(rows, metric).scale(typical_se(drawn.curves, metric))[0])
    return Measurement(np.array(location), np.array(scale), drawn.draws.priors.degrees)
