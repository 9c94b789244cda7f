"""The scaled logarithmic axis on which all laws are anchored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class LogAxis:
    """Map sizes D to u = (log D - log lo) / (log hi - log lo), so that u(lo) = 0 and u(hi) = 1.

    The anchors 0 < lo < hi are sizes in tokens, or whatever unit D has.
    """

    lo: float
    hi: float

    def __post_init__(self) -> None:
        if not 0 < self.lo < self.hi < np.inf:
            raise ValueError(
                f"an axis needs 0 < lo < hi, both finite; received lo={self.lo!r}, hi={self.hi!r}"
            )

    @property
    def span(self) -> float:
        """Length of the axis in e-folds: log(hi / lo)."""
        return float(np.log(self.hi) - np.log(self.lo))

    def u(self, size: Any) -> Any:
        """Return the scaled position of sizes D > 0, any shape."""
        return (np.log(size) - np.log(self.lo)) / self.span

    def size(self, u: Any) -> Any:
        """Return the sizes D at scaled positions u; infinite where exp overflows."""
        with np.errstate(over="ignore"):
            return np.exp(np.log(self.lo) + np.asarray(u) * self.span)
