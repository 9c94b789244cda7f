"""The power law of cross-entropy, L(D) = E + A / D^alpha, and its sharper kin."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from bayesscale.laws.axis import LogAxis
from bayesscale.laws.base import Law

# Nothing is seen of how a curve without a gain is bent; after so many e-folds it has reached its floor.
_NO_GAIN, _MOST = 1e-7, 300.0
# Below the lower anchor a mirrored curve would cross zero; its reciprocal has to stay finite.
_CLOSEST = 1e-12
_SMALLEST = 1e-100


def terms(level: Any, gain: Any, shape: Any, sharpness: Any, xp: Any = np) -> tuple[Any, Any, Any, Any, Any]:
    """Return level, floor, amplitude, c and 1 / p; see `Law.terms`.

    With a gain, c is that of the law with p = 1 through the same middle; else p |gain| + exp(shape).
    """
    safe = xp.maximum(gain, _NO_GAIN)
    plain = xp.minimum(safe + xp.exp(shape), 2.0 * _MOST)
    middle = xp.log1p(xp.expm1(safe) / (1.0 + xp.exp(0.5 * plain)))
    mapped = 2.0 * xp.log(xp.expm1(sharpness * safe) / xp.expm1(sharpness * middle) - 1.0)
    mirrored = sharpness * xp.abs(gain) + xp.minimum(xp.exp(shape), 2.0 * _MOST)
    # Numba's `where` makes arrays of numbers.
    improves = 1.0 * (gain > _NO_GAIN)
    c = improves * mapped + (1.0 - improves) * mirrored
    rise = sharpness * gain
    whole = -xp.expm1(-c)
    # Written so that neither part cancels: they sum to 1 at u = 1.
    return level, -xp.expm1(rise - c) / whole, xp.expm1(rise) / whole, c, 1.0 / sharpness


def at(u: Any, terms: tuple[Any, Any, Any, Any, Any], xp: Any = np) -> Any:
    """Return the loss at scaled position u; see `Law.at`."""
    level, floor, amplitude, c, root = terms
    base = floor + amplitude * xp.exp(-c * u)
    return xp.exp(level) * xp.maximum(base, _SMALLEST) ** root


def slopes(
    u: Any, terms: tuple[Any, Any, Any, Any, Any], xp: Any = np
) -> tuple[Any, Any, Any, Any, Any, Any]:
    """Return the loss at scaled position u, and its derivative by each of the terms."""
    level, floor, amplitude, c, root = terms
    fall = xp.exp(-c * u)
    base = xp.maximum(floor + amplitude * fall, _SMALLEST)
    log_base = xp.log(base)
    value = xp.exp(level + root * log_base)
    by_base = value * root / base
    return value, value, by_base, by_base * fall, -by_base * amplitude * fall * u, value * log_base


class PowerLaw(Law):
    """Power law with a floor, anchored at two sizes.

    L(D) = (E^p + (A / D^alpha)^p)^(1/p), with the sharpness p. p = 1 is the papers' law; the larger p, the
    more abruptly a curve turns from its slope into its floor. This is the smoothly broken power law of
    Caballero et al. (arXiv 2210.14891) with one break of width 1/p and slope 0 behind it.

    With L0 = L(lo), L1 = L(hi) = exp(level), L0 / L1 = exp(gain) and c = p * alpha * span,

        (L(u) / L1)^p = floor + amplitude * exp(-c u),
        (L(1/2) / L1)^p = 1 + expm1(p gain) / (1 + exp(c / 2)).

    The shape is that of the law with p = 1 through the same three points, u = 0, 1/2 and 1, for which
    c = gain + exp(shape): so the sharpness says how the curve bends between and beyond them, and not where
    they are. c >= p * gain is the condition E >= 0, so the floor is never negative.

    A negative gain (the loss rises with more data) mirrors the curve: E is then the ceiling that it
    approaches, A is negative, and c = p * |gain| + exp(shape).
    """

    name: ClassVar[str] = "power-law"
    option: ClassVar[str] = "power"
    formula: ClassVar[str] = "L(D) = (E^p + (A / D^alpha)^p)^(1/p), p = 1: E + A / D^alpha"
    source: ClassVar[str] = (
        "Isik et al., arXiv 2402.04177, eq. 2; Hestness et al., arXiv 1712.00409; p: arXiv 2210.14891"
    )
    improves: ClassVar[str] = "down"
    coefficient_names: ClassVar[tuple[str, ...]] = ("E", "log_A", "alpha")
    rated: ClassVar[bool] = True
    terms = staticmethod(terms)
    at = staticmethod(at)
    slopes = staticmethod(slopes)

    def coefficients(
        self, level: Any, gain: Any, shape: Any, axis: LogAxis, sharpness: Any = 1.0
    ) -> dict[str, Any]:
        """Return E, log |A| and alpha; A has the sign of the gain."""
        level, floor, amplitude, c, root = terms(level, np.asarray(gain), shape, sharpness)
        alpha = c * root / axis.span
        with np.errstate(divide="ignore"):
            log_a = level + root * np.log(np.abs(amplitude)) + alpha * np.log(axis.lo)
        return {"E": np.exp(level) * floor**root, "log_A": log_a, "alpha": alpha}

    def anchored(
        self, coefficients: dict[str, Any], axis: LogAxis, sharpness: Any = 1.0
    ) -> tuple[Any, Any, Any]:
        """Return (level, gain, shape); needs A > 0, alpha > 0 and E > 0."""
        low, high = (self.at_size(size, coefficients, sharpness) for size in (axis.lo, axis.hi))
        gain, c = np.log(low) - np.log(high), sharpness * coefficients["alpha"] * axis.span
        middle = np.log1p(np.expm1(sharpness * gain) / (1.0 + np.exp(0.5 * c))) / sharpness
        plain = 2.0 * np.log(np.expm1(gain) / np.expm1(middle) - 1.0)
        return np.log(high), gain, np.log(np.maximum(plain - gain, _CLOSEST))

    def at_size(self, size: Any, coefficients: dict[str, Any], sharpness: Any = 1.0) -> Any:
        """Return (E^p + (A / D^alpha)^p)^(1/p)."""
        falling = np.exp(sharpness * (coefficients["log_A"] - coefficients["alpha"] * np.log(size)))
        return (np.asarray(coefficients["E"]) ** sharpness + falling) ** (1.0 / sharpness)


POWER_LAW = PowerLaw()
