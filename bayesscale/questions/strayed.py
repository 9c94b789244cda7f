"""How far curves stray from their laws at any size: what the data say of it, and what may follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayesscale.metrics.curves import Curves
from bayesscale.models.discrepancy import Basis, bases, discrepancy_unit, step_count
from bayesscale.models.layout import lay_out
from bayesscale.questions.random import keyed_rng

if TYPE_CHECKING:
    from bayesscale.questions.effects import TargetEffects

FloatArray = NDArray[np.float64]
Bases = dict[tuple[int, int], Basis]
# Where a curve that was not measured would have been.
_TYPICAL = Basis.of(np.linspace(0.0, 1.0, 9))


def known_bases(curves: Curves) -> Bases:
    """Return the basis of every curve and metric that were measured together."""
    layout = lay_out(curves)
    pairs = zip(layout.curve.tolist(), layout.metric.tolist(), strict=True)
    return dict(zip(pairs, bases(layout), strict=True))


def strayed(
    target: TargetEffects, rows: slice, metric: int, u: FloatArray, law: tuple[FloatArray, FloatArray]
) -> FloatArray:
    """Return draws of curves minus their laws, shape (targets, sizes, draws).

    Parameters
    ----------
    target : TargetEffects
        The curves.
    rows : slice
        Which of them.
    metric : int
        Position of the metric.
    u : array, shape (targets, sizes)
        Positions.
    law : (array, array)
        Level and gain of the laws, each (targets, draws).

    Returns
    -------
    array, shape (targets, sizes, draws)
        One path of each curve a draw: what it is at one size does not depend on what else is asked for.
    """
    fit = target.fit
    scale = discrepancy_unit(*law) * fit.draws("discrepancy_scale")[:, metric]
    name = fit.curves.names[metric]
    found = np.empty((*u.shape, scale.shape[-1]))
    for place, position in enumerate(target.targets.position[rows].tolist()):
        basis = target.bases.get((position, metric))
        own = basis or _TYPICAL
        count = max(own.loading.shape[1], step_count(own.u[0], float(u[place].max(initial=0.0))))
        rng = keyed_rng(target.seed, "discrepancy", name, target.labels[rows][place])
        free = rng.standard_normal((count, scale.shape[-1])).T
        if basis is not None:
            free = basis.walks(fit.draws("discrepancy")[:, position, metric], free)
        found[place] = own.at(u[place], count) @ free.T
    return np.asarray(found * scale[:, None])
