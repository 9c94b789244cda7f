"""The power law of cross-entropy: L(D) = E + A / D^alpha."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from bayesscale.laws.axis import LogAxis
from bayesscale.laws.base import Law


class PowerLaw(Law):
    """Power law with a floor, anchored at two sizes.

    With L0 = L(lo), L1 = L(hi) = exp(level), L0 / L1 = exp(gain) and c = alpha * span = |gain| + exp(shape),

        L(u) = L1 + (L0 - L1) * (exp(-c u) - exp(-c)) / (1 - exp(-c)).

    c >= |gain| is the condition E >= 0, so the floor is never negative. A negative gain (the loss rises with
    more data) mirrors the curve: E is then the ceiling that it approaches and A is negative.
    """

    name: ClassVar[str] = "power-law"
    formula: ClassVar[str] = "L(D) = E + A / D^alpha"
    source: ClassVar[str] = "Isik et al., arXiv 2402.04177, eq. 2; Hestness et al., arXiv 1712.00409"
    improves: ClassVar[str] = "down"
    coefficient_names: ClassVar[tuple[str, ...]] = ("E", "log_A", "alpha")

    def value(self, u: Any, level: Any, gain: Any, shape: Any, xp: Any = np) -> Any:
        """Return the loss at scaled position u; see `Law.value`."""
        c = xp.abs(gain) + xp.exp(shape)
        fall = (xp.expm1(-c * u) - xp.expm1(-c)) / -xp.expm1(-c)
        return xp.exp(level) * (1.0 + xp.expm1(gain) * fall)

    def inverse(self, target: Any, level: Any, gain: Any, shape: Any) -> Any:
        """Return the u at which the loss is as low as `target`; see `Law.inverse`."""
        gain = np.asarray(gain)
        c = np.abs(gain) + np.exp(shape)
        with np.errstate(divide="ignore", invalid="ignore"):
            log_target = np.log(np.maximum(target, 0.0))
            fall = np.expm1(log_target - level) / np.expm1(gain)
            remaining = np.exp(-c) - np.expm1(-c) * fall
            u = np.where(remaining > 0, -np.log(np.maximum(remaining, 0.0)) / c, np.inf)
        rising = np.where(log_target >= level, -np.inf, np.inf)
        return np.where(gain > 0, u, rising)

    def coefficients(self, level: Any, gain: Any, shape: Any, axis: LogAxis) -> dict[str, Any]:
        """Return E, log |A| and alpha; A has the sign of the gain."""
        gain = np.asarray(gain)
        c = np.abs(gain) + np.exp(shape)
        amplitude = np.exp(level) * np.expm1(gain) / -np.expm1(-c)  # L0 - E
        alpha = c / axis.span
        with np.errstate(divide="ignore"):
            log_a = np.log(np.abs(amplitude)) + alpha * np.log(axis.lo)
        return {"E": np.exp(level + gain) - amplitude, "log_A": log_a, "alpha": alpha}

    def anchored(self, coefficients: dict[str, Any], axis: LogAxis) -> tuple[Any, Any, Any]:
        """Return (level, gain, shape); needs A > 0, alpha > 0 and E > 0."""
        low, high = (self.at_size(size, coefficients) for size in (axis.lo, axis.hi))
        gain = np.log(low) - np.log(high)
        return np.log(high), gain, np.log(np.asarray(coefficients["alpha"]) * axis.span - gain)

    def at_size(self, size: Any, coefficients: dict[str, Any]) -> Any:
        """Return E + A / D^alpha."""
        return coefficients["E"] + np.exp(coefficients["log_A"] - coefficients["alpha"] * np.log(size))


POWER_LAW = PowerLaw()
