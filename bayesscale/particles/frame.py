"""Coordinates in which the population of a metric is about round, learned from curvature, compiled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.particles.compiled import allocating, compiled

# A look at the curvature changes so much of what is known of it.
_REMEMBERED = 0.1
# Of the curvatures along the axes of what is known, each scaled by itself, none counts as less than this.
_FLATTEST = 0.05


@compiled
def add_product(matrix: Any, size: float, vector: Any, out: Any) -> None:
    """Add a matrix, shape (P, P), times a vector, times a size, to `out`, shape (P,)."""
    for i in range(out.shape[0]):
        total = 0.0
        for j in range(vector.shape[0]):
            total += matrix[i, j] * vector[j]
        out[i] += size * total


@allocating
def learn_frame(seen: Any, sd: Any, width: Any, known: Any, frame: Any) -> None:
    """Learn axes from a look at the curvature.

    The mean of the curvature is the precision of a normal density. Where draws range more widely than it
    says, axes have the geometric mean of both sds.

    `seen` is minus the second derivatives of the log density, `sd` that of the prior, 0 where nothing is to
    be moved. `width` are the sds of the draws. Changed are `known`, the mean curvature, and `frame`, whose
    columns are steps along the axes.
    """
    if not np.isfinite(seen).all():
        return
    rate = _REMEMBERED if known.any() else 1.0
    free = np.flatnonzero(sd > 0.0)
    known += rate * (0.5 * (seen + seen.T) - known)
    root, round_ = np.empty(free.shape[0]), np.empty((free.shape[0], free.shape[0]))
    for i in range(free.shape[0]):
        root[i] = math.sqrt(max(known[free[i], free[i]], sd[free[i]] ** -2))
    for i in range(free.shape[0]):
        for j in range(free.shape[0]):
            round_[i, j] = known[free[i], free[j]] / (root[i] * root[j]) if i != j else 1.0
    values, axes = np.linalg.eigh(round_)
    frame[:] = 0.0
    for i in range(free.shape[0]):
        total = 0.0
        for k in range(free.shape[0]):
            axes[i, k] /= root[i] * math.sqrt(max(values[k], _FLATTEST))
            total += axes[i, k] ** 2
        wider = math.sqrt(max(width[free[i]] / math.sqrt(total), 1.0))
        for k in range(free.shape[0]):
            frame[free[i], free[k]] = wider * axes[i, k]
