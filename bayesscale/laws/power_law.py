"""The power law of cross-entropy, L(D) = E + A / D^alpha, and its sharper kin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bayesscale.laws.axis import LogAxis
from bayesscale.laws.base import Law

# Below the lower anchor a mirrored curve would cross zero; its reciprocal has to stay finite.
_SMALLEST = 1e-100


@dataclass(frozen=True, eq=False)
class PowerLaw(Law):
    """Power law with a floor, anchored at two sizes.

    L(D) = (E^p + (A / D^alpha)^p)^(1/p), with the sharpness p. p = 1 is the papers' law; the larger p, the
    more abruptly a curve turns from its slope into its floor. This is the smoothly broken power law of
    Caballero et al. (arXiv 2210.14891) with one break of width 1/p and slope 0 behind it.

    With L0 = L(lo), L1 = L(hi) = exp(level), L0 / L1 = exp(gain) and c = p * alpha * span =
    p * |gain| + exp(shape),

        (L(u) / L1)^p = floor + amplitude * exp(-c u).

    c >= p * |gain| is the condition E >= 0, so the floor is never negative. The curvature between the anchors
    hardly depends on p while p * gain is small, which is why the shape is that of L^p. A negative
    gain (the loss rises with more data) mirrors the curve: E is then the ceiling that it approaches and A is
    negative.

    Parameters
    ----------
    sharpness : array
        p > 0, broadcast against the other parameters.
    """

    sharpness: Any = 1.0

    name: ClassVar[str] = "power-law"
    formula: ClassVar[str] = "L(D) = (E^p + (A / D^alpha)^p)^(1/p), p = 1: E + A / D^alpha"
    source: ClassVar[str] = (
        "Isik et al., arXiv 2402.04177, eq. 2; Hestness et al., arXiv 1712.00409; p: arXiv 2210.14891"
    )
    improves: ClassVar[str] = "down"
    coefficient_names: ClassVar[tuple[str, ...]] = ("E", "log_A", "alpha")

    def terms(self, level: Any, gain: Any, shape: Any, xp: Any = np) -> tuple[Any, ...]:
        """Return level, floor, amplitude, p c and 1 / p; see `Law.terms`."""
        power = self.sharpness
        rise = power * gain
        c = xp.abs(rise) + xp.exp(shape)
        whole = -xp.expm1(-c)
        # Written so that neither part cancels: they sum to 1 at u = 1.
        return level, -xp.expm1(rise - c) / whole, xp.expm1(rise) / whole, c, 1.0 / power

    def at(self, u: Any, terms: tuple[Any, ...], xp: Any = np) -> Any:
        """Return the loss at scaled position u; see `Law.at`."""
        level, floor, amplitude, c, root = terms
        base = floor + amplitude * xp.exp(-c * u)
        return xp.exp(level) * xp.maximum(base, _SMALLEST) ** root

    def inverse(self, target: Any, level: Any, gain: Any, shape: Any) -> Any:
        """Return the u at which the loss is as low as `target`; see `Law.inverse`."""
        gain, power = np.asarray(gain), self.sharpness
        c = power * np.abs(gain) + np.exp(shape)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            log_target = np.log(np.maximum(target, 0.0))
            fall = np.expm1(power * (log_target - level)) / np.expm1(power * gain)
            remaining = np.exp(-c) - np.expm1(-c) * fall
            u = np.where(remaining > 0, -np.log(np.maximum(remaining, 0.0)) / c, np.inf)
        rising = np.where(log_target >= level, -np.inf, np.inf)
        return np.where(gain > 0, u, rising)

    def coefficients(self, level: Any, gain: Any, shape: Any, axis: LogAxis) -> dict[str, Any]:
        """Return E, log |A| and alpha; A has the sign of the gain."""
        level, floor, amplitude, c, root = self.terms(level, np.asarray(gain), shape)
        alpha = c * root / axis.span
        with np.errstate(divide="ignore"):
            log_a = level + root * np.log(np.abs(amplitude)) + alpha * np.log(axis.lo)
        return {"E": np.exp(level) * floor**root, "log_A": log_a, "alpha": alpha}

    def anchored(self, coefficients: dict[str, Any], axis: LogAxis) -> tuple[Any, Any, Any]:
        """Return (level, gain, shape); needs A > 0, alpha > 0 and E > 0."""
        low, high = (self.at_size(size, coefficients) for size in (axis.lo, axis.hi))
        gain = np.log(low) - np.log(high)
        excess = np.asarray(coefficients["alpha"]) * axis.span - gain
        return np.log(high), gain, np.log(self.sharpness * excess)

    def at_size(self, size: Any, coefficients: dict[str, Any]) -> Any:
        """Return (E^p + (A / D^alpha)^p)^(1/p)."""
        power = self.sharpness
        falling = np.exp(power * (coefficients["log_A"] - coefficients["alpha"] * np.log(size)))
        return (np.asarray(coefficients["E"]) ** power + falling) ** (1.0 / power)


POWER_LAW = PowerLaw()
