"""The laws that draws follow: one after the other, the draws of each law."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.laws import Law
from bayesscale.models.forms import law_at

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
        u = np.broadcast_to(u, np.broadcast_shapes(np.shape(u), level.shape))
        parts, first = [], 0
        for group, count in self.fit.counts().items():
            own = (..., slice(first, first + count))
            law = self._law(group)
            with np.errstate(over="ignore"):
                parts.append(law.value(u[own], level[own], gain[own], shape[own]))
            first += count
        return np.asarray(parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1))

    def _law(self, group: str) -> Law:
        """Return the law of those draws of a group that count."""
        form = self.fit.followed(group).of(self.metric < len(self.fit.curves.scores.metrics))
        drawn = {name: self.fit.kept(name, group) for name in form.drawn if self.fit.has(name)}
        return law_at(form, self.metric, self.fit.curves, self.fit.priors, drawn)
