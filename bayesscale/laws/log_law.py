"""The log-law of translation scores: f(D) = (log(A D^alpha))^beta."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from bayesscale.laws.axis import LogAxis
from bayesscale.laws.base import Law

# The score is zero where log(A D^alpha) would be negative; this keeps its logarithm and its gradient finite.
_TINY = 1e-30


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

    def value(self, u: Any, level: Any, gain: Any, shape: Any, xp: Any = np) -> Any:
        """Return the score at scaled position u; see `Law.value`."""
        beta = xp.exp(shape)
        base = (1.0 - u) * xp.exp(-gain / beta) + u
        return xp.exp(level + beta * xp.log(xp.maximum(base, _TINY)))

    def inverse(self, target: Any, level: Any, gain: Any, shape: Any) -> Any:
        """Return the u at which the score reaches `target`; see `Law.inverse`."""
        beta, start = np.exp(shape), np.exp(-np.asarray(gain) / np.exp(shape))
        with np.errstate(divide="ignore", invalid="ignore"):
            u = (np.exp((np.log(target) - level) / beta) - start) / (1.0 - start)
        # A flat or falling score reaches only what it had before the data began.
        falling = np.where(np.log(target) <= level, -np.inf, np.inf)
        return np.where(np.asarray(gain) > 0, u, falling)

    def coefficients(self, level: Any, gain: Any, shape: Any, axis: LogAxis) -> dict[str, Any]:
        """Return alpha, log A and beta."""
        beta = np.exp(shape)
        high, low = np.exp(np.asarray(level) / beta), np.exp((np.asarray(level) - gain) / beta)
        alpha = (high - low) / axis.span
        return {"alpha": alpha, "log_A": low - alpha * np.log(axis.lo), "beta": beta}

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
