"""The laws that draws follow: one after the other, the draws of each law of scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.models.laws import law_of

if TYPE_CHECKING:
    from bayesscale.inference import Fit

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class DrawnLaw:
    """The law of one metric, draw by draw; draws are the last axis of everything.

    Parameters
    ----------
    fit : Fit
        The draws.
    metric : int
        Position of the metric.
    """

    fit: Fit
    metric: int

    def value(self, u: Any, level: FloatArray, gain: FloatArray, shape: FloatArray) -> FloatArray:
        """Return the law's value; see `bayesscale.laws.Law.value`.

        Parameters
        ----------
        u : array, shape (..., draws) or (..., 1)
            Scaled positions.
        level, gain, shape : array, shape (..., draws)
            Anchored parameters.
        """
        score = self.metric < len(self.fit.curves.scores.metrics)
        sharpness = self.fit.draws("sharpness")[:, self.metric] if self.fit.has("sharpness") else None
        u = np.broadcast_to(u, np.broadcast_shapes(np.shape(u), level.shape))
        parts, first = [], 0
        for name, count in self.fit.law_counts().items():
            own = (..., slice(first, first + count))
            law = law_of(score, name, 1.0 if sharpness is None else sharpness[own])
            with np.errstate(over="ignore"):
                parts.append(law.value(u[own], level[own], gain[own], shape[own]))
            first += count
        return np.asarray(parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1))
