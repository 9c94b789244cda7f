"""The scales of curves once more, by their definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.models.scale import LOGARITHMIC

FloatArray = NDArray[np.float64]


def log_of(place: Any, log_near: float) -> FloatArray:
    """Return the log of the value at a place: near (h + sqrt(h^2 + 0.01))."""
    if log_near == LOGARITHMIC:
        return np.asarray(place)
    h = np.sinh(np.asarray(place) - log_near)
    root = np.sqrt(h * h + 0.01)
    far = root + np.abs(h)  # without cancellation: (root + h) (root - h) is 0.01
    return np.asarray(log_near + np.log(np.where(h > 0, far, 0.01 / far)))


def anchored(level: Any, gain: Any, log_near: float) -> tuple[FloatArray, FloatArray]:
    """Return level and gain as laws take them."""
    high, low = log_of(level, log_near), log_of(np.asarray(level) - np.asarray(gain), log_near)
    return high, high - low


def away(value: Any, log_near: float) -> FloatArray:
    """Return the share of noise and discrepancy that values have: none at zero and below it."""
    value = np.asarray(value)
    return np.where(value > 0, value / (np.abs(value) + np.exp(log_near)), 0.0)


def sharpness_of(place: Any) -> FloatArray:
    """Return the sharpness, which is at most ten."""
    return np.asarray(10.0 ** np.tanh(np.asarray(place) / np.log(10.0)))


def discrepancy_unit(level: Any, gain: Any) -> FloatArray:
    """Return what the scale of a discrepancy counts in, of level and gain as laws take them."""
    return np.asarray(np.exp(level) * np.hypot(2.0 * np.tanh(gain / 2.0), 0.02))
