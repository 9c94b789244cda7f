"""Labels of the model's dimensions, and where in its arrays each observation is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bayesscale.laws import LAWS
from bayesscale.metrics.curves import Curves, Observations
from bayesscale.models.assembly import Assembly, IntArray
from bayesscale.models.discrepancy import MODES

Places = tuple[IntArray, ...]
"""Indices into arrays by (curve, metric, value) or (cell, metric, value), one of each an observation."""


def fitted_laws(data: Assembly) -> IntArray:
    """Return the numbers, in `bayesscale.laws.LAWS`, of the laws that some metric may follow."""
    return np.flatnonzero(data.allowed.any(axis=0))


def model_coords(curves: Curves, data: Assembly) -> dict[str, Sequence[Any]]:
    """Return the labels of all dimensions of the model."""
    effects = [f"{metric}.{effect}" for metric in curves.names for effect in ("level", "gain")]
    return {
        "curve": curves.labels,
        "metric": list(curves.names),
        "effect": effects,
        "effect_other": effects,
        "law": [list(LAWS)[number] for number in fitted_laws(data)],
        "covariate": [covariate.name for covariate in curves.covariates],
        **{factor.name: list(factor.levels) for factor in curves.factors},
        "mode": range(MODES),
        "break_metric": [name for name, able in zip(curves.names, data.may_break, strict=True) if able],
        "cell": curves.cell_labels if len(data.cell_count) else [],
        "observation": range(sum(len(rows) for rows in curves.blocks.values())),
    }


def places(count: IntArray, *blocks: Observations) -> Places:
    """Return where each observation is, in the order of the blocks.

    `count`, shape (units, metrics), is the number of values. The metrics of the blocks follow one another;
    values are sorted by size.
    """
    mask = np.arange(count.max(initial=0)) < count[..., None]
    first = np.cumsum([0, *(len(rows.metrics) for rows in blocks)])
    metric = np.concatenate([rows.metric + start for rows, start in zip(blocks, first, strict=False)])
    size, unit = (np.concatenate([getattr(rows, name) for rows in blocks]) for name in ("size", "unit"))
    rank = np.argsort(np.lexsort([size, metric, unit]))
    return tuple(index[rank] for index in np.nonzero(mask))
