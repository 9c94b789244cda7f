"""The power law of scores in D_f: f(D) = C - A / D^alpha, which comes closer and closer to a ceiling."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from bayesscale.laws.axis import LogAxis
from bayesscale.laws.base import Law

# Below this, exp(-c u) is a straight line in u as far as a float can tell.
_STRAIGHT = 1e-9


class RisingPowerLaw(Law):
    """Power law of what a score lacks, anchored at two sizes.

    For scores against the size of the finetuning data, where the last decades bring less and less; the same
    formula serves D_p. With y0 = f(lo), y1 = f(hi) = exp(level), gain = log(y1 / y0) and c = alpha * span =
    exp(shape),

        f(u) = y1 - (y1 - y0) * (exp(-c u) - exp(-c)) / (1 - exp(-c)),

    and zero where that is negative, which is below the lower anchor only. Small c: linear in log D. For
    losses the power law itself is a law in D_f (`--axis finetune_tokens`).
    """

    name: ClassVar[str] = "rising-power-law"
    formula: ClassVar[str] = "f(D) = C - A / D^alpha"
    source: ClassVar[str] = "Cortes et al., NeurIPS 1993; in D_f: Zhang et al., arXiv 2402.17193"
    improves: ClassVar[str] = "up"
    coefficient_names: ClassVar[tuple[str, ...]] = ("C", "log_A", "alpha")

    def terms(self, level: Any, gain: Any, shape: Any, xp: Any = np) -> tuple[Any, Any, Any]:
        """Return C, C - y0 and c; see `Law.terms`."""
        c = xp.maximum(xp.exp(shape), _STRAIGHT)
        high = xp.exp(level)
        lack = high * xp.expm1(-gain) / xp.expm1(-c)
        return high + lack * xp.exp(-c), lack, c

    def at(self, u: Any, terms: tuple[Any, Any, Any], xp: Any = np) -> Any:
        """Return the score at scaled position u; see `Law.at`."""
        ceiling, lack, c = terms
        return xp.maximum(ceiling - lack * xp.exp(xp.minimum(-c * u, 600.0)), 0.0)

    def inverse(self, target: Any, level: Any, gain: Any, shape: Any) -> Any:
        """Return the u at which the score reaches `target`; see `Law.inverse`."""
        gain = np.asarray(gain)
        ceiling, lack, c = self.terms(level, gain, shape)
        with np.errstate(divide="ignore", invalid="ignore"):
            rest = (ceiling - np.asarray(target)) / lack
            u = np.where(rest > 0, -np.log(np.maximum(rest, 0.0)) / c, np.inf)
            falling = np.where(np.log(np.maximum(target, 0.0)) <= level, -np.inf, np.inf)
        # A score is never below zero, so a target of zero always holds.
        return np.where(np.asarray(target) <= 0, -np.inf, np.where(gain > 0, u, falling))

    def coefficients(self, level: Any, gain: Any, shape: Any, axis: LogAxis) -> dict[str, Any]:
        """Return C, log |A| and alpha; A has the sign of the gain."""
        ceiling, lack, c = self.terms(level, np.asarray(gain), shape)
        alpha = c / axis.span
        with np.errstate(divide="ignore"):
            log_a = np.log(np.abs(lack)) + alpha * np.log(axis.lo)
        return {"C": ceiling, "log_A": log_a, "alpha": alpha}

    def anchored(self, coefficients: dict[str, Any], axis: LogAxis) -> tuple[Any, Any, Any]:
        """Return (level, gain, shape); needs A > 0, alpha > 0 and a score above 0 at both anchors."""
        low, high = (self.at_size(size, coefficients) for size in (axis.lo, axis.hi))
        return np.log(high), np.log(high) - np.log(low), np.log(np.asarray(coefficients["alpha"]) * axis.span)

    def at_size(self, size: Any, coefficients: dict[str, Any]) -> Any:
        """Return C - A / D^alpha, zero where that is negative."""
        lack = np.exp(coefficients["log_A"] - coefficients["alpha"] * np.log(size))
        return np.maximum(coefficients["C"] - lack, 0.0)


RISING_POWER_LAW = RisingPowerLaw()
