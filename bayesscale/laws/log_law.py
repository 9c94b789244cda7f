"""The log-law of translation scores: f(D) = (log(A D^alpha))^beta."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from bayesscale.laws.axis import LogAxis
from bayesscale.laws.base import Law

# Where log(A D^alpha) is below so many times its value at the upper anchor, the score goes to zero smoothly.
_NEAR_ZERO = 0.05
# exp(-gain / beta) has to stay below the largest float: beyond this ratio beta follows the gain, so that the
# anchors hold exactly whatever the parameters.
_STEEPEST = 690.0


def _exponent(gain: Any, shape: Any, xp: Any = np) -> Any:
    """Return beta = exp(shape), kept large enough for exp(-gain / beta) to be a float."""
    return xp.maximum(xp.exp(shape), xp.abs(gain) / _STEEPEST)


def _log_positive(base: Any, xp: Any = np) -> Any:
    """Return log(base), near zero and below along its tangent: a measured score does not jump from zero."""
    tangent = np.log(_NEAR_ZERO) - 1.0 + base / _NEAR_ZERO
    return xp.where(base < _NEAR_ZERO, tangent, xp.log(xp.maximum(base, _NEAR_ZERO)))


def _from_log(log_base: Any) -> Any:
    """Return the inverse of `_log_positive`."""
    near = _NEAR_ZERO * (log_base + 1.0 - np.log(_NEAR_ZERO))
    return np.where(log_base < np.log(_NEAR_ZERO), near, np.exp(log_base))


def _start(ratio: Any, xp: Any = np) -> Any:
    """Return minus the rise of log(A D^alpha) between the anchors, in units of its value at the upper one.

    exp(-ratio) - 1, ratio being gain / beta; from 1 on along its tangent, which from 2 on lets log(A D^alpha)
    be negative at the lower anchor: the score is then zero up to some size between the anchors.
    """
    return xp.where(ratio < 1.0, xp.expm1(-xp.minimum(ratio, 1.0)), (2.0 - ratio) / np.e - 1.0)


def _ratio(start: Any) -> Any:
    """Return gain / beta of s, the inverse of `_start` + 1."""
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
    formula: ClassVar[str] = "f(D) = (log(A D^alpha))^beta"
    source: ClassVar[str] = "Isik et al., arXiv 2402.04177, eq. 1"
    improves: ClassVar[str] = "up"
    coefficient_names: ClassVar[tuple[str, ...]] = ("alpha", "log_A", "beta")

    def terms(self, level: Any, gain: Any, shape: Any, xp: Any = np) -> tuple[Any, ...]:
        """Return level, beta and s; see `Law.terms`."""
        beta = _exponent(gain, shape, xp)
        return level, beta, 1.0 + _start(gain / beta, xp)

    def at(self, u: Any, terms: tuple[Any, ...], xp: Any = np) -> Any:
        """Return the score at scaled position u; see `Law.at`."""
        level, beta, start = terms
        return xp.exp(level + beta * _log_positive((1.0 - u) * start + u, xp))

    def gain_of(self, improvement: Any, shape: Any) -> Any:
        """Return the gain of an improvement; less than it where it is larger than beta, see above."""
        beta = np.exp(shape)
        with np.errstate(over="ignore"):
            return beta * _ratio(_from_log(-np.asarray(improvement) / beta))

    def inverse(self, target: Any, level: Any, gain: Any, shape: Any) -> Any:
        """Return the u at which the score reaches `target`; see `Law.inverse`."""
        gain, beta = np.asarray(gain), _exponent(gain, shape)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            log_target = np.log(np.maximum(target, 0.0))
            start = _start(gain / beta)
            u = (start + 1.0 - _from_log((log_target - level) / beta)) / start
        # A flat or falling score reaches only what it had before the data began.
        falling = np.where(log_target <= level, -np.inf, np.inf)
        return np.where(gain > 0, u, falling)

    def coefficients(self, level: Any, gain: Any, shape: Any, axis: LogAxis) -> dict[str, Any]:
        """Return alpha, log A and beta; infinite where level / beta is too large for a float."""
        beta = _exponent(gain, shape)
        fall = _start(np.asarray(gain) / beta)
        with np.errstate(over="ignore"):
            high = np.exp(np.asarray(level) / beta)
            alpha = -high * fall / axis.span
            log_a = high * (1.0 + fall * np.log(axis.hi) / axis.span)
        return {"alpha": alpha, "log_A": log_a, "beta": beta}

    def anchored(self, coefficients: dict[str, Any], axis: LogAxis) -> tuple[Any, Any, Any]:
        """Return (level, gain, shape); needs log(A D^alpha) > 0 at the upper anchor."""
        alpha, log_a, beta = (np.asarray(coefficients[name]) for name in self.coefficient_names)
        low, high = (log_a + alpha * np.log(size) for size in (axis.lo, axis.hi))
        return beta * np.log(high), beta * _ratio(low / high), np.log(beta)

    def at_size(self, size: Any, coefficients: dict[str, Any]) -> Any:
        """Return (log(A D^alpha))^beta, zero where the logarithm is negative."""
        base = coefficients["log_A"] + coefficients["alpha"] * np.log(size)
        return np.maximum(base, 0.0) ** coefficients["beta"]


LOG_LAW = LogLaw()
