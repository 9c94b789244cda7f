"""How far a law has to go for a target: the size at which it first is as good, in every draw."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bayesscale.models.breaks import sign_of
from bayesscale.posterior.curves import DrawnCurves
from bayesscale.posterior.predictive import Predictive
from bayesscale.questions.select import last_sizes, sizes_on

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
HORIZON = 1000.0
"""How many times the last measured size laws are followed for a target; to the budget if that is more."""
# Sizes within the data, from there to the budget, and on to the horizon.
_POINTS = (120, 120, 120)


@dataclass(frozen=True)
class Trajectory:
    """One curve's law from its first measured size to the horizon, draw by draw, without noise.

    `row` is a measured one of the curves asked for, `metric` the position of the metric; the target is in its
    unit.
    """

    drawn: DrawnCurves
    row: int
    metric: int
    target: float
    budget: float

    @property
    def _rows(self) -> slice:
        return slice(self.row, self.row + 1)

    @cached_property
    def measured(self) -> FloatArray:
        """The sizes that were measured on the curve, each once; those of other metrics if it has none."""
        curves, curve = self.drawn.curves, int(self.drawn.targets.position[self.row])
        own = sizes_on(curves, curve, [self.metric])
        return own if len(own) else sizes_on(curves, curve)

    @cached_property
    def last(self) -> float:
        """The last measured size."""
        return float(last_sizes(self.drawn.curves)[self.drawn.targets.position[self.row], self.metric])

    @property
    def end(self) -> float:
        """The largest size that may be used: what was measured is there, whatever the budget."""
        return max(self.budget, self.last)

    @property
    def horizon(self) -> float:
        """The size beyond which no target is looked for."""
        return max(self.budget, HORIZON * self.last)

    @cached_property
    def _sizes(self) -> FloatArray:
        """Sizes from the first to the horizon, dense enough for straight lines between them."""
        ends = (float(self.measured[0]), self.last, self.end, self.horizon)
        pieces = zip(ends, ends[1:], _POINTS, strict=False)
        parts = [np.geomspace(start, stop, count) for start, stop, count in pieces]
        return np.unique(np.concatenate([*parts, ends]))

    @cached_property
    def _law(self) -> FloatArray:
        """Draws of the law at the sizes, shape (sizes, draws)."""
        return self.value_at(self._sizes)

    def value_at(self, sizes: FloatArray) -> FloatArray:
        """Return draws of the law at sizes of shape (sizes,), shape (sizes, draws)."""
        return np.asarray(Predictive(self.drawn, 0.5).law(sizes[None], self.metric, self._rows)[0])

    @property
    def sign(self) -> float:
        """1 for a score, -1 for a loss, for which lower is better."""
        return sign_of(self.drawn.curves.names[self.metric])

    @cached_property
    def at_budget(self) -> FloatArray:
        """Draws of the law at the budget."""
        return np.asarray(self.value_at(np.array([self.budget]))[0])

    @cached_property
    def best(self) -> FloatArray:
        """Draws of the best value from the first size to the end: one may stop before a break."""
        return np.asarray(self.sign * (self.sign * self._law[self._sizes <= self.end]).max(axis=0))

    @cached_property
    def needed(self) -> FloatArray:
        """Draws of the size at which the law first is as good as the target.

        The first measured size if it is as good there; inf if it is not by the horizon.
        """
        return first_size(self._sizes, self.sign * self._law, self.sign * self.target)

    def broken_by(self, size: float) -> BoolArray | None:
        """Return in which draws the law broke before a size; None if it cannot break."""
        broken = self.drawn.local(self._rows, self.metric).broken(
            self.drawn.curves.axis.u(np.array([[size]]))
        )
        return None if broken is None else broken[0, 0]


def first_size(sizes: FloatArray, values: FloatArray, goal: float) -> FloatArray:
    """Return the sizes, shape (draws,), at which values, shape (sizes, draws), first reach a goal.

    Between two sizes, which increase, the values are taken to be linear in log size. The first size where the
    goal is reached there; inf where it never is.
    """
    reached = values >= goal
    place = reached.argmax(axis=0)
    before, draws = np.maximum(place - 1, 0), np.arange(values.shape[1])
    low, high = values[before, draws], values[place, draws]
    share = (goal - low) / np.where(high > low, high - low, 1.0)
    log = np.log(sizes)
    # The last size of a cell is exact, so that sizes compare with the budget as the values there do.
    found = np.minimum(np.exp(log[before] + share * (log[place] - log[before])), sizes[place])
    return np.where(reached.any(axis=0), np.where(place == 0, sizes[0], found), np.inf)
