"""The additive joint law: what pretraining data lack and what finetuning data lack add up."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from bayesscale.laws.axis import LogAxis
from bayesscale.laws.joint import JointLaw, exponent


class AdditiveLaw(JointLaw):
    """L = A / D_p^a + B / D_f^b + E, anchored.

    At the upper anchors the three terms are shares s_p, s_f and 1 - s_p - s_f of L(1, 1) = exp(level): the
    softmax of shape_p, shape_f and 0. With c_p = a span_p = log(1 + (exp(gain_p) - 1) / s_p), c_f likewise,

        L(u, v) = exp(level) (1 - s_p - s_f + s_p exp(c_p (1 - u)) + s_f exp(c_f (1 - v))).
    """

    name: ClassVar[str] = "additive"
    formula: ClassVar[str] = "L = A / D_p^a + B / D_f^b + E"
    source: ClassVar[str] = "Hoffmann et al., arXiv 2203.15556, eq. 2, with D_f for parameters"
    parameter_names: ClassVar[tuple[str, ...]] = ("level", "gain_p", "gain_f", "shape_p", "shape_f")
    coefficient_names: ClassVar[tuple[str, ...]] = ("E", "log_A", "a", "log_B", "b")

    def value(self, u: Any, v: Any, parameters: dict[str, Any], xp: Any = np) -> Any:
        """Return the loss; see `JointLaw.value`."""
        s_p, s_f, c_p, c_f = _parts(parameters, xp)
        terms = s_p * xp.exp(c_p * (1.0 - u)) + s_f * xp.exp(c_f * (1.0 - v))
        return xp.exp(parameters["level"]) * (1.0 - s_p - s_f + terms)

    def inverse(self, target: Any, v: Any, parameters: dict[str, Any]) -> Any:
        """Return the u that a target needs; see `JointLaw.inverse`."""
        s_p, s_f, c_p, c_f = _parts(parameters, np)
        others = 1.0 - s_p - s_f + s_f * np.exp(c_f * (1.0 - np.asarray(v)))
        with np.errstate(divide="ignore", invalid="ignore"):
            rest = (np.asarray(target) * np.exp(-np.asarray(parameters["level"])) - others) / s_p
            u = np.where(rest > 0, 1.0 - np.log(np.maximum(rest, 0.0)) / c_p, np.inf)
        # What does not depend on D_p holds always or never.
        return np.where(c_p > 0, u, np.where(rest >= 1.0, -np.inf, np.inf))

    def coefficients(
        self, parameters: dict[str, Any], pretrain: LogAxis, finetune: LogAxis
    ) -> dict[str, Any]:
        """Return E, log A, a, log B and b."""
        s_p, s_f, c_p, c_f = _parts(parameters, np)
        level, a, b = np.asarray(parameters["level"]), c_p / pretrain.span, c_f / finetune.span
        log_a = level + np.log(s_p) + a * np.log(pretrain.hi)
        log_b = level + np.log(s_f) + b * np.log(finetune.hi)
        return {"E": np.exp(level) * (1.0 - s_p - s_f), "log_A": log_a, "a": a, "log_B": log_b, "b": b}

    def anchored(self, coefficients: dict[str, Any], pretrain: LogAxis, finetune: LogAxis) -> dict[str, Any]:
        """Return the parameters; needs E > 0, a >= 0 and b >= 0."""
        log_p = coefficients["log_A"] - coefficients["a"] * np.log(pretrain.hi)
        log_f = coefficients["log_B"] - coefficients["b"] * np.log(finetune.hi)
        corner = self.at_size(pretrain.hi, finetune.hi, coefficients)
        less_p = self.at_size(pretrain.lo, finetune.hi, coefficients)
        less_f = self.at_size(pretrain.hi, finetune.lo, coefficients)
        log_e = np.log(coefficients["E"])
        gains = {"gain_p": np.log(less_p / corner), "gain_f": np.log(less_f / corner)}
        return {"level": np.log(corner), **gains, "shape_p": log_p - log_e, "shape_f": log_f - log_e}

    def at_size(self, pretrain: Any, finetune: Any, coefficients: dict[str, Any]) -> Any:
        """Return A / D_p^a + B / D_f^b + E."""
        of_p = np.exp(coefficients["log_A"] - coefficients["a"] * np.log(pretrain))
        of_f = np.exp(coefficients["log_B"] - coefficients["b"] * np.log(finetune))
        return coefficients["E"] + of_p + of_f

    def swapped(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters with D_p and D_f in each other's place."""
        pairs = (("gain_p", "gain_f"), ("shape_p", "shape_f"))
        other = {new: parameters[old] for one, two in pairs for new, old in ((one, two), (two, one))}
        return {**parameters, **other}


def _parts(parameters: dict[str, Any], xp: Any) -> tuple[Any, Any, Any, Any]:
    """Return s_p, s_f, c_p and c_f."""
    shapes = parameters["shape_p"], parameters["shape_f"]
    most = xp.maximum(xp.maximum(*shapes), 0.0)
    weights = [xp.exp(shape - most) for shape in shapes]
    total = weights[0] + weights[1] + xp.exp(-most)
    s_p, s_f = (weight / total for weight in weights)
    return s_p, s_f, exponent(parameters["gain_p"], s_p, xp), exponent(parameters["gain_f"], s_f, xp)


ADDITIVE_LAW = AdditiveLaw()
