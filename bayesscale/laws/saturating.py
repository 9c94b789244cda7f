"""The saturating law of scores: the reciprocal of the score follows the power law."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from bayesscale.laws.axis import LogAxis
from bayesscale.laws.base import Law
from bayesscale.laws.power_law import POWER_LAW


class SaturatingLaw(Law):
    """Score that rises as a power of D and turns into a ceiling, anchored at two sizes.

    f(D) = C / (1 + (D0 / D)^(p alpha))^(1/p): a logistic curve in log D for p = 1 (the Hill equation). Its
    reciprocal is the power law of losses, 1 / f = ((1/C)^p + (A / D^alpha)^p)^(1/p), so that level and gain
    are those of `bayesscale.laws.PowerLaw` with the sign of the level changed.
    """

    name: ClassVar[str] = "saturating-law"
    option: ClassVar[str] = "saturating"
    formula: ClassVar[str] = "f(D) = C / (1 + (D0 / D)^(p alpha))^(1/p)"
    source: ClassVar[str] = "Hill equation; p as in arXiv 2210.14891"
    improves: ClassVar[str] = "up"
    coefficient_names: ClassVar[tuple[str, ...]] = ("ceiling", "log_D0", "rate")
    rated: ClassVar[bool] = True

    @staticmethod
    def terms(level: Any, gain: Any, shape: Any, sharpness: Any, xp: Any = np) -> tuple[Any, ...]:
        """Return the terms of the reciprocal's law; see `Law.terms`."""
        return POWER_LAW.terms(-level, gain, shape, sharpness, xp)

    @staticmethod
    def at(u: Any, terms: tuple[Any, ...], xp: Any = np) -> Any:
        """Return the score at scaled position u; see `Law.at`."""
        return 1.0 / POWER_LAW.at(u, terms, xp)

    @staticmethod
    def slopes(u: Any, terms: tuple[Any, ...], xp: Any = np) -> tuple[Any, ...]:
        """Return the score at scaled position u, and its derivative by each of the terms."""
        loss, *rest = POWER_LAW.slopes(u, terms, xp)
        return (1.0 / loss, *(-each / (loss * loss) for each in rest))

    def coefficients(
        self, level: Any, gain: Any, shape: Any, axis: LogAxis, sharpness: Any = 1.0
    ) -> dict[str, Any]:
        """Return the ceiling C, log D0 and alpha; C is what the score falls to where the gain is negative."""
        own = POWER_LAW.coefficients(-np.asarray(level), gain, shape, axis, sharpness)
        with np.errstate(divide="ignore", invalid="ignore"):
            log_d0 = (own["log_A"] - np.log(own["E"])) / own["alpha"]
            return {"ceiling": 1.0 / own["E"], "log_D0": log_d0, "rate": own["alpha"]}

    def anchored(
        self, coefficients: dict[str, Any], axis: LogAxis, sharpness: Any = 1.0
    ) -> tuple[Any, Any, Any]:
        """Return (level, gain, shape); needs a finite ceiling above 0 and alpha > 0."""
        level, gain, shape = POWER_LAW.anchored(self._inverted(coefficients), axis, sharpness)
        return -level, gain, shape

    def at_size(self, size: Any, coefficients: dict[str, Any], sharpness: Any = 1.0) -> Any:
        """Return C / (1 + (D0 / D)^(p alpha))^(1/p)."""
        return 1.0 / POWER_LAW.at_size(size, self._inverted(coefficients), sharpness)

    def _inverted(self, coefficients: dict[str, Any]) -> dict[str, Any]:
        """Return the coefficients of the reciprocal's law."""
        ceiling, log_d0, alpha = (np.asarray(coefficients[name]) for name in self.coefficient_names)
        return {"E": 1.0 / ceiling, "log_A": alpha * log_d0 - np.log(ceiling), "alpha": alpha}


SATURATING_LAW = SaturatingLaw()
