"""The shifted power law: L(D) = E + A / (D + s)^alpha, which is finite at D = 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bayesscale.laws.axis import LogAxis
from bayesscale.laws.logistic import exact
from bayesscale.laws.warped import WarpedPowerLaw, power_coefficients

# So many e-folds from the lower anchor there is nothing to tell; exp of more is no float.
_FARTHEST = 690.0


@dataclass(frozen=True)
class ShiftedPowerLaw(WarpedPowerLaw):
    """Power law of D + s, anchored at two sizes.

    With t = s / lo and k = log(hi / lo),

        w(u) = log((exp(k u) + t) / (1 + t)) / log((exp(k) + t) / (1 + t)),

    alpha = c / log((exp(k) + t) / (1 + t)). s = 0 is the power law; a large s makes the curve flat at small
    sizes and, on the scale of log D, steeper and steeper further on.

    Parameters
    ----------
    shift : array
        s / lo, at least 0: what the model knows already, in units of the lower anchor.
    span : array
        log(hi / lo), the length of the axis in e-folds.
    """

    name: ClassVar[str] = "shifted-power-law"
    formula: ClassVar[str] = "L(D) = E + A / (D + s)^alpha"
    source: ClassVar[str] = "Zhai et al., arXiv 2106.04560, sec. 2.3"
    coefficient_names: ClassVar[tuple[str, ...]] = ("E", "log_A", "alpha", "s")

    shift: Any = 1.0
    span: Any = 5.0

    def warp(self, u: Any, xp: Any = np) -> Any:
        """Return w(u); see `WarpedPowerLaw.warp`."""
        return self._rise(u, xp) / self._rise(1.0, xp)

    def unwarp(self, w: Any) -> Any:
        """Return the u with w(u) = `w`, -inf where that needs less than no data."""
        shift = np.asarray(self.shift)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            log_size = np.asarray(w * self._rise(1.0)) + np.log1p(shift)
            # log(exp(log_size) - shift) without overflow.
            size = log_size + np.log1p(-np.minimum(shift * np.exp(-log_size), 1.0))
        return size / self.span

    def _rise(self, u: Any, xp: Any = np) -> Any:
        """Return log((D + s) / (lo + s))."""
        shift, run = exact(self.shift), xp.clip(exact(self.span) * u, -_FARTHEST, _FARTHEST)
        return xp.log(xp.exp(run) + shift) - xp.log(1.0 + shift)

    def coefficients(self, level: Any, gain: Any, shape: Any, axis: LogAxis) -> dict[str, Any]:
        """Return E, log |A|, alpha and s, in the unit of the axis."""
        floor, log_excess, rate = power_coefficients(self, level, gain, shape, axis)
        alpha, s = rate * axis.span / self._rise(1.0), np.asarray(self.shift) * axis.lo
        return {"E": floor, "log_A": log_excess + alpha * np.log(axis.lo + s), "alpha": alpha, "s": s}

    def anchored(self, coefficients: dict[str, Any], axis: LogAxis) -> tuple[Any, Any, Any]:
        """Return (level, gain, shape) ; the fields are those of `of`. Needs A > 0, alpha > 0 and E > 0."""
        low, high = (self.at_size(size, coefficients) for size in (axis.lo, axis.hi))
        gain = np.log(low) - np.log(high)
        c = np.asarray(coefficients["alpha"]) * self._rise(1.0)
        return np.log(high), gain, np.log(c - gain)

    def at_size(self, size: Any, coefficients: dict[str, Any]) -> Any:
        """Return E + A / (D + s)^alpha."""
        log_size = np.log(np.asarray(size) + coefficients["s"])
        return coefficients["E"] + np.exp(coefficients["log_A"] - coefficients["alpha"] * log_size)

    @classmethod
    def of(cls, coefficients: dict[str, Any], axis: LogAxis) -> ShiftedPowerLaw:
        """Return the law whose fields belong to given coefficients on an axis.

        Parameters
        ----------
        coefficients : dict
            By the names of `coefficient_names`.
        axis : LogAxis
            Where the law will be anchored.
        """
        return cls(np.asarray(coefficients["s"]) / axis.lo, axis.span)
