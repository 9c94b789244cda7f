"""A quick fit of one law to each curve by itself, all curves at once: estimates and their covariance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bayesscale.laws import Law

FloatArray = NDArray[np.float64]
_STEP = 1e-4
_ITERATIONS = 40
# The inverse of a scaled matrix with a larger condition number need not be positive definite.
_LARGEST_CONDITION = 1e7


@dataclass(frozen=True)
class Padded:
    """Curves of unequal length side by side.

    Parameters
    ----------
    u, value, weight : array, shape (curves, points of the longest curve)
        Positions, values, and 1.0 where there is a point, 0.0 where there is none.
    """

    u: FloatArray
    value: FloatArray
    weight: FloatArray

    @classmethod
    def of(cls, unit: NDArray[np.int64], u: FloatArray, value: FloatArray) -> Self:
        """Return curves from one row a point, `unit` counting the curves from 0."""
        order = np.argsort(unit, kind="stable")
        unit, u, value = unit[order], u[order], value[order]
        counts = np.bincount(unit)
        place = np.arange(len(unit)) - np.repeat(np.cumsum(counts) - counts, counts)
        padded = np.zeros((3, len(counts), counts.max()))
        padded[:, unit, place] = u, value, np.ones(len(u))
        return cls(*padded)


@np.errstate(over="ignore", invalid="ignore")  # a step to where a law overflows is not taken
def look(
    law: Law, data: Padded, mean: FloatArray, spread: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return estimate and covariance of (level, gain, shape) of every curve, and its noise.

    A Levenberg-Marquardt search for the least squares plus a weak normal prior; the noise comes from the
    residuals, those of one curve shrunk to those of all.

    Parameters
    ----------
    law : Law
        The law of all curves.
    data : Padded
        The curves.
    mean, spread : array, shape (3,)
        The weak prior.

    Returns
    -------
    estimate : array, shape (curves, 3)
    covariance : array, shape (curves, 3, 3)
    noise : array, shape (curves,)
        Standard deviation of the values around the law, on which the covariance rests.
    """
    precision = np.diag(1 / spread**2)
    start, noise = _straight_line(data, law, mean)
    theta, damping = start, np.full(len(start), 1e-2)
    best = _loss(law, data, theta, noise, mean, precision)
    for _ in range(_ITERATIONS):
        gradient, curvature = _normal_equations(law, data, theta, noise, mean, precision)
        damped = curvature + damping[:, None, None] * curvature * np.eye(3)
        step = np.linalg.solve(damped, gradient[..., None])[..., 0]
        trial = theta - np.clip(step, -1.0, 1.0)
        loss = _loss(law, data, trial, noise, mean, precision)
        better = loss < best
        theta = np.where(better[:, None], trial, theta)
        best = np.where(better, loss, best)
        damping = np.clip(np.where(better, damping / 5, damping * 5), 1e-8, 1e8)
    residual = data.weight * (law.value(data.u, *_columns(theta)) - data.value)
    noise = np.minimum(noise, _noise(residual, data.weight, 3, data.value))
    _, curvature = _normal_equations(law, data, theta, noise, mean, precision)
    covariance = np.linalg.inv(np.where(_invertible(curvature), curvature, precision))
    return theta, np.asarray(covariance), noise


def _invertible(matrices: FloatArray) -> NDArray[np.bool_]:
    """Return which matrices floats can invert, shape (curves, 1, 1); other curves are left to the prior."""
    scale = np.sqrt(np.diagonal(matrices, axis1=1, axis2=2))
    scaled = matrices / scale[:, :, None] / scale[:, None, :]
    finite = np.isfinite(scaled).all(axis=(1, 2), keepdims=True)
    condition = np.linalg.cond(np.where(finite, scaled, np.eye(3)))
    return np.asarray(finite & (condition[:, None, None] < _LARGEST_CONDITION))


def _columns(theta: FloatArray) -> tuple[FloatArray, ...]:
    """Return level, gain and shape, each of shape (curves, 1)."""
    return tuple(theta[:, i : i + 1] for i in range(3))


def _straight_line(data: Padded, law: Law, mean: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return a start from straight lines in u, and the noise around them, shape (curves,)."""
    design = np.stack([(1 - data.u) * data.weight, data.u * data.weight], axis=-1)
    moments = np.swapaxes(design, 1, 2) @ design + 1e-9 * np.eye(2)
    ends = np.linalg.solve(moments, (np.swapaxes(design, 1, 2) @ data.value[..., None]))[..., 0]
    noise = _noise(
        data.weight * (data.value - (design @ ends[..., None])[..., 0]), data.weight, 2, data.value
    )
    typical = np.median(data.value[data.weight > 0])
    low, high = np.log(np.maximum(ends, max(0.05 * typical, 1e-6))).T
    gain = high - low if law.improves == "up" else low - high
    gain = law.gain_of(gain, mean[2])
    return np.column_stack([high, gain, np.full(len(gain), mean[2])]), noise


def _noise(residual: FloatArray, weight: FloatArray, parameters: int, value: FloatArray) -> FloatArray:
    """Return the residual standard deviation of each curve, shrunk to that of all."""
    free = np.maximum(weight.sum(axis=1) - parameters, 0)
    squares = (residual**2).sum(axis=1)
    floor = 1e-4 * np.abs(value[weight > 0]).mean() + 1e-12
    pooled = max(squares.sum() / max(free.sum(), 1.0), floor**2)
    return np.asarray(np.sqrt((squares + 4 * pooled) / (free + 4)))


def _loss(
    law: Law, data: Padded, theta: FloatArray, noise: FloatArray, mean: FloatArray, precision: FloatArray
) -> FloatArray:
    """Return half the penalised sum of squares, shape (curves,)."""
    residual = data.weight * (law.value(data.u, *_columns(theta)) - data.value) / noise[:, None]
    off = theta - mean
    return np.asarray(0.5 * (residual**2).sum(axis=1) + 0.5 * np.einsum("ci,ij,cj->c", off, precision, off))


def jacobian(law: Law, u: FloatArray, theta: FloatArray) -> FloatArray:
    """Return the derivatives of all values by level, gain and shape, shape (curves, points, 3)."""
    steps = _STEP * np.eye(3)
    slopes = [
        (law.value(u, *_columns(theta + s)) - law.value(u, *_columns(theta - s))) / (2 * _STEP) for s in steps
    ]
    return np.stack(slopes, axis=-1)


def _normal_equations(
    law: Law, data: Padded, theta: FloatArray, noise: FloatArray, mean: FloatArray, precision: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return gradient and Gauss-Newton curvature of the loss, shapes (curves, 3) and (curves, 3, 3)."""
    weight = data.weight / noise[:, None]
    residual = weight * (law.value(data.u, *_columns(theta)) - data.value)
    slopes = weight[..., None] * jacobian(law, data.u, theta)
    transposed = np.swapaxes(slopes, 1, 2)
    gradient = (transposed @ residual[..., None])[..., 0] + (theta - mean) @ precision
    return gradient, transposed @ slopes + precision
