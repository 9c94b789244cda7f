"""What the population says of a curve: means, slopes and effects of groups, as one linear predictor.

Every effect (level, gain or shape of a metric) of every curve is expected to be
``mean + covariates @ slopes + task + mixture``. The columns of this regression are strongly correlated a
posteriori, so they are sampled in a basis in which a plug-in approximation of their posterior is a standard
normal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesscale.metrics.curves import Curves
from bayesscale.metrics.design import Factor
from bayesscale.models.centring import Centring
from bayesscale.models.effects import Effects

FloatArray = NDArray[np.float64]
_ROUNDS = 10
# A variance estimated from few levels is shrunk to its prior median as if by so many more.
_PRIOR_LEVELS = 2.0


def zero_sum_basis(levels: int) -> FloatArray:
    """Return an orthonormal basis of the vectors that sum to zero, shape (levels, levels - 1).

    Standard normal coordinates in it are the zero-sum normal distribution. The sum of zero takes out the
    ridge between the mean and the common part of the levels.
    """
    centre = np.eye(levels) - 1 / levels
    return np.asarray(np.linalg.svd(centre)[0][:, : levels - 1])


@dataclass(frozen=True)
class Design:
    """Columns of the regression: 1, covariates, zero-sum coordinates of each factor.

    Parameters
    ----------
    matrix : array, shape (curves, columns)
    factors : tuple of (Factor, slice)
        Where the coordinates of each factor are.
    covariates : slice
        Where the slopes are.
    """

    matrix: FloatArray
    factors: tuple[tuple[Factor, slice], ...]
    covariates: slice

    @classmethod
    def of(cls, curves: Curves) -> Design:
        """Return the design of the curves."""
        columns = [np.ones((len(curves), 1)), *(c.values[:, None] for c in curves.covariates)]
        factors, start = [], 1 + len(curves.covariates)
        for factor in curves.factors:
            basis = zero_sum_basis(len(factor.levels))
            columns.append(basis[factor.index])
            factors.append((factor, slice(start, start + basis.shape[1])))
            start += basis.shape[1]
        return cls(np.hstack(columns), tuple(factors), slice(1, 1 + len(curves.covariates)))


@dataclass(frozen=True)
class Whitening:
    """The basis in which the coefficients of each effect are sampled.

    Parameters
    ----------
    location : array, shape (effects, columns)
    factor : array, shape (effects, columns, columns)
        Lower triangular.
    centred : array of 0.0 and 1.0, shape (effects,)
        0 where the curves say too little of an effect; its coefficients are then standardised by their prior.
    """

    location: FloatArray
    factor: FloatArray
    centred: FloatArray


def whitening(curves: Curves, effects: Effects, centring: Centring) -> Whitening:
    """Return the sampling basis of the coefficients.

    Parameters
    ----------
    curves : Curves
        The data.
    effects : Effects
        Order and priors of the effects.
    centring : Centring
        What each curve says by itself.
    """
    design = Design.of(curves)
    count, columns = len(effects.names), design.matrix.shape[1]
    location, factor = np.zeros((count, columns)), np.zeros((count, columns, columns))
    centred = (centring.centred.mean(axis=0) > 0.5).astype(float)
    for effect in range(count):
        known = centring.centred[:, effect] > 0
        if centred[effect]:
            error = np.linalg.norm(centring.factor[known, effect], axis=-1)
            location[effect], covariance = _regression(
                design, known, centring.location[known, effect], error, _Prior.of(effects, effect, curves)
            )
            factor[effect] = np.linalg.cholesky(covariance)
        else:
            factor[effect] = np.eye(columns)
    return Whitening(location, factor, centred)


@dataclass(frozen=True)
class _Prior:
    """Priors of one effect's coefficients: mean and sd where the prior is fixed, medians of the spreads."""

    mean: FloatArray
    sd: FloatArray
    group: tuple[float, ...]
    curve: float

    @classmethod
    def of(cls, effects: Effects, effect: int, curves: Curves) -> _Prior:
        slopes = effects.slopes(curves.covariates, "mean"), effects.slopes(curves.covariates, "sd")
        mean, sd = (
            np.array([first, *(rest[:, effect] if len(rest) else [])])
            for first, rest in zip(
                (effects.mean[effect], effects.priors[effect].mean.sd), slopes, strict=True
            )
        )
        group = tuple(getattr(effects.priors[effect], group_prior(f.name)).median for f in curves.factors)
        return cls(mean, sd, group, effects.priors[effect].curve_sd.median)


def group_prior(factor: str) -> str:
    """Return the name of the prior of a factor's spread."""
    return "task_sd" if factor == "task" else "mixture_sd"


def _regression(
    design: Design, known: NDArray[np.bool_], value: FloatArray, error: FloatArray, prior: _Prior
) -> tuple[FloatArray, FloatArray]:
    """Return posterior mean and covariance of the coefficients, variances estimated by a few rounds of EM."""
    matrix = design.matrix[known]
    fixed, columns = len(prior.mean), matrix.shape[1]
    mean = np.zeros(columns)
    mean[:fixed] = prior.mean
    curve_sd, group_sd = prior.curve, list(prior.group)
    for _ in range(_ROUNDS):
        precision = np.concatenate([prior.sd**-2.0, np.zeros(columns - fixed)])
        for (_, place), sd in zip(design.factors, group_sd, strict=True):
            precision[place] = sd**-2.0
        weight = 1 / (curve_sd**2 + error**2)
        covariance = np.linalg.inv((matrix.T * weight) @ matrix + np.diag(precision))
        estimate = covariance @ (matrix.T @ (weight * value) + precision * mean)
        spread = (value - matrix @ estimate) ** 2 + np.einsum("ci,ij,cj->c", matrix, covariance, matrix)
        curve_sd = _shrunk(np.maximum(spread - error**2, 0.0), prior.curve)
        group_sd = [
            _shrunk(estimate[place] ** 2 + np.diag(covariance)[place], median)
            for (_, place), median in zip(design.factors, prior.group, strict=True)
        ]
    return estimate, np.asarray(covariance)


def _shrunk(squares: FloatArray, median: float) -> float:
    """Return a standard deviation from squares, shrunk to its prior median."""
    return float(np.sqrt((squares.sum() + _PRIOR_LEVELS * median**2) / (len(squares) + _PRIOR_LEVELS)))
