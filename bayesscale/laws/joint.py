"""Joint laws in the sizes of pretraining and of finetuning data: what they all offer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from bayesscale.laws.axis import LogAxis

# With gains that are too negative for any floor above zero, the exponents are held here.
_STEEPEST = -1.0 + 1e-9


class JointLaw(ABC):
    """A loss in D_p and D_f with a floor and five anchored parameters or fewer.

    u is the position of D_p and v that of D_f, each on its own `LogAxis`. The parameters are `level` =
    log L(1, 1), `gain_p` = log(L(0, 1) / L(1, 1)), `gain_f` = log(L(1, 0) / L(1, 1)), both at least 0 (more
    data never hurt), and shapes, which say what shares of L(1, 1) more data could still take away. All
    methods broadcast.
    """

    name: ClassVar[str]
    formula: ClassVar[str]
    source: ClassVar[str]
    improves: ClassVar[str] = "down"
    parameter_names: ClassVar[tuple[str, ...]]
    coefficient_names: ClassVar[tuple[str, ...]]

    @abstractmethod
    def value(self, u: Any, v: Any, parameters: dict[str, Any], xp: Any = np) -> Any:
        """Return the loss.

        Parameters
        ----------
        u, v : array
            Scaled positions of D_p and D_f; outside of [0, 1] the law extrapolates.
        parameters : dict
            Arrays by `parameter_names`.
        xp : module
            NumPy or `pytensor.tensor`.
        """

    @abstractmethod
    def inverse(self, target: Any, v: Any, parameters: dict[str, Any]) -> Any:
        """Return the u at which the loss is as low as `target` with D_f at `v`; inf if none is enough.

        A result of -inf: it always holds. For the D_f that a target needs, see `swapped`.
        """

    @abstractmethod
    def coefficients(
        self, parameters: dict[str, Any], pretrain: LogAxis, finetune: LogAxis
    ) -> dict[str, Any]:
        """Return the coefficients that papers print, by name.

        Parameters
        ----------
        parameters : dict
            Arrays by `parameter_names`.
        pretrain, finetune : LogAxis
            Of D_p and D_f.
        """

    @abstractmethod
    def anchored(self, coefficients: dict[str, Any], pretrain: LogAxis, finetune: LogAxis) -> dict[str, Any]:
        """Return the parameters of given coefficients; the inverse of `coefficients`."""

    @abstractmethod
    def at_size(self, pretrain: Any, finetune: Any, coefficients: dict[str, Any]) -> Any:
        """Return the loss at sizes D_p and D_f from the coefficients that papers print."""

    @abstractmethod
    def swapped(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters of the same law with D_p and D_f in each other's place."""


def exponent(gain: Any, share: Any, xp: Any = np) -> Any:
    """Return the c with share (exp(c) - 1) = exp(gain) - 1: how steeply a share falls that causes a gain.

    Parameters
    ----------
    gain : array
        Log of the improvement of the whole between the anchors.
    share : array
        What the falling part is of the whole at the upper anchor, between 0 and 1.
    xp : module
        NumPy or `pytensor.tensor`.
    """
    return xp.log1p(xp.maximum(xp.expm1(gain) / share, _STEEPEST))
