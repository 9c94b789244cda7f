"""The log-law of translation scores: f(D) = (log(A D^alpha))^beta."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from bayesscale.laws.axis import LogAxis
from bayesscale.laws.base import Law

# The score is zero where log(A D^alpha) would be negative; this keeps its logarithm and its gradient finite.
_TINY = 1e-300
# exp(-gain / beta) has to stay above _TINY and below the largest float: beyond this ratio beta follows the
# gain, so that the anchors hold exactly whatever the parameters.
_STEEPEST = 690.0


def _exponent(gain: Any, shape: Any, xp: Any = np) -> Any:
    """Return beta = exp(shape), kept large enough for exp(-gain / beta) to be a float."""
    return xp.maximum(xp.exp(shape), xp.abs(gain) / _STEEPEST)


class LogLaw(Law):
    """Score log-law of Isik et al. (arXiv 2402.04177), anchored at two sizes.

    With y0 = f(lo), y1 = f(hi), beta = exp(shape) and y0 / y1 = exp(-gain),

        f(u) = y1 * ((1 - u) * (y0 / y1)^(1 / beta) + u)^beta,

    a weighted power mean of the end points; beta = 1 is linear in log D.
    """

    name: ClassVar[str] = "log-law"
    formula: ClassVar[str] = "f(D) = (log(A D^alpha))^beta"
    source: ClassVar[str] = "Isik et al., arXiv 2402.04177, eq. 1"
    improves: ClassVar[str] = "up"
    coefficient_names: ClassVar[tuple[str, ...]] = ("alpha", "log_A", "beta")

    def terms(self, level: Any, gain: Any, shape: Any, xp: Any = np) -> tuple[Any, Any, Any]:
        """Return level, beta and (y0 / y1)^(1 / beta); see `Law.terms`."""
        beta = _exponent(gain, shape, xp)
        return level, beta, xp.exp(-gain / beta)

    def at(self, u: Any, terms: tuple[Any, Any, Any], xp: Any = np) -> Any:
        """Return the score at scaled position u; see `Law.at`."""
        level, beta, start = terms
        base = (1.0 - u) * start + u
        return xp.exp(level + beta * xp.log(xp.maximum(base, _TINY)))

    def inverse(self, target: Any, level: Any, gain: Any, shape: Any) -> Any:
        """Return the u at which the score reaches `target`; see `Law.inverse`."""
        gain, beta = np.asarray(gain), _exponent(gain, shape)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            log_target = np.log(np.maximum(target, 0.0))
            start = np.expm1(-gain / beta)
            u = (start - np.expm1((log_target - level) / beta)) / start
        # A flat or falling score reaches only what it had before the data began.
        falling = np.where(log_target <= level, -np.inf, np.inf)
        return np.where(gain > 0, u, falling)

    def coefficients(self, level: Any, gain: Any, shape: Any, axis: LogAxis) -> dict[str, Any]:
        """Return alpha, log A and beta; infinite where level / beta is too large for a float."""
        beta = _exponent(gain, shape)
        fall = np.expm1(-np.asarray(gain) / beta)
        with np.errstate(over="ignore"):
            high = np.exp(np.asarray(level) / beta)
            alpha = -high * fall / axis.span
            log_a = high * (1.0 + fall * np.log(axis.hi) / axis.span)
        return {"alpha": alpha, "log_A": log_a, "beta": beta}

    def anchored(self, coefficients: dict[str, Any], axis: LogAxis) -> tuple[Any, Any, Any]:
        """Return (level, gain, shape); needs log(A D^alpha) > 0 at both anchors."""
        alpha, log_a, beta = (np.asarray(coefficients[name]) for name in self.coefficient_names)
        low, high = (log_a + alpha * np.log(size) for size in (axis.lo, axis.hi))
        level = beta * np.log(high)
        return level, level - beta * np.log(low), np.log(beta)

    def at_size(self, size: Any, coefficients: dict[str, Any]) -> Any:
        """Return (log(A D^alpha))^beta, zero where the logarithm is negative."""
        base = coefficients["log_A"] + coefficients["alpha"] * np.log(size)
        return np.maximum(base, 0.0) ** coefficients["beta"]


LOG_LAW = LogLaw()
