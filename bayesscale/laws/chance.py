"""The logistic law of accuracy: from the level of guessing to a ceiling, S-shaped in log D."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bayesscale.laws.axis import LogAxis
from bayesscale.laws.base import Law
from bayesscale.laws.logistic import logit_of_log, softplus

_FLAT = 1e-12


@dataclass(frozen=True)
class ChanceLaw(Law):
    """Logistic curve in log D between chance and a ceiling, anchored at two sizes.

    **Level and gain are those of the excess over chance**, e = f - chance: level = log e(hi), gain =
    log(e(hi) / e(lo)); with chance = 0 they are the score's own. With m = exp(-exp(shape)), the larger of the
    shares of (ceiling - chance) that are reached at the two anchors, s1 = m exp(min(gain, 0)),
    s0 = s1 exp(-gain) and k = alpha * span = logit(s1) - logit(s0),

        f(u) = chance + exp(level) / s1 * sigmoid(logit(s0) + k u).

    Small shape: the ceiling is reached; large shape: it is far away and the excess a power of D.

    Parameters
    ----------
    chance : array
        What guessing scores: 1 / number of choices.
    """

    name: ClassVar[str] = "chance-logistic"
    formula: ClassVar[str] = "f(D) = chance + (C - chance) / (1 + (D0 / D)^alpha)"
    source: ClassVar[str] = "M4 of Alabdulmohsin et al., arXiv 2209.06640, with alpha = 1, on 1 - f"
    improves: ClassVar[str] = "up"
    coefficient_names: ClassVar[tuple[str, ...]] = ("C", "log_D0", "alpha", "chance")

    chance: Any = 0.0

    def terms(self, level: Any, gain: Any, shape: Any, xp: Any = np) -> tuple[Any, Any, Any]:
        """Return log(C - chance), logit(s0) and k; see `Law.terms`."""
        missing = xp.maximum(xp.exp(shape), _FLAT)
        log_s1 = -missing + xp.minimum(gain, 0.0)
        log_s0 = -missing - xp.maximum(gain, 0.0)
        return level - log_s1, logit_of_log(log_s0, xp), logit_of_log(log_s1, xp) - logit_of_log(log_s0, xp)

    def at(self, u: Any, terms: tuple[Any, Any, Any], xp: Any = np) -> Any:
        """Return the score at scaled position u; see `Law.at`."""
        log_room, start, slope = terms
        return self.chance + xp.exp(log_room - softplus(-(start + slope * u), xp))

    def inverse(self, target: Any, level: Any, gain: Any, shape: Any) -> Any:
        """Return the u at which the score reaches `target`; see `Law.inverse`."""
        gain = np.asarray(gain)
        log_room, start, slope = self.terms(level, gain, shape)
        with np.errstate(divide="ignore", invalid="ignore"):
            log_target = np.log(np.maximum(np.asarray(target) - self.chance, 0.0))
            share = np.minimum(log_target - log_room, 0.0)
            u = np.where(share < 0, (logit_of_log(share) - start) / slope, np.inf)
        falling = np.where(log_target <= level, -np.inf, np.inf)
        return np.where(gain > 0, u, falling)

    def coefficients(self, level: Any, gain: Any, shape: Any, axis: LogAxis) -> dict[str, Any]:
        """Return C, log D0, alpha and chance; alpha has the sign of the gain."""
        log_room, start, slope = self.terms(level, np.asarray(gain), shape)
        alpha = slope / axis.span
        with np.errstate(divide="ignore", invalid="ignore"):
            log_d0 = np.where(alpha == 0, np.inf, np.log(axis.lo) - start / alpha)
        chance = np.broadcast_to(self.chance, np.shape(alpha))[()]
        return {"C": chance + np.exp(log_room), "log_D0": log_d0, "alpha": alpha, "chance": chance}

    def anchored(self, coefficients: dict[str, Any], axis: LogAxis) -> tuple[Any, Any, Any]:
        """Return (level, gain, shape); `chance` is the field. Needs alpha > 0 and C > chance."""
        log_d0, alpha = (np.asarray(coefficients[name]) for name in ("log_D0", "alpha"))
        log_s0, log_s1 = (-softplus(alpha * (log_d0 - np.log(size))) for size in (axis.lo, axis.hi))
        room = np.asarray(coefficients["C"]) - coefficients["chance"]
        return np.log(room) + log_s1, log_s1 - log_s0, np.log(-log_s1)

    def at_size(self, size: Any, coefficients: dict[str, Any]) -> Any:
        """Return chance + (C - chance) / (1 + (D0 / D)^alpha)."""
        below = coefficients["alpha"] * (coefficients["log_D0"] - np.log(size))
        room = np.asarray(coefficients["C"]) - coefficients["chance"]
        return coefficients["chance"] + room * np.exp(-softplus(below))
