"""What every scaling law offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from bayesscale.laws.axis import LogAxis


class Law(ABC):
    """A scaling law with three anchored parameters, and for some laws a sharpness.

    The parameters are `level` (logarithm of the value at the upper anchor, u = 1), `gain` (logarithm of the
    improvement between the anchors, positive when more data help) and `shape` (curvature, unbounded). Data
    pin these down almost separately, while the coefficients that papers print are strongly correlated. Those
    are derived with `coefficients` and turned back with `anchored`.

    The formula of a law is two plain functions of its file, `terms` and `at`. NumPy evaluates them in
    forecasts, PyTensor in the model, and Numba compiles the same source for the sampler. `slopes` serves
    trajectories of the sampler.

    All methods broadcast over their arguments.
    """

    name: ClassVar[str]
    option: ClassVar[str]
    """The name on the command line."""
    formula: ClassVar[str]
    source: ClassVar[str]
    improves: ClassVar[str]
    """'up' when larger values are better, 'down' otherwise."""
    coefficient_names: ClassVar[tuple[str, ...]]
    rated: ClassVar[bool]
    """Whether the shape is the logarithm of a rate over the axis: its prior is stated per e-fold."""
    terms: ClassVar[Callable[..., tuple[Any, ...]]]
    """(level, gain, shape, sharpness, xp): the parts of the formula without u, once a curve."""
    at: ClassVar[Callable[..., Any]]
    """(u, terms, xp): the value at scaled position u."""
    slopes: ClassVar[Callable[..., tuple[Any, ...]]]
    """(u, terms, xp): the value, and its derivative by each of the terms."""

    def value(self, u: Any, level: Any, gain: Any, shape: Any, sharpness: Any = 1.0, *, xp: Any = np) -> Any:
        """Return the law's value at scaled position u, see `LogAxis.u`; outside [0, 1] the law extrapolates.

        All arguments broadcast. Sharpness is how abruptly the law turns into its floor or ceiling; laws
        without one ignore it. `xp` is NumPy or `pytensor.tensor`.
        """
        return self.at(u, self.terms(level, gain, shape, sharpness, xp), xp)

    def gain_of(self, improvement: Any, shape: Any) -> Any:
        """Return the gain whose log improvement between the anchors is `improvement`."""
        return improvement

    @abstractmethod
    def coefficients(
        self, level: Any, gain: Any, shape: Any, axis: LogAxis, sharpness: Any = 1.0
    ) -> dict[str, Any]:
        """Return the coefficients that papers print, by name."""

    @abstractmethod
    def anchored(
        self, coefficients: dict[str, Any], axis: LogAxis, sharpness: Any = 1.0
    ) -> tuple[Any, Any, Any]:
        """Return (level, gain, shape) of given coefficients; the inverse of `coefficients`."""

    @abstractmethod
    def at_size(self, size: Any, coefficients: dict[str, Any], sharpness: Any = 1.0) -> Any:
        """Return the law's value at size D from the coefficients that papers print."""
