"""A smoothly broken power law with one break: BNSL of Caballero et al. (ICLR 2023, arXiv 2210.14891).

    y = a + b x^(-c0) (1 + (x / d)^(1 / f))^(-c1 f)

fitted to the errors of one curve as its authors do: least squares of the logarithms, from the best places of
a grid, without intervals.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from benchmarks.forecasting.estimators import Predictor
from benchmarks.forecasting.least_squares import minimise

Array = NDArray[np.float64]

PARAMETERS = 6
_FLOORS = (0.0, 0.5, 0.9)
_FIRST = (0.0, 0.1, 0.3, 0.6)
_CHANGES = (-0.3, -0.1, 0.1, 0.3)
_SHARPNESS = (0.1, 0.3, 1.0)
_BREAKS = (0.2, 0.5, 0.8)
_STARTS = 40


def bnsl(size: Array, error: Array) -> Predictor:
    """Return the forecasts of one curve.

    Parameters
    ----------
    size, error : array, shape (points,)
        A curve with errors above 0.
    """
    x, y = np.log(size), np.log(error)
    grid = np.array(
        [
            (floor * error.min(), 0.0, c0, c1, x[0] + share * (x[-1] - x[0]), np.log(f))
            for floor, c0, c1, f, share in product(_FLOORS, _FIRST, _CHANGES, _SHARPNESS, _BREAKS)
        ]
    )
    # The scale b of a start is the one that fits best on average.
    grid[:, 1] = np.mean(np.log(np.maximum(error - grid[:, :1], 1e-9)) - _log_power(x, grid), axis=1)
    low = np.array([0.0, -50.0, -1.0, -3.0, x[0], np.log(0.02)])
    high = np.array([error.min(), 50.0, 3.0, 3.0, x[-1], np.log(3.0)])

    def residuals(place: Array) -> Array:
        return np.asarray(np.log(np.maximum(_value(x, place), 1e-12)) - y)

    best = np.argsort(np.mean(residuals(grid) ** 2, axis=1))[:_STARTS]
    place, loss = minimise(residuals, grid[best], low=low, high=high, turns=400)
    found = place[np.argmin(loss)][None]
    return lambda ahead: _value(np.log(ahead), found)[0]


def _log_power(x: Array, place: Array) -> Array:
    """Return the logarithm of the law without its floor, at log sizes x: shape (places, sizes)."""
    _, log_b, c0, c1, break_at, log_f = (column[:, None] for column in place.T)
    f = np.exp(log_f)
    return np.asarray(log_b - c0 * x - c1 * f * np.logaddexp(0.0, (x - break_at) / f))


def _value(x: Array, place: Array) -> Array:
    """Return the law at log sizes x."""
    return np.asarray(place[:, :1] + np.exp(np.minimum(_log_power(x, place), 50.0)))
