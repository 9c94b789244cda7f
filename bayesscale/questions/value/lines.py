"""Draws of what pretraining gains, as lines in D_f, and where such lines cross."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import Curves
from bayesscale.posterior.baseline import TargetBaseline
from bayesscale.posterior.curves import DrawnCurves, Targets
from bayesscale.posterior.noise import within
from bayesscale.posterior.predictive import Predictive
from bayesscale.questions.select import last_of_targets

FloatArray = NDArray[np.float64]


def limit(sizes: FloatArray, gain: FloatArray, delta: float, last: float) -> FloatArray:
    """Return draws of the size beyond which a gain, shape (sizes, draws), stays below `delta`.

    Up to the size `last`, one of the increasing sizes and the end of the data, this is the last crossing. A
    gain that is still there at `last` is followed to its first crossing beyond, so that a line that wavers
    far from the data cannot bring it back. It is linear in log size. 0 if the gain is below `delta` from the
    first size on, infinite if it is not at the end.
    """
    end = int(np.searchsorted(sizes, last))
    falls = (gain[:-1] >= delta) & (gain[1:] < delta)
    within = end - 1 - np.argmax(falls[:end][::-1], axis=0) if end else 0
    beyond = end + np.argmax(falls[end:], axis=0) if falls[end:].size else end
    still = gain[end] >= delta
    place = np.where(still, beyond, within)
    found = np.where(still, falls[end:].any(axis=0), falls[:end].any(axis=0))
    crossing = _crossing(sizes, gain - delta, np.where(found, place, 0))
    return np.where(found, crossing, np.where(still, np.inf, 0.0))


def equivalent(sizes: FloatArray, line: FloatArray, wanted: FloatArray) -> FloatArray:
    """Return draws of the smallest size at which a line, shape (sizes, draws), reaches a value of each draw.

    The line is linear in log size, and larger is better. 0 if the value is reached at the first size already,
    infinite if it is not reached at the last.
    """
    reached = line >= wanted
    place = np.argmax(reached, axis=0)
    crossing = _crossing(sizes, line - wanted, np.maximum(place - 1, 0))
    return np.where(reached.any(axis=0), np.where(place == 0, 0.0, crossing), np.inf)


def never_falling(line: FloatArray, measured: NDArray[np.bool_]) -> FloatArray:
    """Return a line, (sizes, draws), that is never worse at a larger size; measured values stay as they are.

    An unmeasured value lies between the best measured one before it and the worst one after it, and is no
    less than those before it.
    """
    outside = np.full(line.shape, np.inf)
    low = np.maximum.accumulate(np.where(measured[:, None], line, -outside), axis=0)
    high = np.minimum.accumulate(np.where(measured[:, None], line, outside)[::-1], axis=0)[::-1]
    inside = np.minimum(np.maximum(line, low), np.maximum(low, high))
    return np.where(measured[:, None], line, np.maximum.accumulate(inside, axis=0))


def _crossing(sizes: FloatArray, line: FloatArray, place: NDArray[np.int64]) -> FloatArray:
    """Return where each draw's line, (sizes, draws), is zero on the stretch that begins at a place."""
    if len(sizes) < 2:
        return np.full(line.shape[1], sizes[0])
    before, after = (np.take_along_axis(line, row[None], axis=0)[0] for row in (place, place + 1))
    rise = after - before
    # Where nothing crosses, the result is not used, but must not be a division by zero.
    share = np.clip(-before / np.where(rise == 0, 1.0, rise), 0.0, 1.0)
    return np.asarray(np.exp(np.log(sizes)[place] + share * np.log(sizes[place + 1] / sizes[place])))


AHEAD = 100.0
"""How far beyond the largest measured D_f the line is followed."""
SIZE = "finetune_tokens"
# No two neighbouring sizes of the line are further apart than this factor, but for rounding.
_STEP = 10.0


@dataclass(frozen=True)
class Line:
    """One mixture on one task: its curves at the D_f asked for, and at those that the line needs.

    Between two sizes of the line, gains and scores are interpolated. The sizes are the measured D_f and, at
    most a factor of ten apart, unmeasured ones, for which the fit's own predictions are taken. The curves are
    sorted by D_f; `asked` are the rows that the user asked for. `tokens` is the D_p of the comparison; None:
    the last measured one of each curve and metric.
    """

    drawn: DrawnCurves
    asked: NDArray[np.int64]
    tokens: float | None

    @property
    def table(self) -> pd.DataFrame:
        """The curves asked for."""
        return self.drawn.targets.table.iloc[self.asked].reset_index(drop=True)

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Which of the curves asked for were measured."""
        return self.drawn.targets.measured[self.asked]

    def pretrain_tokens(self, place: int) -> FloatArray:
        """Return the D_p at which each curve is compared, shape (curves,)."""
        if self.tokens is not None:
            return np.full(len(self.drawn.targets), self.tokens)
        return last_of_targets(self.drawn.curves, self.drawn.targets)[:, place]

    def metric(self, place: int) -> str:
        """Return the name of a metric."""
        return self.drawn.curves.names[place]

    def draws(self, place: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return draws of the score with and without pretraining, and of the gain, each (curves, draws)."""
        spec = CATALOGUE[self.metric(place)]
        # The probability serves intervals of new measurements, of which none is asked here.
        law = Predictive(self.drawn, 0.5).law(self.pretrain_tokens(place)[:, None], place)[:, 0]
        score, baseline = (
            law,
            within(TargetBaseline(self.drawn).value(slice(None), place), self.metric(place)),
        )
        return score, baseline, score - baseline if spec.improves == "up" else baseline - score

    @cached_property
    def sizes(self) -> FloatArray:
        """The D_f of the line."""
        return line_sizes(self.drawn.curves, self.drawn.targets.table)

    def along(self, draws: FloatArray) -> FloatArray:
        """Return the line's part of draws of shape (curves, draws)."""
        return draws[np.searchsorted(self.drawn.targets.table[SIZE].to_numpy(float), self.sizes)]

    @property
    def ends(self) -> tuple[float, float]:
        """The smallest D_f of this mixture's curves, and the largest of the task; if it has none, both."""
        targets = self.drawn.targets
        known = measured_sizes(self.drawn.curves, targets.table)
        own = targets.table.loc[targets.measured, SIZE].to_numpy(float)
        return float(own.min() if own.size else known[0]), float(known[-1])


def measured_sizes(curves: Curves, table: pd.DataFrame) -> FloatArray:
    """Return the D_f at which a task was measured, with pretraining or without."""
    task = table["task"].iloc[0]
    parts = [part.loc[part["task"] == task, SIZE] for part in (curves.table, curves.cells) if len(part)]
    return np.unique(np.concatenate(parts).astype(float))


def line_sizes(curves: Curves, table: pd.DataFrame) -> FloatArray:
    """Return the D_f of a task's line: the measured ones, some between, and some beyond both ends."""
    known = measured_sizes(curves, table)
    sizes = [known, known[0] / _STEP, known[-1] * _STEP, known[-1] * AHEAD]
    for low, high in pairwise(known):
        # A factor of 100, as between 210M and 21B, is two steps, whatever rounding makes of it.
        steps = max(1, int(np.ceil(np.log(high / low) / np.log(_STEP) - 0.05)))
        sizes.append(np.geomspace(low, high, steps + 1)[1:-1])
    return np.unique(np.hstack(sizes))


def lines(drawn: DrawnCurves, tokens: float | None) -> Iterator[Line]:
    """Yield the lines to which curves belong."""
    table = drawn.targets.table
    keys = [name for name in table.columns if name != SIZE]
    for _, rows in table.groupby(keys, sort=False):
        yield Line(*_with_line(drawn, rows), tokens)


def _with_line(drawn: DrawnCurves, rows: pd.DataFrame) -> tuple[DrawnCurves, NDArray[np.int64]]:
    """Return some curves together with those of their line, and which of them were asked for."""
    curves = drawn.curves
    asked = np.sort(rows[SIZE].to_numpy(float)) if SIZE in rows else np.zeros(len(rows))
    table = rows
    if SIZE in [covariate.name for covariate in curves.covariates]:
        sizes = np.union1d(asked, line_sizes(curves, rows))
        table = pd.concat([rows.iloc[[0]]] * len(sizes), ignore_index=True).assign(**{SIZE: sizes})
    known = curves.table[list(table.columns)].assign(position=np.arange(len(curves)))
    merged = table.merge(known, how="left", on=list(table.columns))
    position = merged.pop("position").fillna(-1).to_numpy(np.int64)
    alignment = np.full(len(merged), drawn.alignment[rows.index[0]])
    place = np.searchsorted(merged[SIZE].to_numpy(float), asked) if SIZE in merged else np.arange(len(rows))
    found = DrawnCurves(drawn.draws, Targets(merged, position), alignment, drawn.seed)
    return found, np.asarray(place, dtype=np.int64)
