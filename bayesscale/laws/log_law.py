"""The log-law of translation scores: f(D) = (log(A D^alpha))^beta."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from bayesscale.laws.axis import LogAxis
from bayesscale.laws.base import Law

# Where log(A D^alpha) is below so many times its value at the upper anchor, the score goes to zero smoothly.
_NEAR_ZERO = 0.05
_LOG_NEAR_ZERO = float(np.log(_NEAR_ZERO))
# exp(-gain / beta) has to stay below the largest float: beyond this ratio beta follows the gain, so that the
# anchors hold exactly whatever the parameters.
_STEEPEST = 690.0


def terms(level: Any, gain: Any, shape: Any, sharpness: Any, xp: Any = np) -> tuple[Any, Any, Any]:
    """Return level, beta and s = log(A lo^alpha) / log(A hi^alpha); see `Law.terms`.

    s is exp(-gain / beta) up to a ratio of 1, and goes on along its tangent: from 2 on log(A D^alpha) is
    negative at the lower anchor, and the score zero up to some size between the anchors.
    """
    beta = xp.maximum(xp.exp(shape), xp.abs(gain) / _STEEPEST)
    ratio = gain / beta
    return level, beta, xp.exp(-xp.minimum(ratio, 1.0)) - xp.maximum(ratio - 1.0, 0.0) / np.e


def at(u: Any, terms: tuple[Any, Any, Any], xp: Any = np) -> Any:
    """Return the score at scaled position u; see `Law.at`.

    The logarithm of the base goes on along its tangent near zero: a measured score does not jump from zero.
    """
    level, beta, start = terms
    base = (1.0 - u) * start + u
    log_base = xp.log(xp.maximum(base, _NEAR_ZERO)) + xp.minimum(base / _NEAR_ZERO - 1.0, 0.0)
    return xp.exp(level + beta * log_base)


def slopes(u: Any, terms: tuple[Any, Any, Any], xp: Any = np) -> tuple[Any, Any, Any, Any]:
    """Return the score at scaled position u, and its derivative by each of the terms."""
    level, beta, start = terms
    base = (1.0 - u) * start + u
    safe = xp.maximum(base, _NEAR_ZERO)
    log_base = xp.log(safe) + xp.minimum(base / _NEAR_ZERO - 1.0, 0.0)
    value = xp.exp(level + beta * log_base)
    return value, value, value * log_base, value * beta * (1.0 - u) / safe


def _from_log(log_base: Any) -> Any:
    """Return the base whose logarithm `at` takes to be `log_base`."""
    near = _NEAR_ZERO * (log_base + 1.0 - _LOG_NEAR_ZERO)
    return np.where(log_base < _LOG_NEAR_ZERO, near, np.exp(log_base))


def _ratio(start: Any) -> Any:
    """Return gain / beta of s."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(start > np.exp(-1.0), -np.log(start), 2.0 - np.e * start)


class LogLaw(Law):
    """Score log-law of Isik et al. (arXiv 2402.04177), anchored at two sizes.

    With level = log f(hi), beta = exp(shape) and s = log(A lo^alpha) / log(A hi^alpha),

        f(u) = exp(level) * ((1 - u) * s + u)^beta;

    beta = 1 is linear in log D. s follows from the gain: s = exp(-gain / beta), so that
    gain = log(f(hi) / f(lo)), as long as gain < beta; beyond, s goes on along the tangent of that function,
    through zero at gain = 2 beta. Curves with larger gains are about zero up to a size between the anchors:
    below 0.05 the base of the power falls off exponentially instead of becoming negative.
    """

    name: ClassVar[str] = "log-law"
    option: ClassVar[str] = "log"
    formula: ClassVar[str] = "f(D) = (log(A D^alpha))^beta"
    source: ClassVar[str] = "Isik et al., arXiv 2402.04177, eq. 1"
    improves: ClassVar[str] = "up"
    coefficient_names: ClassVar[tuple[str, ...]] = ("alpha", "log_A", "beta")
    rated: ClassVar[bool] = False
    terms = staticmethod(terms)
    at = staticmethod(at)
    slopes = staticmethod(slopes)

    def gain_of(self, improvement: Any, shape: Any) -> Any:
        """Return the gain of an improvement; less than it where it is larger than beta, see above."""
        beta = np.exp(shape)
        with np.errstate(over="ignore"):
            return beta * _ratio(_from_log(-np.asarray(improvement) / beta))

    def coefficients(
        self, level: Any, gain: Any, shape: Any, axis: LogAxis, sharpness: Any = 1.0
    ) -> dict[str, Any]:
        """Return alpha, log A and beta; infinite where level / beta is too large for a float."""
        _, beta, start = terms(level, np.asarray(gain), shape, sharpness)
        fall = start - 1.0
        with np.errstate(over="ignore"):
            high = np.exp(np.asarray(level) / beta)
            alpha = -high * fall / axis.span
            log_a = high * (1.0 + fall * np.log(axis.hi) / axis.span)
        return {"alpha": alpha, "log_A": log_a, "beta": beta}

    def anchored(
        self, coefficients: dict[str, Any], axis: LogAxis, sharpness: Any = 1.0
    ) -> tuple[Any, Any, Any]:
        """Return (level, gain, shape); needs log(A D^alpha) > 0 at the upper anchor."""
        alpha, log_a, beta = (np.asarray(coefficients[name]) for name in self.coefficient_names)
        low, high = (log_a + alpha * np.log(size) for size in (axis.lo, axis.hi))
        return beta * np.log(high), beta * _ratio(low / high), np.log(beta)

    def at_size(self, size: Any, coefficients: dict[str, Any], sharpness: Any = 1.0) -> Any:
        """Return (log(A D^alpha))^beta, zero where the logarithm is negative."""
        base = coefficients["log_A"] + coefficients["alpha"] * np.log(size)
        return np.maximum(base, 0.0) ** coefficients["beta"]


LOG_LAW = LogLaw()
