"""M1 to M4 of Alabdulmohsin et al. (NeurIPS 2022, arXiv 2209.06640): point estimates of one error curve.

    M1  y = b x^c                               M2  y = e + b x^c
    M3  y = b (1/x + g)^c                       M4  (y - e) / (e0 - y)^a = b x^c

All minimise the squared logarithms of left-hand over right-hand side. What is linear in the logarithms
(b, c, and a) is solved exactly for given e, g and e0; those are followed from where the paper's code starts
(e just below the smallest error, g = 0, e0 = 1) to the nearest minimum: the lowest one is often another, and
forecasts from there are not what users of these estimators get. As in the paper 0 <= e, and e and e0 keep a
distance of 0.001 from the data.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Array = NDArray[np.float64]
Predictor = Callable[[Array], Array]

MARGIN = 1e-3
_GRID = 400
_TURNS = 1000
_BISECTIONS = 60


def m1(size: Array, error: Array) -> Predictor:
    """Return the forecasts of a power law.

    Parameters
    ----------
    size, error : array, shape (points,)
        A curve with errors above 0.
    """
    log_b, c = _line(np.log(size), np.log(error))
    return lambda ahead: np.exp(log_b + c * np.log(ahead))


def m2(size: Array, error: Array) -> Predictor:
    """Return the forecasts of a power law with a floor; parameters as in `m1`."""
    x, top = np.log(size), max(error.min() - MARGIN, 0.0)

    def remainder(floor: float) -> float:
        return _squares(x, np.log(np.maximum(error - floor, MARGIN)))

    # Steps grow with the distance from the smallest error: the minimum is often close to it.
    floor = _descend(remainder, np.maximum(top + MARGIN - np.geomspace(MARGIN, top + MARGIN, _GRID), 0.0))
    log_b, c = _line(x, np.log(np.maximum(error - floor, MARGIN)))
    return lambda ahead: floor + np.exp(log_b + c * np.log(ahead))


def m3(size: Array, error: Array) -> Predictor:
    """Return the forecasts of a power law in 1/x + g; parameters as in `m1`.

    In turn b and c are fitted for a given g, and g is chosen for given b and c among those with which the law
    meets one of the points.
    """
    y, g = np.log(error), 0.0
    for _ in range(_TURNS):
        x = np.log(1.0 / size + g)
        log_b, c = _line(x, y)
        with np.errstate(over="ignore", divide="ignore"):
            met = np.exp((y - log_b) / max(c, 1e-9)) - 1.0 / size
        choices = np.array([g, *met[(met >= 0) & np.isfinite(met)]])
        rests = (y - log_b - c * np.log(1.0 / size + choices[:, None])) ** 2
        chosen = float(choices[np.argmin(rests.sum(axis=1))])
        if chosen == g:
            break
        g = chosen
    log_b, c = _line(np.log(1.0 / size + g), y)
    return lambda ahead: np.exp(log_b + max(c, 0.0) * np.log(1.0 / ahead + g))


def m4(size: Array, error: Array) -> Predictor:
    """Return the forecasts of M4, which has a floor e and an error e0 of guessing; parameters as in `m1`."""
    x = -np.log(size)
    top, bottom = max(error.min() - MARGIN, 0.0), error.max() + MARGIN

    def bounded(place: Array) -> Array:
        return np.array([np.clip(place[0], 0.0, top), np.clip(place[1], bottom, 10.0 * bottom)])

    def fitted(place: Array) -> tuple[Array, float]:
        floor, guess = bounded(place)
        columns = np.stack([x, np.log(guess - error)])
        return _nonnegative(columns, np.log(np.maximum(error - floor, MARGIN)))

    start = np.array([top, max(1.0, bottom)])
    corners = start + np.array([[0.0, 0.0], [-MARGIN, 0.0], [0.0, MARGIN]])
    settings = {"initial_simplex": corners, "xatol": 1e-7, "fatol": 1e-12, "maxiter": 2000}
    best = minimize(lambda place: fitted(place)[1], start, method="Nelder-Mead", options=settings)
    floor, guess = bounded(best.x)
    (log_b, c, a), _ = fitted(best.x)
    return lambda ahead: floor + _excess(np.exp(log_b - c * np.log(ahead)), guess - floor, a)


def _excess(power: Array, most: float, a: float) -> Array:
    """Return the w in [0, most] with w = power (most - w)^a, by bisection: the difference rises in w."""
    low, high = np.zeros_like(power), np.full_like(power, most)
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        below = middle < power * (most - middle) ** a
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray(0.5 * (low + high))


def _line(x: Array, y: Array) -> tuple[float, float]:
    """Return intercept and slope of the least-squares line."""
    centred = x - x.mean()
    slope = float(centred @ y / max(centred @ centred, 1e-300))
    return float(y.mean() - slope * x.mean()), slope


def _squares(x: Array, y: Array) -> float:
    """Return the mean square around the least-squares line."""
    intercept, slope = _line(x, y)
    return float(np.mean((y - intercept - slope * x) ** 2))


def _nonnegative(columns: Array, y: Array) -> tuple[Array, float]:
    """Return (intercept, two slopes >= 0) of least squares, and the mean square that remains."""
    means, centred = columns.mean(axis=1), columns - columns.mean(axis=1, keepdims=True)
    target = y - y.mean()
    best, least = np.zeros(2), float(np.mean(target**2))
    for chosen in ([0, 1], [0], [1]):
        slopes = np.linalg.lstsq(centred[chosen].T, target)[0]
        rest = float(np.mean((target - slopes @ centred[chosen]) ** 2))
        if np.all(slopes >= 0) and rest < least:
            best, least = np.zeros(2), rest
            best[chosen] = slopes
    return np.array([y.mean() - best @ means, *best]), least


def _descend(cost: Callable[[float], float], path: Array) -> float:
    """Return the first minimum of a cost along a path: on the grid, then by golden section around it."""
    costs = np.array([cost(point) for point in path])
    rising = np.flatnonzero(np.diff(costs) > 0)
    place = int(rising[0]) if len(rising) else len(path) - 1
    low, high = path[max(place - 1, 0)], path[min(place + 1, len(path) - 1)]
    ratio = (np.sqrt(5.0) - 1.0) / 2.0
    for _ in range(_BISECTIONS):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, right) if cost(left) < cost(right) else (left, high)
    return float(0.5 * (low + high))


ESTIMATORS: dict[str, tuple[int, Callable[[Array, Array], Predictor]]] = {
    "M1": (2, m1),
    "M2": (3, m2),
    "M3": (3, m3),
    "M4": (5, m4),
}
"""By name: the number of parameters, and the fit."""
