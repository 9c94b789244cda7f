"""What each curve says by itself: a first look, for coordinates in which the sampler moves easily.

Sampled as deviations from the population, the effects of curves with informative data are hard to move;
sampled directly, those of other curves are; and which is which depends on the spread between curves, which is
itself unknown. The model therefore samples deviations from what a curve's data and its population say
together, whatever the share of each. This look says what the data say: a normal approximation of the
likelihood of each curve. It affects speed only, never the posterior.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bayesscale.laws import Law
from bayesscale.metrics.curves import Curves, Observations
from bayesscale.models.effects import Effects
from bayesscale.models.first_break import before_breaks
from bayesscale.models.first_look import Padded, look
from bayesscale.models.regression import CoefficientPrior, Design, Regression, regress

FloatArray = NDArray[np.float64]
# The data know an effect if its standard error is below this many spreads between curves.
_INFORMATIVE = 2.0


@dataclass(frozen=True)
class Evidence:
    """Normal approximations of the curves' likelihoods, in natural parameters: precision and its pull.

    Both are those of values with noise 1; the model divides them by the variance of the noise.

    Parameters
    ----------
    precision : array, shape (curves, metrics, 3, 3)
        Of level, gain and shape; 0 for metrics that a curve lacks.
    pull : array, shape (curves, metrics, 3)
        Precision times estimate.
    se : array, shape (curves, metrics)
        Root mean square of the standard errors that came with the values.
    noise : array, shape (metrics,)
        Typical noise of the values around their laws.
    known : array of bool, shape (curves, effects)
        Which effects the data of a curve know well compared with the spread between curves. Level and gain
        of all metrics go together, since their residuals are correlated; shapes only with them.
    regressions : tuple of Regression
        What the look says of the population, one an effect.
    """

    precision: FloatArray
    pull: FloatArray
    se: FloatArray
    noise: FloatArray
    known: NDArray[np.bool_]
    regressions: tuple[Regression, ...]

    @classmethod
    def of(
        cls,
        curves: Curves,
        effects: Effects,
        laws: Sequence[Law],
        breakable: Sequence[int] = (),
    ) -> Self:
        """Look at the curves.

        Parameters
        ----------
        curves : Curves
            The data.
        effects : Effects
            Order and priors of the effects.
        laws : sequence of Law
            That of each metric, with plain values for its fields.
        breakable : sequence of int
            Metrics whose laws may break; values after what looks like a break are left out.
        """
        looks = _looks(curves, effects, laws, breakable)
        regressions = _regressions(curves, effects, looks)
        spread = np.array([each.curve_sd for each in regressions])
        noise = np.array([np.exp(np.log(each.noise).mean()) for each in looks])
        return cls(*_natural(curves, looks), noise, _known(curves, effects, looks, spread), regressions)

    def data(self, centred: bool) -> dict[str, FloatArray]:
        """Return the arrays that the model is given, by name; 0 for coordinates of the population alone."""
        said = {"evidence_precision": self.precision, "evidence_pull": self.pull}
        return {name: value * float(centred) for name, value in said.items()} | {"evidence_se": self.se}


@dataclass(frozen=True)
class _Look:
    """One metric: the curves that have it, what the look says of (level, gain, shape), and its prior."""

    columns: NDArray[np.int64]
    curve: NDArray[np.int64]
    se: FloatArray
    estimate: FloatArray
    covariance: FloatArray
    noise: FloatArray
    prior_mean: FloatArray
    prior_sd: FloatArray

    def natural(self) -> tuple[FloatArray, FloatArray]:
        """Return precision and pull for noise 1, without the weak prior of the look, which is no data."""
        inverse, own = np.linalg.inv(self.covariance), self.prior_sd**-2.0
        pull = np.einsum("cij,cj->ci", inverse, self.estimate) - own * self.prior_mean
        values, vectors = np.linalg.eigh(inverse - np.diag(own))
        # Where the data say nothing, rounding leaves tiny negative precisions.
        precision = np.einsum("cij,cj,ckj->cik", vectors, np.maximum(values, 0.0), vectors)
        return precision * self.noise[:, None, None] ** 2, pull * self.noise[:, None] ** 2


def _looks(curves: Curves, effects: Effects, laws: Sequence[Law], breakable: Sequence[int]) -> list[_Look]:
    """Return the looks at all metrics."""
    first, found = 0, []
    for data in (curves.scores, curves.losses):
        for metric in range(len(data.metrics)):
            columns = np.array(effects.columns(first + metric))
            may_break = first + metric in breakable
            found.append(_look(data, metric, laws[first + metric], curves, effects, columns, may_break))
        first += len(data.metrics)
    return found


def _look(
    data: Observations,
    metric: int,
    law: Law,
    curves: Curves,
    effects: Effects,
    columns: NDArray[np.int64],
    may_break: bool,
) -> _Look:
    """Return the look at one metric."""
    rows = data.metric == metric
    found, unit = np.unique(data.unit[rows], return_inverse=True)
    square = np.bincount(unit, data.se[rows] ** 2) / np.bincount(unit)
    padded = Padded.of(unit, curves.axis.u(data.size[rows]), data.value[rows])
    # Wide enough not to pull informative curves, narrow enough to hold flat ones, whose shape is left open.
    spread = np.hypot(effects.values("mean", "sd")[columns], effects.values("task_sd", "median")[columns])
    mean = effects.mean[columns]
    theta, covariance, noise = look(law, padded, mean, spread)
    if may_break:
        weight = before_breaks(law, padded, theta, noise, np.diag(spread**-2.0))
        if (weight != padded.weight).any():
            theta, covariance, noise = look(law, replace(padded, weight=weight), mean, spread)
    return _Look(columns, found, np.sqrt(square), theta, covariance, noise, mean, spread)


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


def _natural(curves: Curves, looks: list[_Look]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return precision, pull and standard error of all curves and metrics."""
    shape = len(curves), len(looks)
    precision, pull, se = np.zeros((*shape, 3, 3)), np.zeros((*shape, 3)), np.zeros(shape)
    for metric, each in enumerate(looks):
        precision[each.curve, metric], pull[each.curve, metric] = each.natural()
        se[each.curve, metric] = each.se
    return precision, pull, se


def _known(curves: Curves, effects: Effects, looks: list[_Look], spread: FloatArray) -> NDArray[np.bool_]:
    """Return which effects the data know, given the spread of each between curves."""
    known = np.ones((len(curves), len(effects.names)), dtype=bool)
    for each in looks:
        error = np.sqrt(np.diagonal(each.covariance, axis1=1, axis2=2))
        known[np.ix_(each.curve, each.columns)] = error < _INFORMATIVE * spread[each.columns]
    size = effects.correlated
    known[:, :size] = known[:, :size].all(axis=1, keepdims=True)
    known &= known[:, :1]
    return known
