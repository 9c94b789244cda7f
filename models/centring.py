"""Where to centre the hierarchy: a first look at what each curve says by itself.

The sampler moves easily if the effects of curves with informative data are sampled directly (centred) and
those of other curves as deviations from the population (non-centred). This look decides which, and gives the
centred ones a location and a scale. It affects speed only, never the posterior.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesscale.laws import LOG_LAW, POWER_LAW, Law
from bayesscale.metrics.curves import Curves, Observations
from bayesscale.models.effects import Effects
from bayesscale.models.first_look import Padded, look

FloatArray = NDArray[np.float64]
# An effect is centred if its standard error is below this many (prior median) spreads between curves.
_INFORMATIVE = 2.0


@dataclass(frozen=True)
class Centring:
    """How the effects of each curve are sampled.

    Parameters
    ----------
    location : array, shape (curves, effects)
        A rough estimate.
    factor : array, shape (curves, effects, effects)
        Lower triangular factor of a rough posterior covariance; the identity for effects that are not
        centred.
    centred : array of 0.0 and 1.0, shape (curves, effects)
        Which effects are sampled directly. Level and gain of all metrics of a curve go together, since their
        residuals are correlated; a shape is centred only where those are.
    """

    location: FloatArray
    factor: FloatArray
    centred: FloatArray


def choose_centring(curves: Curves, effects: Effects) -> Centring:
    """Return where to centre.

    Parameters
    ----------
    curves : Curves
        The data.
    effects : Effects
        Order and priors of the effects.
    """
    count, size = len(curves), len(effects.names)
    location = np.broadcast_to(effects.mean, (count, size)).copy()
    covariance = np.zeros((count, size, size))
    covariance[:, np.arange(size), np.arange(size)] = effects.values("curve_sd", "median") ** 2
    first = 0
    for data, law in ((curves.scores, LOG_LAW), (curves.losses, POWER_LAW)):
        for metric in range(len(data.metrics)):
            columns = np.array(effects.columns(first + metric))
            found, estimate, spread = _estimates(data, metric, law, curves, effects, columns)
            location[np.ix_(found, columns)] = estimate
            covariance[np.ix_(found, columns, columns)] = spread
        first += len(data.metrics)
    error = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    centred = (error < _INFORMATIVE * effects.values("curve_sd", "median")).astype(float)
    together = centred[:, : effects.correlated].min(axis=1, keepdims=True)
    centred = np.hstack([np.repeat(together, effects.correlated, axis=1), centred[:, effects.correlated :]])
    centred *= together
    return Centring(location, _factor(covariance, centred), centred)


def _estimates(
    data: Observations, metric: int, law: Law, curves: Curves, effects: Effects, columns: NDArray[np.int64]
) -> tuple[NDArray[np.int64], FloatArray, FloatArray]:
    """Return the curves that have the metric, and their estimates and covariances of (level, gain, shape)."""
    rows = data.metric == metric
    found, unit = np.unique(data.unit[rows], return_inverse=True)
    padded = Padded.of(unit, curves.axis.u(data.size[rows]), data.value[rows])
    # Wide enough not to pull informative curves, narrow enough to hold flat ones, whose shape is left open.
    spread = np.hypot(effects.values("mean", "sd")[columns], effects.values("task_sd", "median")[columns])
    return found, *look(law, padded, effects.mean[columns], spread)


def _factor(covariance: FloatArray, centred: FloatArray) -> FloatArray:
    """Return Cholesky factors of the covariance of the centred effects, and the identity for the others."""
    both = centred[:, :, None] * centred[:, None, :]
    identity = np.eye(centred.shape[1])
    return np.asarray(np.linalg.cholesky(both * covariance + (1 - centred)[:, :, None] * identity))
