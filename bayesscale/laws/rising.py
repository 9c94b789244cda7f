"""The power law of what a score lacks: f(D) = C - A / D^alpha, which comes closer and closer to a ceiling."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from bayesscale.laws.axis import LogAxis
from bayesscale.laws.base import Law

# Below this, exp(-c u) is a straight line in u as far as a float can tell.
_STRAIGHT = 1e-9
_LARGEST = 600.0


def terms(level: Any, gain: Any, shape: Any, sharpness: Any, xp: Any = np) -> tuple[Any, Any, Any, Any]:
    """Return y1, C - y0, c and exp(-c); see `Law.terms`."""
    c = xp.maximum(xp.exp(shape), _STRAIGHT)
    high = xp.exp(level)
    return high, high * xp.expm1(-gain) / xp.expm1(-c), c, xp.exp(-c)


def at(u: Any, terms: tuple[Any, Any, Any, Any], xp: Any = np) -> Any:
    """Return the score at scaled position u; see `Law.at`."""
    high, lack, c, end = terms
    return xp.maximum(high - lack * (xp.exp(xp.minimum(-c * u, _LARGEST)) - end), 0.0)


def slopes(u: Any, terms: tuple[Any, Any, Any, Any], xp: Any = np) -> tuple[Any, Any, Any, Any, Any]:
    """Return the score at scaled position u, and its derivative by each of the terms."""
    high, lack, c, end = terms
    fall = xp.exp(xp.minimum(-c * u, _LARGEST))
    value = high - lack * (fall - end)
    above = 1.0 * (value > 0.0)
    return value * above, above, (end - fall) * above, lack * fall * u * above, lack * above


class RisingPowerLaw(Law):
    """Power law of what a score lacks, anchored at two sizes.

    For scores whose last decades bring less and less. With y0 = f(lo), y1 = f(hi) = exp(level),
    gain = log(y1 / y0) and c = alpha * span = exp(shape),

        f(u) = y1 - (y1 - y0) * (exp(-c u) - exp(-c)) / (1 - exp(-c)),

    and zero where that is negative, which is below the lower anchor only. Small c: linear in log D.
    """

    name: ClassVar[str] = "rising-power-law"
    option: ClassVar[str] = "rising"
    formula: ClassVar[str] = "f(D) = C - A / D^alpha"
    source: ClassVar[str] = "Cortes et al., NeurIPS 1993; in D_f: Zhang et al., arXiv 2402.17193"
    improves: ClassVar[str] = "up"
    coefficient_names: ClassVar[tuple[str, ...]] = ("C", "log_A", "alpha")
    rated: ClassVar[bool] = True
    terms = staticmethod(terms)
    at = staticmethod(at)
    slopes = staticmethod(slopes)

    def coefficients(
        self, level: Any, gain: Any, shape: Any, axis: LogAxis, sharpness: Any = 1.0
    ) -> dict[str, Any]:
        """Return C, log |A| and alpha; A has the sign of the gain."""
        high, lack, c, end = terms(level, np.asarray(gain), shape, sharpness)
        alpha = c / axis.span
        with np.errstate(divide="ignore"):
            log_a = np.log(np.abs(lack)) + alpha * np.log(axis.lo)
        return {"C": high + lack * end, "log_A": log_a, "alpha": alpha}

    def anchored(
        self, coefficients: dict[str, Any], axis: LogAxis, sharpness: Any = 1.0
    ) -> tuple[Any, Any, Any]:
        """Return (level, gain, shape); needs A > 0, alpha > 0 and a score above 0 at both anchors."""
        low, high = (self.at_size(size, coefficients) for size in (axis.lo, axis.hi))
        return np.log(high), np.log(high) - np.log(low), np.log(np.asarray(coefficients["alpha"]) * axis.span)

    def at_size(self, size: Any, coefficients: dict[str, Any], sharpness: Any = 1.0) -> Any:
        """Return C - A / D^alpha, zero where that is negative."""
        lack = np.exp(coefficients["log_A"] - coefficients["alpha"] * np.log(size))
        return np.maximum(coefficients["C"] - lack, 0.0)


RISING_POWER_LAW = RisingPowerLaw()
