"""The exponential link: a score C exp(-k L) of a loss that follows a power law."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from bayesscale.laws.axis import LogAxis
from bayesscale.laws.base import Law

# Below this, exp(-c u) is a straight line in u as far as a float can tell.
_STRAIGHT = 1e-9


class ExponentialLaw(Law):
    """Score that falls off exponentially with a power-law loss, anchored at two sizes.

    With L(D) = E + A / D^a, C exp(-k L) is f(D) = C' exp(-(D0 / D)^alpha): a ceiling C' = C exp(-k E), and
    (D0 / D)^alpha e-folds below it. With level = log f(hi), gain = log(f(hi) / f(lo)) and c = alpha * span =
    exp(shape),

        log f(u) = level - gain * (exp(-c u) - exp(-c)) / (1 - exp(-c)).

    Small c: a power of D; large c: a score that has reached its ceiling between the anchors. A negative gain
    mirrors the curve: C' is then the floor that it approaches.
    """

    name: ClassVar[str] = "exponential-link"
    formula: ClassVar[str] = "f(D) = C exp(-(D0 / D)^alpha)"
    source: ClassVar[str] = "score = C exp(-k L): Gadre et al., arXiv 2403.08540, eq. 5; L: arXiv 1712.00409"
    improves: ClassVar[str] = "up"
    coefficient_names: ClassVar[tuple[str, ...]] = ("log_C", "log_D0", "alpha")

    def terms(self, level: Any, gain: Any, shape: Any, xp: Any = np) -> tuple[Any, Any, Any]:
        """Return log C, the e-folds below it at the lower anchor, and c; see `Law.terms`."""
        c = xp.maximum(xp.exp(shape), _STRAIGHT)
        below = gain / -xp.expm1(-c)
        return level + below * xp.exp(-c), below, c

    def at(self, u: Any, terms: tuple[Any, Any, Any], xp: Any = np) -> Any:
        """Return the score at scaled position u; see `Law.at`."""
        log_ceiling, below, c = terms
        # Far below the lower anchor a score is zero, and that of a falling curve large but finite.
        return xp.exp(xp.clip(log_ceiling - below * xp.exp(xp.minimum(-c * u, 600.0)), -700.0, 700.0))

    def inverse(self, target: Any, level: Any, gain: Any, shape: Any) -> Any:
        """Return the u at which the score reaches `target`; see `Law.inverse`."""
        gain = np.asarray(gain)
        log_ceiling, below, c = self.terms(level, gain, shape)
        with np.errstate(divide="ignore", invalid="ignore"):
            log_target = np.log(np.maximum(target, 0.0))
            rest = (log_ceiling - log_target) / below
            u = np.where(rest > 0, -np.log(np.maximum(rest, 0.0)) / c, np.inf)
        falling = np.where(log_target <= level, -np.inf, np.inf)
        return np.where(gain > 0, u, falling)

    def coefficients(self, level: Any, gain: Any, shape: Any, axis: LogAxis) -> dict[str, Any]:
        """Return log C, log D0 and alpha; (D0 / D)^alpha has the sign of the gain."""
        log_ceiling, below, c = self.terms(level, np.asarray(gain), shape)
        alpha = c / axis.span
        with np.errstate(divide="ignore"):
            log_d0 = np.log(axis.lo) + np.log(np.abs(below)) / alpha
        return {"log_C": log_ceiling, "log_D0": log_d0, "alpha": alpha}

    def anchored(self, coefficients: dict[str, Any], axis: LogAxis) -> tuple[Any, Any, Any]:
        """Return (level, gain, shape); needs alpha > 0 and a curve that rises."""
        log_c, log_d0, alpha = (np.asarray(coefficients[name]) for name in self.coefficient_names)
        low, high = (np.exp(alpha * (log_d0 - np.log(size))) for size in (axis.lo, axis.hi))
        return log_c - high, low - high, np.log(alpha * axis.span)

    def at_size(self, size: Any, coefficients: dict[str, Any]) -> Any:
        """Return C exp(-(D0 / D)^alpha)."""
        below = np.exp(coefficients["alpha"] * (coefficients["log_D0"] - np.log(size)))
        return np.exp(coefficients["log_C"] - below)


EXPONENTIAL_LAW = ExponentialLaw()
