"""What every scaling law offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from bayesscale.laws.axis import LogAxis


class Law(ABC):
    """A scaling law with three anchored parameters.

    The parameters are `level` (logarithm of the value at the upper anchor, u = 1), `gain` (logarithm of the
    improvement between the anchors, positive when more data help) and `shape` (curvature, unbounded). Data
    pin these down almost separately, while the coefficients that papers print are strongly correlated; those
    are derived with `coefficients` and turned back with `anchored`.

    All methods broadcast over their arguments.
    """

    name: ClassVar[str]
    formula: ClassVar[str]
    source: ClassVar[str]
    improves: ClassVar[str]
    """'up' when larger values are better, 'down' otherwise."""
    coefficient_names: ClassVar[tuple[str, ...]]

    def value(self, u: Any, level: Any, gain: Any, shape: Any, xp: Any = np) -> Any:
        """Return the law's value at scaled position u.

        Parameters
        ----------
        u : array
            Scaled positions, see `LogAxis.u`; outside [0, 1] the law extrapolates.
        level, gain, shape : array
            Anchored parameters, broadcast against `u`.
        xp : module
            NumPy or `pytensor.tensor`: the same formula serves forecasts and models.
        """
        return self.at(u, self.terms(level, gain, shape, xp), xp)

    @abstractmethod
    def terms(self, level: Any, gain: Any, shape: Any, xp: Any = np) -> tuple[Any, ...]:
        """Return the parts of the formula without u: computed once a curve, not once a value."""

    @abstractmethod
    def at(self, u: Any, terms: tuple[Any, ...], xp: Any = np) -> Any:
        """Return the law's value at scaled position u from the `terms` of its parameters."""

    def gain_of(self, improvement: Any, shape: Any) -> Any:
        """Return the gain whose log improvement between the anchors is `improvement`."""
        return improvement

    @abstractmethod
    def inverse(self, target: Any, level: Any, gain: Any, shape: Any) -> Any:
        """Return the u at which the law is as good as `target`; inf if no amount of data reaches it.

        A result below 0 means that the target was reached before the lower anchor. -inf: it always holds.
        """

    @abstractmethod
    def coefficients(self, level: Any, gain: Any, shape: Any, axis: LogAxis) -> dict[str, Any]:
        """Return the coefficients that papers print, by name."""

    @abstractmethod
    def anchored(self, coefficients: dict[str, Any], axis: LogAxis) -> tuple[Any, Any, Any]:
        """Return (level, gain, shape) of given coefficients; the inverse of `coefficients`."""

    @abstractmethod
    def at_size(self, size: Any, coefficients: dict[str, Any]) -> Any:
        """Return the law's value at size D from the coefficients that papers print."""
