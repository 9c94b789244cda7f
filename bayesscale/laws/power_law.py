"""The power law of cross-entropy, L(D) = E + A / D^alpha, and its sharper kin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bayesscale.laws.axis import LogAxis
from bayesscale.laws.base import Law

# Nothing is seen of how a curve without a gain is bent; after so many e-folds it has reached its floor.
_NO_GAIN, _MOST = 1e-7, 300.0
# Below the lower anchor a mirrored curve would cross zero; its reciprocal has to stay finite.
_CLOSEST = 1e-12
_SMALLEST = 1e-100


@dataclass(frozen=True, eq=False)
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
        rise, c = power * gain, _rate(power, gain, shape, xp)
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
        c = _rate(power, gain, shape)
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
        return np.log(high), gain, self.shape_of(gain, self.sharpness * coefficients["alpha"] * axis.span)

    def rate(self, gain: Any, shape: Any, xp: Any = np) -> Any:
        """Return c = p alpha span: by how many e-folds the p-th power of the excess falls."""
        return _rate(self.sharpness, gain, shape, xp)

    def shape_of(self, gain: Any, c: Any, xp: Any = np) -> Any:
        """Return the shape with which a gain above 0 has the rate c, the inverse of `rate`."""
        return xp.log(xp.maximum(_plain_rate(self.sharpness, gain, c, xp) - gain, _CLOSEST))

    def at_size(self, size: Any, coefficients: dict[str, Any]) -> Any:
        """Return (E^p + (A / D^alpha)^p)^(1/p)."""
        power = self.sharpness
        falling = np.exp(power * (coefficients["log_A"] - coefficients["alpha"] * np.log(size)))
        return (np.asarray(coefficients["E"]) ** power + falling) ** (1.0 / power)


def _rate(power: Any, gain: Any, shape: Any, xp: Any = np) -> Any:
    """Return c: with a gain, from the law with p = 1 through the same middle; else p |gain| + exp(shape)."""
    # An array also where it was a number, which PyTensor compares to a plain bool.
    gain = gain * xp.ones(())
    falling = gain > _NO_GAIN
    safe = xp.where(falling, gain, _NO_GAIN)
    plain = xp.minimum(safe + xp.exp(shape), 2.0 * _MOST)
    middle = xp.log1p(xp.expm1(safe) / (1.0 + xp.exp(0.5 * plain)))
    mapped = 2.0 * xp.log(xp.expm1(power * safe) / xp.expm1(power * middle) - 1.0)
    return xp.where(falling, mapped, power * xp.abs(gain) + xp.exp(shape))


def _plain_rate(power: Any, gain: Any, c: Any, xp: Any = np) -> Any:
    """Return the c of the law with p = 1 through the same middle, for gains above 0."""
    middle = xp.log1p(xp.expm1(power * gain) / (1.0 + xp.exp(0.5 * c))) / power
    return 2.0 * xp.log(xp.expm1(gain) / xp.expm1(middle) - 1.0)


POWER_LAW = PowerLaw()
