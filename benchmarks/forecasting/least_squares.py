"""Many small least-squares problems at once: Levenberg-Marquardt over a batch, with Huber weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Residuals = Callable[[Array], Array]

_STEP = 1e-6
_EASIEST, _HARDEST = 1e-10, 1e12


def minimise(
    residuals: Residuals,
    start: Array,
    *,
    low: Array,
    high: Array,
    delta: float = np.inf,
    turns: int = 100,
    tolerance: float = 1e-10,
) -> tuple[Array, Array]:
    """Minimise the mean Huber loss of each problem of a batch.

    Parameters
    ----------
    residuals : callable
        Gives the residuals, shape (problems, points), of parameters of shape (problems, parameters); points
        that a problem does not have have the residual 0.
    start : array, shape (problems, parameters)
        Where to start.
    low, high : array, shape (parameters,)
        Bounds; steps end there.
    delta : float
        Where the loss turns from quadratic to linear; infinite for least squares.
    turns : int
        Most steps.
    tolerance : float
        Relative fall of the loss below which a problem is done.

    Returns
    -------
    parameters : array, shape (problems, parameters)
    loss : array, shape (problems,)
    """
    place = np.clip(start, low, high)
    rest = residuals(place)
    loss, damping = _mean_huber(rest, delta), np.full(len(place), 1e-3)
    quiet = np.zeros(len(place), dtype=int)
    for _ in range(turns):
        slopes = _slopes(residuals, place, rest, high)
        # A Huber loss is least squares with these weights, which follow the residuals.
        weight = np.minimum(1.0, delta / np.maximum(np.abs(rest), 1e-300))
        curvature = np.einsum("bpn,bqn,bn->bpq", slopes, slopes, weight)
        gradient = np.einsum("bpn,bn,bn->bp", slopes, rest, weight)
        scale = np.maximum(np.einsum("bpp->bp", curvature), 1e-14)
        damped = curvature + damping[:, None, None] * scale[:, None, :] * np.eye(place.shape[1])
        step = np.linalg.solve(damped + 1e-300 * np.eye(place.shape[1]), gradient[..., None])[..., 0]
        proposed = np.clip(place - step, low, high)
        tried = residuals(proposed)
        reached = _mean_huber(tried, delta)
        better = reached < loss
        quiet = np.where(better & (loss - reached > tolerance * loss), 0, quiet + 1)
        place, rest = np.where(better[:, None], proposed, place), np.where(better[:, None], tried, rest)
        loss = np.where(better, reached, loss)
        damping = np.clip(damping * np.where(better, 0.3, 5.0), _EASIEST, _HARDEST)
        if np.all(quiet > 8):
            break
    return place, loss


def _slopes(residuals: Residuals, place: Array, rest: Array, high: Array) -> Array:
    """Return slopes of the residuals by one-sided differences, shape (problems, parameters, points)."""
    slopes = np.empty((*place.shape, rest.shape[1]))
    for number in range(place.shape[1]):
        sign = np.where(place[:, number] + _STEP > high[number], -1.0, 1.0)
        moved = place.copy()
        moved[:, number] += sign * _STEP
        slopes[:, number] = (residuals(moved) - rest) * (sign / _STEP)[:, None]
    return slopes


def _mean_huber(rest: Array, delta: float) -> Array:
    """Return the mean Huber loss of each problem."""
    size = np.abs(rest)
    with np.errstate(invalid="ignore", over="ignore"):
        linear = delta * (size - 0.5 * delta) if np.isfinite(delta) else size
        loss = np.where(size <= delta, 0.5 * rest**2, linear).mean(axis=1)
    return np.where(np.isfinite(loss), loss, np.inf)
