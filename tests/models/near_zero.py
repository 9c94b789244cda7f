"""The scales of curves once more, by their definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.models.scale import LOGARITHMIC

FloatArray = NDArray[np.float64]


def anchored(level: Any, gain: Any, log_near: float) -> tuple[FloatArray, FloatArray]:
    """Return level and gain as laws take them: a value is near (h + sqrt(h^2 + 0.01))."""
    if log_near == LOGARITHMIC:
        return np.asarray(level), np.asarray(gain)

    def log_of(place: FloatArray) -> FloatArray:
        h = np.sinh(place - log_near)
        root = np.sqrt(h * h + 0.01)
        far = root + np.abs(h)  # without cancellation: (root + h) (root - h) is 0.01
        return np.asarray(log_near + np.log(np.where(h > 0, far, 0.01 / far)))

    high, low = log_of(np.asarray(level)), log_of(np.asarray(level) - np.asarray(gain))
    return high, high - low


def sharpness_of(place: Any) -> FloatArray:
    """Return the sharpness, which is at most ten."""
    return np.asarray(10.0 ** np.tanh(np.asarray(place) / np.log(10.0)))


def discrepancy_unit(level: Any, gain: Any) -> FloatArray:
    """Return what the scale of a discrepancy counts in, of level and gain as laws take them."""
    return np.asarray(np.exp(level) * np.hypot(2.0 * np.tanh(gain / 2.0), 0.02))
