"""Scales on which curves are normal between one another: of levels and gains, and of sharpness.

That of levels and gains is logarithmic, but for scores that are near zero linear.

A logarithm takes 0.01 and 0.1 BLEU for as far apart as 3 and 30, and zero for infinitely far. So effects of
scores are stated on a scale that a value y reaches at asinh(y / (2 near)) + log near: log y for values far
above `near`, and in proportion to y below. A law takes logarithms; `log_value` turns one into the other.
Beyond zero values go on falling, so that a curve may begin where there is nothing to be measured yet.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.models.priors import Priors

# At place log(near) a value is this share of `near`; beyond, it falls off.
_REST = 0.1
_LOG_REST = float(np.log(_REST))
# A law that turns more sharply than this turns within a step of its sizes: data tell no more.
_LOG_SHARPEST = float(np.log(10.0))
LOGARITHMIC = -200.0
"""log near of losses: no value is so small that it is not on the logarithmic part."""


def log_value(place: Any, log_near: Any, xp: Any = np) -> Any:
    """Return the log of the value at a place of the scale.

    With h = sinh(place - log near), the value is near (h + sqrt(h^2 + 0.01)). Below `near` the scale is
    linear, see `log_near_zero`. `xp` is NumPy or `pytensor.tensor`.
    """
    return log_near + _LOG_REST + xp.arcsinh(xp.sinh(place - log_near) / _REST)


def place_of(log_of_value: Any, log_near: Any, xp: Any = np) -> Any:
    """Return the place of a value whose log is given; the inverse of `log_value`."""
    return log_near + xp.arcsinh(_REST * xp.sinh(log_of_value - log_near - _LOG_REST))


def log_value_slope(place: Any, log_near: Any, xp: Any = np) -> Any:
    """Return the derivative of `log_value` by the place."""
    off = place - log_near
    return xp.cosh(off) / xp.sqrt(xp.sinh(off) ** 2 + _REST**2)


def above_zero(value: Any, near: Any, xp: Any = np) -> Any:
    """Return how far from zero values are, between 0 and 1: 1/2 at `near`, about 1 far above it.

    Values below zero count as zero; `near` is exp of `log_near_zero`.
    """
    positive = xp.maximum(value, 0.0)
    return positive / (positive + near)


def law_parameters(level: Any, gain: Any, log_near: Any, xp: Any = np) -> tuple[Any, Any]:
    """Return level and gain as laws take them: logs of the value at the upper anchor and of the improvement.

    They are given on the scale: the place of the value at the upper anchor, and how far it is from that at
    the lower.
    """
    high = log_value(level, log_near, xp)
    return high, high - log_value(level - gain, log_near, xp)


def log_sharpness(place: Any, xp: Any = np) -> Any:
    """Return the log of the sharpness at a place of its scale: about the same near 0, and at most log 10."""
    return _LOG_SHARPEST * xp.tanh(place / _LOG_SHARPEST)


def log_near_zero(metrics: tuple[str, ...], priors: Priors) -> NDArray[np.float64]:
    """Return log near of metrics: a share of a score's typical value; of losses `LOGARITHMIC`."""
    typical = [priors.typical.get(name, CATALOGUE[name].typical) for name in metrics]
    scores = [CATALOGUE[name].improves == "up" for name in metrics]
    return np.where(scores, np.log(priors.near_zero * np.array(typical)), LOGARITHMIC)
