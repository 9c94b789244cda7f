"""Huber fit of one law to one curve, by L-BFGS from a grid of initial values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize
from scipy.special import huber

from bayesscale.laws import Law

Array = NDArray[np.float64]

DELTAS: Mapping[str, float] = MappingProxyType({"log-law": 0.1, "power-law": 1e-3})
"""Where the Huber loss turns from quadratic to linear, by name of the law, in log units: the paper's. For
cross-entropy its text says 1e-3, the captions of its tables 4 and 6 say 1e-5."""

# A tanh keeps level, gain and shape inside, so that no step of a line search overflows. Beyond the limit of
# the shape the curve hardly changes, while the papers' coefficients leave the range of floats.
_LIMITS = np.array([300.0, 50.0, 5.0])
_DEGENERATE = 4.0
_INITIAL_SHAPES = (-3.0, -1.5, 0.0, 1.5, 3.0)
_STEP = 1e-5
_SHIFTS = _STEP * np.vstack([np.zeros(3), np.eye(3), -np.eye(3)])
_SMALLEST = 1e-300


@dataclass(frozen=True)
class Optimum:
    """The best of the fits from all initial values.

    Level, gain and shape are anchored; `loss` is the mean Huber loss of the log residuals, at which L-BFGS
    `converged` or not. The message is empty if nothing is to be said of the fit.
    """

    level: float
    gain: float
    shape: float
    loss: float
    converged: bool
    message: str

    @property
    def parameters(self) -> Array:
        """Level, gain and shape as an array."""
        return np.array([self.level, self.gain, self.shape])


def log_residuals(law: Law, u: Array, log_value: Array, parameters: Array) -> Array:
    """Return log f(u) - log value, (..., points), for (level, gain, shape) of shape (..., 3)."""
    level, gain, shape = np.moveaxis(parameters, -1, 0)[..., None]
    # A falling score that has been extrapolated to zero has no logarithm.
    return np.asarray(np.log(np.maximum(law.value(u, level, gain, shape), _SMALLEST)) - log_value)


def mean_huber(residuals: Array, delta: float) -> float:
    """Return the mean Huber loss: r^2 / 2 up to |r| = delta, delta * (|r| - delta / 2) beyond."""
    return float(np.mean(huber(delta, residuals)))


def fit_curve(law: Law, u: Array, value: Array, delta: float) -> Optimum:
    """Fit a law to values above 0 at positions u from 0 to 1, at least three different ones."""
    problem = _Problem(law, u, np.log(value), delta)
    results = [problem.minimize(start) for start in problem.initial_values()]
    best = min(results, key=lambda result: float(result.fun))
    # Near the optimum the line search may stop for lack of digits although another start converged there.
    converged = any(result.success for result in results if result.fun <= best.fun * (1 + 1e-6) + 1e-9)
    parameters = _bounded(best.x)
    loss = mean_huber(log_residuals(law, u, problem.log_value, parameters), delta)
    level, gain, shape = parameters.tolist()
    return Optimum(level, gain, shape, loss, converged, _remark(shape, converged))


@dataclass(frozen=True)
class _Problem:
    """The Huber loss of one curve as a function of unbounded parameters (level, gain, shape)."""

    law: Law
    u: Array
    log_value: Array
    delta: float

    def initial_values(self) -> list[Array]:
        """Return a grid of shapes, with the level and gain of the curve's end points."""
        level = self.log_value[self.u == self.u.max()].mean()
        improvement = level - self.log_value[self.u == self.u.min()].mean()
        improvement = improvement if self.law.improves == "up" else -improvement
        grid = np.array([[level, self.law.gain_of(improvement, shape), shape] for shape in _INITIAL_SHAPES])
        return list(_LIMITS * np.arctanh(np.clip(grid / _LIMITS, -0.99, 0.99)))

    def minimize(self, start: Array) -> OptimizeResult:
        """Run L-BFGS from one initial value, in coordinates in which the loss is nearly round there."""
        _, slopes = self._linearised(start)
        curvature, directions = np.linalg.eigh(slopes @ slopes.T / (self._scale * self.delta))
        scaling = directions / np.sqrt(np.maximum(curvature, 1e-6 * curvature.max()))
        result = minimize(
            self._objective,
            np.zeros(3),
            args=(start, scaling),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-8},
        )
        result.x = start + scaling @ result.x
        return result

    @property
    def _scale(self) -> float:
        """Divisor of the loss: the number of points, times delta because L-BFGS stops at absolute changes."""
        return len(self.u) * self.delta

    def _objective(self, coordinates: Array, start: Array, scaling: Array) -> tuple[float, Array]:
        """Return the scaled loss and its gradient in the scaled coordinates."""
        residuals, slopes = self._linearised(start + scaling @ coordinates)
        loss = float(np.sum(huber(self.delta, residuals))) / (self._scale * self.delta)
        gradient = slopes @ np.clip(residuals, -self.delta, self.delta) / (self._scale * self.delta)
        return loss, scaling.T @ gradient

    def _linearised(self, free: Array) -> tuple[Array, Array]:
        """Return residuals and their slopes, by central differences of the law's one formula."""
        residuals = log_residuals(self.law, self.u, self.log_value, _bounded(free) + _SHIFTS)
        slopes = (residuals[1:4] - residuals[4:]) / (2 * _STEP)
        inner = 1 - np.tanh(free / _LIMITS) ** 2
        return residuals[0], slopes * inner[:, None]


def _bounded(free: Array) -> Array:
    """Return (level, gain, shape) of unbounded parameters."""
    return np.asarray(_LIMITS * np.tanh(free / _LIMITS))


def _remark(shape: float, converged: bool) -> str:
    """Return what is to be said of a fit."""
    if not converged:
        return "L-BFGS did not converge"
    if abs(shape) > _DEGENERATE:
        return "the points do not determine the curvature"
    return ""
