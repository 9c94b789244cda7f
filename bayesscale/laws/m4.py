"""M4: an error between that of guessing and a floor, with a bend of its own at each end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bayesscale.laws.axis import LogAxis
from bayesscale.laws.base import Law
from bayesscale.laws.logistic import sigmoid, softplus

# Newton's method on a function whose slope runs from 1 to `bend`: for a bend between 0.05 and 10 five steps
# from the nearer asymptote leave an error of 1e-6 at most, and one more makes value and gradient exact. With
# more steps gradients in `bend` are sums of more terms than PyTensor adds up at once.
_STEPS = 6
_CLOSEST = 1e-9


@dataclass(frozen=True)
class M4Law(Law):
    """M4 of Alabdulmohsin et al., anchored at two sizes.

    L is the solution of

        (L - E) / (guess - L)^bend = b D^(-c).

    level, gain and c1 = |gain| + exp(shape) fix L1 = L(hi), L0 = L(lo) and the floor: E is that of the power
    law (bend = 0) through the same anchors with exponent c1 / span,

        E = min(L0, L1) - |L0 - L1| / (exp(c1) - 1) >= 0,

    and both sides of the formula at the anchors fix b and c. In z = logit((L - E) / (guess - E)) the formula
    is log sigmoid(z) - bend log sigmoid(-z) = linear in u, which Newton's method solves in a fixed number of
    steps.

    Parameters
    ----------
    guess : array
        The error of guessing, above every value: 1 for an error rate. Curves that reach it are held below.
    bend : array
        How the curve leaves `guess`, above 0. 1: logistic in log D.
    """

    name: ClassVar[str] = "m4"
    formula: ClassVar[str] = "(L - E) / (guess - L)^bend = b D^(-c)"
    source: ClassVar[str] = "Alabdulmohsin et al., arXiv 2209.06640, M4"
    improves: ClassVar[str] = "down"
    coefficient_names: ClassVar[tuple[str, ...]] = ("E", "log_b", "c", "guess", "bend")

    guess: Any = 1.0
    bend: Any = 1.0

    def terms(self, level: Any, gain: Any, shape: Any, xp: Any = np) -> tuple[Any, Any, Any]:
        """Return E, log b D^(-c) at the lower anchor, and its fall to the upper one; see `Law.terms`."""
        high, low = (xp.minimum(xp.exp(at), self.guess * (1.0 - 1e-6)) for at in (level, level + gain))
        floor = self._floor(high, low, gain, shape, xp)
        start, end = (self._left(value, floor, xp) for value in (low, high))
        return floor, start, start - end

    def at(self, u: Any, terms: tuple[Any, Any, Any], xp: Any = np) -> Any:
        """Return the loss at scaled position u; see `Law.at`."""
        floor, start, fall = terms
        room = self.guess - floor
        target = start - fall * u - (1.0 - self.bend) * xp.log(room)
        return floor + room * sigmoid(_solve(target, self.bend, xp), xp)

    def inverse(self, target: Any, level: Any, gain: Any, shape: Any) -> Any:
        """Return the u at which the loss is as low as `target`; see `Law.inverse`."""
        gain, target = np.asarray(gain), np.asarray(target)
        floor, start, fall = self.terms(level, gain, shape)
        inside = (target > floor) & (target < self.guess)
        with np.errstate(divide="ignore", invalid="ignore"):
            log_target = np.log(np.maximum(target, 0.0))
            safe = np.where(inside, target, 0.5 * (floor + self.guess))
            left = np.log(safe - floor) - self.bend * np.log(self.guess - safe)
            u = np.where(inside, (start - left) / fall, np.where(target <= floor, np.inf, -np.inf))
        rising = np.where(log_target >= level, -np.inf, np.inf)
        return np.where(gain > 0, u, rising)

    def coefficients(self, level: Any, gain: Any, shape: Any, axis: LogAxis) -> dict[str, Any]:
        """Return E, log b, c, guess and bend."""
        floor, start, fall = self.terms(level, np.asarray(gain), shape)
        c = fall / axis.span
        guess, bend = (np.broadcast_to(field, np.shape(c))[()] for field in (self.guess, self.bend))
        return {"E": floor, "log_b": start + c * np.log(axis.lo), "c": c, "guess": guess, "bend": bend}

    def anchored(self, coefficients: dict[str, Any], axis: LogAxis) -> tuple[Any, Any, Any]:
        """Return (level, gain, shape); guess and bend are the fields. Needs c > 0 and E > 0."""
        low, high = (self.at_size(size, coefficients) for size in (axis.lo, axis.hi))
        excess = np.log(low - coefficients["E"]) - np.log(high - coefficients["E"])
        gain = np.log(low) - np.log(high)
        return np.log(high), gain, np.log(excess - gain)

    def at_size(self, size: Any, coefficients: dict[str, Any]) -> Any:
        """Return the solution of the formula at size D."""
        floor, bend = (np.asarray(coefficients[name]) for name in ("E", "bend"))
        room = coefficients["guess"] - floor
        right = coefficients["log_b"] - coefficients["c"] * np.log(size)
        return floor + room * sigmoid(_solve(right - (1.0 - bend) * np.log(room), bend))

    def _floor(self, high: Any, low: Any, gain: Any, shape: Any, xp: Any) -> Any:
        """Return E, below both anchors."""
        c = xp.abs(gain) + xp.exp(shape)
        least = xp.minimum(high, low)
        return least - xp.maximum(xp.abs(low - high), _CLOSEST * least) / xp.expm1(xp.minimum(c, 600.0))

    def _left(self, value: Any, floor: Any, xp: Any) -> Any:
        """Return the logarithm of the left-hand side."""
        return xp.log(xp.maximum(value - floor, 1e-300)) - self.bend * xp.log(self.guess - value)


def _solve(target: Any, bend: Any, xp: Any = np) -> Any:
    """Return the z with log sigmoid(z) - bend log sigmoid(-z) = `target`, which rises from z to bend z."""
    z = xp.maximum(target, 0.0) / bend + xp.minimum(target, 0.0)
    for _ in range(_STEPS):
        lower = sigmoid(z, xp)
        excess = -softplus(-z, xp) + bend * softplus(z, xp) - target
        z = z - excess / (1.0 - lower + bend * lower)
    return z
