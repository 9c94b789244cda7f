"""The power law of cross-entropy: L(D) = E + A / D^alpha."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from bayesscale.laws.axis import LogAxis
from bayesscale.laws.base import Law


class PowerLaw(Law):
    """Power law with a floor, anchored at two sizes.

    With L0 = L(lo), L1 = L(hi) = exp(level), L0 / L1 = exp(gain) and c = alpha * span = |gain| + exp(shape),

        L(u) = E + (L0 - E) * exp(-c u),  L0 - E = (L0 - L1) / (1 - exp(-c)).

    c >= |gain| is the condition E >= 0, so the floor is never negative. A negative gain (the loss rises with
    more data) mirrors the curve: E is then the ceiling that it approaches and A is negative.
    """

    name: ClassVar[str] = "power-law"
    formula: ClassVar[str] = "L(D) = E + A / D^alpha"
    source: ClassVar[str] = "Isik et al., arXiv 2402.04177, eq. 2; Hestness et al., arXiv 1712.00409"
    improves: ClassVar[str] = "down"
    coefficient_names: ClassVar[tuple[str, ...]] = ("E", "log_A", "alpha")

    def terms(self, level: Any, gain: Any, shape: Any, xp: Any = np) -> tuple[Any, Any, Any]:
        """Return E, L0 - E and c; see `Law.terms`."""
        c = xp.abs(gain) + xp.exp(shape)
        high = xp.exp(level)
        amplitude = high * xp.expm1(gain) / -xp.expm1(-c)
        return high - amplitude * xp.exp(-c), amplitude, c

    def at(self, u: Any, terms: tuple[Any, Any, Any], xp: Any = np) -> Any:
        """Return the loss at scaled position u; see `Law.at`."""
        floor, amplitude, c = terms
        return floor + amplitude * xp.exp(-c * u)

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
        floor, amplitude, c = self.terms(level, np.asarray(gain), shape)
        alpha = c / axis.span
        with np.errstate(divide="ignore"):
            log_a = np.log(np.abs(amplitude)) + alpha * np.log(axis.lo)
        return {"E": floor, "log_A": log_a, "alpha": alpha}

    def anchored(self, coefficients: dict[str, Any], axis: LogAxis) -> tuple[Any, Any, Any]:
        """Return (level, gain, shape); needs A > 0, alpha > 0 and E > 0."""
        low, high = (self.at_size(size, coefficients) for size in (axis.lo, axis.hi))
        gain = np.log(low) - np.log(high)
        return np.log(high), gain, np.log(np.asarray(coefficients["alpha"]) * axis.span - gain)

    def at_size(self, size: Any, coefficients: dict[str, Any]) -> Any:
        """Return E + A / D^alpha."""
        return coefficients["E"] + np.exp(coefficients["log_A"] - coefficients["alpha"] * np.log(size))


POWER_LAW = PowerLaw()
