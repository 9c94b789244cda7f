"""Where to centre the hierarchy: a first look at what each curve says by itself.

The sampler moves easily if the effects of curves with informative data are sampled directly (centred) and
those of other curves as deviations from the population (non-centred). This look decides which, and gives the
centred ones a location and a scale. It affects speed only, never the posterior.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesscale.laws import Law
from bayesscale.metrics.curves import Curves, Observations
from bayesscale.models.effects import Effects
from bayesscale.models.first_look import Padded, look
from bayesscale.models.laws import LOG, law_of
from bayesscale.models.regression import CoefficientPrior, Design, Regression, regress

FloatArray = NDArray[np.float64]
# An effect is centred if its standard error is below this many spreads between curves.
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
    regressions : tuple of Regression
        What the first look says of the population, one an effect.
    """

    location: FloatArray
    factor: FloatArray
    centred: FloatArray
    regressions: tuple[Regression, ...]


def choose_centring(curves: Curves, effects: Effects, law: str = LOG, sharpness: float = 1.0) -> Centring:
    """Return where to centre.

    Parameters
    ----------
    curves : Curves
        The data.
    effects : Effects
        Order and priors of the effects.
    law : str
        The law of scores.
    sharpness : float
        Of laws with a floor or a ceiling, for this look.
    """
    count, size = len(curves), len(effects.names)
    design = Design.of(curves)
    location, expected = np.zeros((count, size)), np.zeros((count, size))
    precision, regressions = np.zeros((count, size, size)), {}
    first = 0
    for data, score in ((curves.scores, True), (curves.losses, False)):
        own = law_of(score, law, sharpness)
        for metric in range(len(data.metrics)):
            columns = np.array(effects.columns(first + metric))
            found, estimate, covariance = _estimates(data, metric, own, curves, effects, columns)
            known = np.isin(np.arange(count), found)
            error = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
            for place, column in enumerate(columns):
                prior = CoefficientPrior.of(effects, int(column), curves)
                regressions[int(column)] = regress(design, known, estimate[:, place], error[:, place], prior)
            location[np.ix_(found, columns)] = estimate
            precision[np.ix_(found, columns, columns)] = np.linalg.inv(covariance)
        first += len(data.metrics)
    ordered = tuple(regressions[column] for column in range(size))
    expected = design.matrix @ np.array([each.mean for each in ordered]).T
    spread = np.array([each.curve_sd for each in ordered])
    centred = _choose(precision, spread, effects.correlated)
    return Centring(*_combined(location, precision, expected, spread, centred), centred, ordered)


def _choose(precision: FloatArray, spread: FloatArray, correlated: int) -> FloatArray:
    """Return which effects are informative enough to be centred."""
    missing = np.diagonal(precision, axis1=1, axis2=2) == 0
    filled = precision + missing[:, :, None] * np.diag(spread**-2.0)
    error = np.sqrt(np.diagonal(np.linalg.inv(filled), axis1=1, axis2=2))
    centred = (error < _INFORMATIVE * spread).astype(float)
    together = centred[:, :correlated].min(axis=1, keepdims=True)
    centred[:, :correlated] = together
    return np.asarray(centred * together)


def _combined(
    location: FloatArray, precision: FloatArray, expected: FloatArray, spread: FloatArray, centred: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return location and factor of the centred effects from their data and their population."""
    own = np.diag(spread**-2.0)
    total = precision + own
    pull = np.einsum("cij,cj->ci", precision, location) + expected / spread**2
    location = np.linalg.solve(total, pull[..., None])[..., 0]
    covariance: FloatArray = np.asarray(np.linalg.inv(total), dtype=np.float64)
    covariance = 0.5 * (covariance + np.swapaxes(covariance, 1, 2))
    return location, _factor(covariance, centred)


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
