"""The multiplicative joint law: pretraining and finetuning data make each other worth more."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from bayesscale.laws.axis import LogAxis
from bayesscale.laws.joint import JointLaw, exponent


class MultiplicativeLaw(JointLaw):
    """L = A / (D_p^a D_f^b) + E, anchored.

    With s = sigmoid(shape), the share of L(1, 1) = exp(level) above the floor, and c_p = a span_p = log(1 +
    (exp(gain_p) - 1) / s), c_f likewise,

        L(u, v) = exp(level) (1 - s + s exp(c_p (1 - u) + c_f (1 - v))).

    Large shape: no floor, and log L is linear in both logarithms.
    """

    name: ClassVar[str] = "multiplicative"
    formula: ClassVar[str] = "L = A / (D_p^a D_f^b) + E"
    source: ClassVar[str] = "Zhang et al., arXiv 2402.17193, eq. 1"
    parameter_names: ClassVar[tuple[str, ...]] = ("level", "gain_p", "gain_f", "shape")
    coefficient_names: ClassVar[tuple[str, ...]] = ("E", "log_A", "a", "b")

    def value(self, u: Any, v: Any, parameters: dict[str, Any], xp: Any = np) -> Any:
        """Return the loss; see `JointLaw.value`."""
        share, c_p, c_f = _parts(parameters, xp)
        return xp.exp(parameters["level"]) * (1.0 - share + share * xp.exp(c_p * (1.0 - u) + c_f * (1.0 - v)))

    def inverse(self, target: Any, v: Any, parameters: dict[str, Any]) -> Any:
        """Return the u that a target needs; see `JointLaw.inverse`."""
        share, c_p, c_f = _parts(parameters, np)
        with np.errstate(divide="ignore", invalid="ignore"):
            rest = (np.asarray(target) * np.exp(-np.asarray(parameters["level"])) - 1.0 + share) / share
            needed = np.log(np.maximum(rest, 0.0)) - c_f * (1.0 - np.asarray(v))
            u = np.where(rest > 0, 1.0 - needed / c_p, np.inf)
        # What does not depend on D_p holds always or never.
        return np.where(c_p > 0, u, np.where(needed >= 0, -np.inf, np.inf))

    def coefficients(
        self, parameters: dict[str, Any], pretrain: LogAxis, finetune: LogAxis
    ) -> dict[str, Any]:
        """Return E, log A, a and b."""
        share, c_p, c_f = _parts(parameters, np)
        level, a, b = np.asarray(parameters["level"]), c_p / pretrain.span, c_f / finetune.span
        log_a = level + np.log(share) + a * np.log(pretrain.hi) + b * np.log(finetune.hi)
        return {"E": np.exp(level) * (1.0 - share), "log_A": log_a, "a": a, "b": b}

    def anchored(self, coefficients: dict[str, Any], pretrain: LogAxis, finetune: LogAxis) -> dict[str, Any]:
        """Return the parameters; needs E > 0, a >= 0 and b >= 0."""
        corner, less_p, less_f = (
            self.at_size(d_p, d_f, coefficients)
            for d_p, d_f in (
                (pretrain.hi, finetune.hi),
                (pretrain.lo, finetune.hi),
                (pretrain.hi, finetune.lo),
            )
        )
        floor = np.asarray(coefficients["E"])
        gains = {"gain_p": np.log(less_p / corner), "gain_f": np.log(less_f / corner)}
        return {"level": np.log(corner), **gains, "shape": np.log(corner - floor) - np.log(floor)}

    def at_size(self, pretrain: Any, finetune: Any, coefficients: dict[str, Any]) -> Any:
        """Return A / (D_p^a D_f^b) + E."""
        power = coefficients["a"] * np.log(pretrain) + coefficients["b"] * np.log(finetune)
        return coefficients["E"] + np.exp(coefficients["log_A"] - power)

    def swapped(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters with D_p and D_f in each other's place."""
        return {**parameters, "gain_p": parameters["gain_f"], "gain_f": parameters["gain_p"]}


def _parts(parameters: dict[str, Any], xp: Any) -> tuple[Any, Any, Any]:
    """Return s, c_p and c_f."""
    share = 1.0 / (1.0 + xp.exp(-parameters["shape"]))
    return share, exponent(parameters["gain_p"], share, xp), exponent(parameters["gain_f"], share, xp)


MULTIPLICATIVE_LAW = MultiplicativeLaw()
