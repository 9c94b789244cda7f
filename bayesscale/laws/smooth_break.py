"""The smoothly broken power law with one break, BNSL: two power laws and a bend between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bayesscale.laws.axis import LogAxis
from bayesscale.laws.logistic import exact, softplus
from bayesscale.laws.warped import WarpedPowerLaw, power_coefficients

_BISECTIONS = 80


@dataclass(frozen=True)
class SmoothBreakLaw(WarpedPowerLaw):
    """Smoothly broken power law, anchored at two sizes.

    On log D the slope of the excess goes over from c0 to c0 + c1 at the size d, within about f e-folds:

        w(u) = r(u) / r(1),   r(u) = u + change width (S((u - tau) / width) - S(-tau / width)),

    S(x) = log(1 + exp(x)), change = ratio - 1 = c1 / c0, width = f / span, and c0 = c / (r(1) span).
    ratio = 1 is the power law, ratio < 1 a curve that flattens, ratio > 1 one that gets steeper.

    Parameters
    ----------
    ratio : array
        The slope behind the break, in units of that before it: (c0 + c1) / c0, above 0.
    tau : array
        Position of the break on the scale of u.
    width : array
        Of the bend, on the scale of u, above 0.
    """

    name: ClassVar[str] = "smooth-break"
    formula: ClassVar[str] = "L(D) = E + A D^(-c0) (1 + (D / d)^(1 / f))^(-c1 f)"
    source: ClassVar[str] = "Caballero et al., arXiv 2210.14891, eq. 1 with n = 1"
    coefficient_names: ClassVar[tuple[str, ...]] = ("E", "log_A", "c0", "c1", "log_d", "f")

    ratio: Any = 1.5
    tau: Any = 0.5
    width: Any = 0.1

    def warp(self, u: Any, xp: Any = np) -> Any:
        """Return w(u); see `WarpedPowerLaw.warp`."""
        return self._run(u, xp) / self._run(1.0, xp)

    def unwarp(self, w: Any) -> Any:
        """Return the u with w(u) = `w`, by bisection between what both slopes would need."""
        target, ratio = np.asarray(w) * self._run(1.0), np.asarray(self.ratio)
        ends = target / np.minimum(1.0, ratio), target / np.maximum(1.0, ratio)
        low, high = np.minimum(*ends), np.maximum(*ends)
        for _ in range(_BISECTIONS):
            middle = 0.5 * (low + high)
            below = self._run(middle) < target
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return 0.5 * (low + high)

    def _run(self, u: Any, xp: Any = np) -> Any:
        """Return r(u): how far one has come, in units of the first slope."""
        ratio, tau, width = (exact(field) for field in (self.ratio, self.tau, self.width))
        bend = softplus((u - tau) / width, xp) - softplus(-tau / width, xp)
        return u + (ratio - 1.0) * width * bend

    def coefficients(self, level: Any, gain: Any, shape: Any, axis: LogAxis) -> dict[str, Any]:
        """Return E, log |A|, c0, c1, log d and f."""
        floor, log_excess, rate = power_coefficients(self, level, gain, shape, axis)
        c0, f = rate / self._run(1.0), np.asarray(self.width) * axis.span
        c1, log_d = (np.asarray(self.ratio) - 1.0) * c0, np.log(axis.lo) + np.asarray(self.tau) * axis.span
        log_a = log_excess + c0 * np.log(axis.lo) + c1 * f * softplus(-np.asarray(self.tau) / self.width)
        return {"E": floor, "log_A": log_a, "c0": c0, "c1": c1, "log_d": log_d, "f": f}

    def anchored(self, coefficients: dict[str, Any], axis: LogAxis) -> tuple[Any, Any, Any]:
        """Return (level, gain, shape); the fields are those of `of`. Needs A > 0, c0 > 0 and E > 0."""
        low, high = (self.at_size(size, coefficients) for size in (axis.lo, axis.hi))
        gain = np.log(low) - np.log(high)
        c = np.asarray(coefficients["c0"]) * axis.span * self._run(1.0)
        return np.log(high), gain, np.log(c - gain)

    def at_size(self, size: Any, coefficients: dict[str, Any]) -> Any:
        """Return E + A D^(-c0) (1 + (D / d)^(1 / f))^(-c1 f)."""
        log_size, f = np.log(size), np.asarray(coefficients["f"])
        bend = coefficients["c1"] * f * softplus((log_size - coefficients["log_d"]) / f)
        return coefficients["E"] + np.exp(coefficients["log_A"] - coefficients["c0"] * log_size - bend)

    @classmethod
    def of(cls, coefficients: dict[str, Any], axis: LogAxis) -> SmoothBreakLaw:
        """Return the law whose fields belong to given coefficients on an axis.

        Parameters
        ----------
        coefficients : dict
            By the names of `coefficient_names`.
        axis : LogAxis
            Where the law will be anchored.
        """
        c0, c1, log_d, f = (np.asarray(coefficients[name]) for name in ("c0", "c1", "log_d", "f"))
        return cls(1.0 + c1 / c0, (log_d - np.log(axis.lo)) / axis.span, f / axis.span)
