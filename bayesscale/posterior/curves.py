"""Curves that a question is about, measured or not, draw by draw and at any size."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.metrics.curves import Curves, unit_labels
from bayesscale.models.discrepancy import Basis, bases, step_count
from bayesscale.models.layout import lay_out
from bayesscale.posterior.draws import Draws
from bayesscale.posterior.local import Local, interleaved, measured
from bayesscale.posterior.random import keyed_rng
from bayesscale.posterior.takeoff import rise, waiting, waits_from
from bayesscale.posterior.unmeasured import Unmeasured

FloatArray = NDArray[np.float64]
# Where a curve that was not measured would have been.
_TYPICAL = Basis.of(np.linspace(0.0, 1.0, 9))


@dataclass(frozen=True)
class Targets:
    """The curves that a question is about.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a curve: task, mixture and the other curve columns, in the order of the answer.
    position : array of int, shape (targets,)
        Row in `Curves.table`; -1 where the curve was not measured.
    notes : tuple of str
        What is to be said of the choice.
    """

    table: pd.DataFrame
    position: NDArray[np.int64]
    notes: tuple[str, ...] = field(default=())

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Which curves were measured."""
        return np.asarray(self.position >= 0)

    def __len__(self) -> int:
        return len(self.position)


@dataclass(frozen=True)
class DrawnCurves:
    """The curves that a question is about, in every draw.

    Alignment, shape (targets,), is NaN where unknown: a typical curve is then assumed. The seed is that of
    what the data do not say: curves that were not measured, discrepancy beyond the data, noise.
    """

    draws: Draws
    targets: Targets
    alignment: FloatArray
    seed: int

    @property
    def curves(self) -> Curves:
        """The data behind the draws."""
        return self.draws.curves

    @cached_property
    def labels(self) -> list[str]:
        """One label a target, for people."""
        return unit_labels(self.targets.table, tuple(map(str, self.targets.table.columns)))

    @property
    def keys(self) -> list[str]:
        """One key a target, on which its random numbers depend."""
        return self._unmeasured.keys

    @cached_property
    def _unmeasured(self) -> Unmeasured:
        return Unmeasured(self.draws, self.targets.table, self.alignment, self.seed)

    def local(self, rows: slice, metric: int) -> Local:
        """Return the parameters of some targets for the metric at a position."""
        position = self.targets.position[rows]
        known = position >= 0
        if known.all():
            return measured(self.draws, metric, position)
        new = self._unmeasured.local(np.arange(len(self.targets))[rows][~known], metric)
        return interleaved(measured(self.draws, metric, position[known]), new, known) if known.any() else new

    def values(self, rows: slice, metric: int, sizes: FloatArray, local: Local | None = None) -> FloatArray:
        """Return the curves with breaks, discrepancies and take-offs, without noise, (targets, sizes, draws).

        Sizes, shape (targets, sizes), are above 0. `local` are the parameters, where they are at hand.
        """
        u = self.curves.axis.u(sizes)
        local = local or self.local(rows, metric)
        found = local.value(u, None if local.straying is None else self.path(rows, metric, u))
        if (last := waits_from(self.curves, metric)) is None:
            return found
        own = last[self.targets.position[rows]]
        risen = rise(self.draws, local, own, u, self.seed, self.keys[rows])
        # A break near zero may have led below it.
        return found if risen is None else np.where(risen > 0.0, np.maximum(found, 0.0) + risen, found)

    def taking_off(self, metric: int) -> FloatArray:
        """Return P(a score has not left zero by its last size), shape (targets,): take-offs are assumed."""
        last = waits_from(self.curves, metric)
        if last is None:
            return np.zeros(len(self.targets))
        local = self.local(slice(None), metric)
        return np.asarray(waiting(local, last[self.targets.position]).mean(axis=1))

    @cached_property
    def _bases(self) -> dict[tuple[int, int], Basis]:
        """The basis of every curve and metric that were measured together."""
        layout = lay_out(self.curves)
        pairs = zip(layout.curve.tolist(), layout.metric.tolist(), strict=True)
        return dict(zip(pairs, bases(layout), strict=True))

    def path(self, rows: slice, metric: int, u: FloatArray) -> FloatArray:
        """Return how far curves stray from their laws in units of their scale, shape (targets, sizes, draws).

        One path of each curve a draw: what it is at one size does not depend on what else is asked for.
        Positions `u` are scaled, shape (targets, sizes).
        """
        name, count = self.curves.names[metric], self.draws.count
        found = np.empty((*u.shape, count))
        for place, position in enumerate(self.targets.position[rows].tolist()):
            basis = self._bases.get((position, metric))
            own = basis or _TYPICAL
            steps = max(own.loading.shape[1], step_count(own.u[0], float(u[place].max(initial=0.0))))
            rng = keyed_rng(self.seed, "path", name, self.keys[rows][place])
            free = rng.standard_normal((steps, count)).T
            if basis is not None:
                free = basis.walks(self.draws["discrepancy"][:, position, metric], free)
            found[place] = own.at(u[place], steps) @ free.T
        return found


def measured_metrics(curves: Curves) -> NDArray[np.bool_]:
    """Return which metrics were measured on which curve, shape (curves, metrics)."""
    found = np.zeros((len(curves), len(curves.names)), dtype=bool)
    for rows, first in ((curves.scores, 0), (curves.losses, len(curves.scores.metrics))):
        found[rows.unit, rows.metric + first] = True
    return found
