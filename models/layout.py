"""The values of all curves side by side: a row for each pair of curve and metric, sorted by size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesscale.metrics.curves import Curves

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Layout:
    """T pairs of curve and metric with at most N values each; those of scores come first.

    Parameters
    ----------
    curve, metric : array of int, shape (T,)
        Position of the curve, and of the metric among all metrics.
    scores : int
        How many of the pairs are scores.
    index : array of int, shape (T, N)
        Position of each value among those of scores and losses; 0 where a pair has fewer.
    real : array of bool, shape (T, N)
        Whether there is such a value.
    u, size, value, se : array, shape (T, N)
        Position on the axis, size in tokens, value and standard error; 0, 1, 0 and 0 where there is none.
    """

    curve: IntArray
    metric: IntArray
    scores: int
    index: IntArray
    real: NDArray[np.bool_]
    u: FloatArray
    size: FloatArray
    value: FloatArray
    se: FloatArray

    @property
    def count(self) -> int:
        """Number of values."""
        return int(self.real.sum())

    def own(self, pair: int) -> IntArray:
        """Return the positions of the values of a pair, sorted by size."""
        own: IntArray = self.index[pair][self.real[pair]]
        return own

    def sizes(self, pair: int) -> FloatArray:
        """Return the sizes of a pair, ascending, with repetitions."""
        own: FloatArray = self.size[pair][self.real[pair]]
        return own


def lay_out(curves: Curves) -> Layout:
    """Return the values of all curves side by side."""
    blocks = [(0, curves.scores), (len(curves.scores.metrics), curves.losses)]
    metric = np.concatenate([rows.metric + first for first, rows in blocks])
    unit, size, value, se = (
        np.concatenate([getattr(rows, name) for _, rows in blocks])
        for name in ("unit", "size", "value", "se")
    )
    loss = metric >= len(curves.scores.metrics)
    key = (loss * len(curves) + unit) * len(curves.names) + metric
    pairs, owner, counts = np.unique(key, return_inverse=True, return_counts=True)
    shape = len(pairs), int(counts.max())
    order = np.lexsort([size, owner])
    place = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    at = owner[order], place
    index, real = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=bool)
    index[at], real[at] = order, True
    padded = np.stack([np.zeros(shape), np.ones(shape), np.zeros(shape), np.zeros(shape)])
    padded[(slice(None), *at)] = curves.axis.u(size[order]), size[order], value[order], se[order]
    within = pairs // len(curves.names)
    return Layout(
        within % len(curves),
        pairs % len(curves.names),
        int((within < len(curves)).sum()),
        index,
        real,
        *padded,
    )
