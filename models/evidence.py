"""What each curve says by itself: a first look, for coordinates in which the sampler moves easily.

Sampled as deviations from the population, the effects of curves with informative data are hard to move;
sampled directly, those of other curves are; and which is which depends on the spread between curves, which is
itself unknown. The model therefore samples deviations from what a curve's data and its population say
together, whatever the share of each. This look says what the data say: a normal approximation of the
likelihood of each curve. It affects speed only, never the posterior.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bayesscale.laws import Law
from bayesscale.metrics.curves import Curves, Observations
from bayesscale.models.effects import Effects
from bayesscale.models.first_look import Padded, look
from bayesscale.models.laws import LOG, law_of
from bayesscale.models.regression import CoefficientPrior, Design, Regression, regress

FloatArray = NDArray[np.float64]
# The data know an effect if its standard error is below this many spreads between curves.
_INFORMATIVE = 2.0


@dataclass(frozen=True)
class Evidence:
    """Normal approximations of the curves' likelihoods, in natural parameters: precision and its pull.

    Parameters
    ----------
    precision : array, shape (curves, correlated, correlated)
        Of levels and gains, the shapes integrated out; 0 for metrics that a curve lacks.
    pull : array, shape (curves, correlated)
        Precision times estimate.
    shape_precision : array, shape (curves, metrics)
        Of shapes, given level and gain.
    shape_pull : array, shape (curves, metrics)
        Precision times estimate, for level and gain 0.
    shape_slope : array, shape (curves, metrics, 2)
        What the pull loses per unit of level and of gain.
    known : array of bool, shape (curves, effects)
        Which effects the data of a curve know well compared with the spread between curves. Level and gain
        of all metrics go together, since their residuals are correlated; shapes only with them.
    regressions : tuple of Regression
        What the look says of the population, one an effect.
    """

    precision: FloatArray
    pull: FloatArray
    shape_precision: FloatArray
    shape_pull: FloatArray
    shape_slope: FloatArray
    known: NDArray[np.bool_]
    regressions: tuple[Regression, ...]

    @classmethod
    def of(cls, curves: Curves, effects: Effects, law: str = LOG, sharpness: float = 1.0) -> Self:
        """Look at the curves.

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
        looks = _looks(curves, effects, law, sharpness)
        regressions = _regressions(curves, effects, looks)
        spread = np.array([each.curve_sd for each in regressions])
        expected = Design.of(curves).matrix @ np.array([each.mean for each in regressions]).T
        return cls(*_natural(curves, effects, looks, expected, spread), regressions)

    def data(self, centred: bool) -> dict[str, FloatArray]:
        """Return the arrays that the model is given, by name; 0 for coordinates of the population alone."""
        names = [each.name for each in fields(self)[:5]]
        return {f"evidence_{name}": getattr(self, name) * float(centred) for name in names}


@dataclass(frozen=True)
class _Look:
    """One metric: the curves that have it, estimate and covariance of (level, gain, shape), and the prior."""

    columns: NDArray[np.int64]
    curve: NDArray[np.int64]
    estimate: FloatArray
    covariance: FloatArray
    prior_mean: FloatArray
    prior_sd: FloatArray

    def natural(self) -> tuple[FloatArray, FloatArray]:
        """Return precision and pull without the weak prior of the look, which is no data."""
        inverse, own = np.linalg.inv(self.covariance), self.prior_sd**-2.0
        pull = np.einsum("cij,cj->ci", inverse, self.estimate) - own * self.prior_mean
        values, vectors = np.linalg.eigh(inverse - np.diag(own))
        # Where the data say nothing, rounding leaves tiny negative precisions.
        return np.einsum("cij,cj,ckj->cik", vectors, np.maximum(values, 0.0), vectors), pull


def _looks(curves: Curves, effects: Effects, law: str, sharpness: float) -> list[_Look]:
    """Return the looks at all metrics."""
    first, found = 0, []
    for data, score in ((curves.scores, True), (curves.losses, False)):
        own = law_of(score, law, sharpness)
        for metric in range(len(data.metrics)):
            columns = np.array(effects.columns(first + metric))
            found.append(_look(data, metric, own, curves, effects, columns))
        first += len(data.metrics)
    return found


def _look(
    data: Observations, metric: int, law: Law, curves: Curves, effects: Effects, columns: NDArray[np.int64]
) -> _Look:
    """Return the look at one metric."""
    rows = data.metric == metric
    found, unit = np.unique(data.unit[rows], return_inverse=True)
    padded = Padded.of(unit, curves.axis.u(data.size[rows]), data.value[rows])
    # Wide enough not to pull informative curves, narrow enough to hold flat ones, whose shape is left open.
    spread = np.hypot(effects.values("mean", "sd")[columns], effects.values("task_sd", "median")[columns])
    mean = effects.mean[columns]
    return _Look(columns, found, *look(law, padded, mean, spread), mean, spread)


def _regressions(curves: Curves, effects: Effects, looks: list[_Look]) -> tuple[Regression, ...]:
    """Return what the looks say of the population, one regression an effect."""
    design, found = Design.of(curves), {}
    for each in looks:
        known = np.isin(np.arange(len(curves)), each.curve)
        error = np.sqrt(np.diagonal(each.covariance, axis1=1, axis2=2))
        for place, column in enumerate(each.columns):
            prior = CoefficientPrior.of(effects, int(column), curves)
            found[int(column)] = regress(design, known, each.estimate[:, place], error[:, place], prior)
    return tuple(found[column] for column in range(len(effects.names)))


def _natural(
    curves: Curves, effects: Effects, looks: list[_Look], expected: FloatArray, spread: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, NDArray[np.bool_]]:
    """Return the fields of `Evidence` but the last, given what the looks say of the population."""
    count, size, metrics = len(curves), effects.correlated, len(looks)
    precision, pull = np.zeros((count, size, size)), np.zeros((count, size))
    shape_precision, shape_pull = np.zeros((2, count, metrics))
    shape_slope = np.zeros((count, metrics, 2))
    known = np.ones((count, len(effects.names)), dtype=bool)
    for metric, each in enumerate(looks):
        own, drawn = each.natural()
        pair, shape = each.columns[:2], each.columns[2]
        slope, free = own[:, 2, :2], own[:, 2, 2] + spread[shape] ** -2.0
        inside = np.ix_(each.curve, pair, pair)
        precision[inside] = own[:, :2, :2] - slope[:, :, None] * slope[:, None, :] / free[:, None, None]
        rest = (drawn[:, 2] + expected[each.curve, shape] / spread[shape] ** 2) / free
        pull[np.ix_(each.curve, pair)] = drawn[:, :2] - slope * rest[:, None]
        shape_precision[each.curve, metric] = own[:, 2, 2]
        shape_pull[each.curve, metric] = drawn[:, 2]
        shape_slope[each.curve, metric] = slope
        error = np.sqrt(np.diagonal(each.covariance, axis1=1, axis2=2))
        known[np.ix_(each.curve, each.columns)] = error < _INFORMATIVE * spread[each.columns]
    together = known[:, :size].all(axis=1, keepdims=True)
    known[:, :size] = together
    known &= together
    return precision, pull, shape_precision, shape_pull, shape_slope, known
