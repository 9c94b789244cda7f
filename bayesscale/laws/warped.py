"""Power laws on a bent axis: a law whose excess over its floor is a power of something else than D."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from bayesscale.laws.axis import LogAxis
from bayesscale.laws.base import Law
from bayesscale.laws.power_law import POWER_LAW


class WarpedPowerLaw(Law):
    """L(u) = E + (L0 - E) exp(-c w(u)), with a rising w that leaves the anchors where they are.

    w(0) = 0 and w(1) = 1, so level, gain and shape mean what they mean for the power law: c = |gain| +
    exp(shape). What bends the axis are further parameters, the fields of the subclass; they may be numbers,
    arrays or PyTensor variables that broadcast against u.
    """

    improves: ClassVar[str] = "down"

    @abstractmethod
    def warp(self, u: Any, xp: Any = np) -> Any:
        """Return w(u).

        Parameters
        ----------
        u : array
            Scaled positions.
        xp : module
            NumPy or `pytensor.tensor`.
        """

    @abstractmethod
    def unwarp(self, w: Any) -> Any:
        """Return the u with w(u) = `w`; -inf or inf where w does not come so far."""

    def terms(self, level: Any, gain: Any, shape: Any, xp: Any = np) -> tuple[Any, ...]:
        """Return the terms of the power law; see `Law.terms`."""
        return POWER_LAW.terms(level, gain, shape, xp)

    def at(self, u: Any, terms: tuple[Any, ...], xp: Any = np) -> Any:
        """Return the loss at scaled position u; see `Law.at`."""
        return POWER_LAW.at(self.warp(u, xp), terms, xp)

    def inverse(self, target: Any, level: Any, gain: Any, shape: Any) -> Any:
        """Return the u at which the loss is as low as `target`; see `Law.inverse`."""
        w = np.asarray(POWER_LAW.inverse(target, level, gain, shape), dtype=float)
        finite = np.isfinite(w)
        return np.where(finite, self.unwarp(np.where(finite, w, 0.5)), w)


def power_coefficients(
    law: WarpedPowerLaw, level: Any, gain: Any, shape: Any, axis: LogAxis
) -> tuple[Any, Any, Any]:
    """Return E, log(L0 - E) and c / span, from which the coefficients of a subclass follow.

    Parameters
    ----------
    law : WarpedPowerLaw
        The law.
    level, gain, shape : array
        Its anchored parameters.
    axis : LogAxis
        Where they are anchored.
    """
    level, floor, amplitude, c, _ = law.terms(np.asarray(level), np.asarray(gain), shape)
    with np.errstate(divide="ignore"):
        log_excess = level + np.log(np.abs(amplitude))
    return np.exp(level) * floor, log_excess, c / axis.span
