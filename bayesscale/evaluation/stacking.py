"""Stacking: the weights with which a mixture of forecasts gives held-out values the largest log density."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

FloatArray = NDArray[np.float64]
# A weight below this is no draw of thousands.
_NOTHING = 1e-4


def stacking_weights(log_density: FloatArray) -> FloatArray:
    """Return the weights on the simplex that maximise the mean log density of a mixture.

    Parameters
    ----------
    log_density : array, shape (n, laws)
        Log predictive density of each held-out value under each law.

    Returns
    -------
    array, shape (laws,)
        At least 0, summing to 1; equal where nothing tells the laws apart.

    References
    ----------
    Yao et al., arXiv 1704.02030.
    """
    count = log_density.shape[1]
    # A value that no law expects tells none apart.
    usable = log_density[np.isfinite(log_density.max(axis=1))]
    density = np.exp(usable - usable.max(axis=1, keepdims=True))
    equal = np.full(count, 1 / count)
    if not len(density) or count == 1:
        return equal

    def loss(weights: FloatArray) -> tuple[float, FloatArray]:
        mixed = np.maximum(density @ weights, 1e-300)
        return -float(np.log(mixed).mean()), -(density / mixed[:, None]).mean(axis=0)

    simplex = {"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(count)}
    found = minimize(
        loss, equal, jac=True, method="SLSQP", bounds=[(0, 1)] * count, constraints=[simplex],
        options={"ftol": 1e-12, "maxiter": 500},
    ).x  # fmt: skip
    kept = np.where(found > _NOTHING, found, 0.0)
    return np.asarray(kept / kept.sum())


def mixture_log_density(log_density: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the log density of each value under the weighted mixture.

    Parameters
    ----------
    log_density : array, shape (n, laws)
        As in `stacking_weights`.
    weights : array, shape (laws,)
        The weights.

    Returns
    -------
    array, shape (n,)
        The log densities.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(np.logaddexp.reduce(log_density + np.log(weights), axis=1))
