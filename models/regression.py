"""The regression of the curves' effects on what groups them, and its plug-in posterior.

Every effect (level, gain or shape of a metric) of every curve is expected to be
``mean + covariates @ slopes + task + mixture``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesscale.metrics.curves import Curves
from bayesscale.metrics.design import Factor
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
    # PyTensor 2 keeps no compiled code that has a constant with gaps in memory.
    return np.ascontiguousarray(np.linalg.svd(centre)[0][:, : levels - 1])


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
class CoefficientPrior:
    """Priors of one effect's coefficients: mean and sd where the prior is fixed, medians of the spreads."""

    mean: FloatArray
    sd: FloatArray
    group: tuple[float, ...]
    curve: float

    @classmethod
    def of(cls, effects: Effects, effect: int, curves: Curves) -> CoefficientPrior:
        """Return the priors of an effect by position."""
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


@dataclass(frozen=True)
class Regression:
    """Plug-in posterior of one effect's coefficients.

    Parameters
    ----------
    mean : array, shape (columns,)
    covariance : array, shape (columns, columns)
    curve_sd : float
        Spread of the curves around what is expected of them.
    group_sd : tuple of float
        Spread of the levels of each factor.
    """

    mean: FloatArray
    covariance: FloatArray
    curve_sd: float
    group_sd: tuple[float, ...]


def regress(
    design: Design, known: NDArray[np.bool_], value: FloatArray, error: FloatArray, prior: CoefficientPrior
) -> Regression:
    """Return the posterior of one effect's coefficients, variances estimated by a few rounds of EM.

    Parameters
    ----------
    design : Design
        The columns.
    known : array of bool, shape (curves,)
        Curves with an estimate.
    value, error : array, shape (known curves,)
        Estimates of the effect and their standard errors.
    prior : CoefficientPrior
        Its priors.
    """
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
        share = curve_sd**2 * weight  # of what a curve differs from its expectation, that is not error
        curve_sd = _shrunk(share**2 * spread + curve_sd**2 * (1 - share), prior.curve)
        group_sd = [
            _shrunk(estimate[place] ** 2 + np.diag(covariance)[place], median)
            for (_, place), median in zip(design.factors, prior.group, strict=True)
        ]
    return Regression(estimate, np.asarray(covariance), curve_sd, tuple(group_sd))


def _shrunk(squares: FloatArray, median: float) -> float:
    """Return a standard deviation from squares, shrunk to its prior median."""
    return float(np.sqrt((squares.sum() + _PRIOR_LEVELS * median**2) / (len(squares) + _PRIOR_LEVELS)))
