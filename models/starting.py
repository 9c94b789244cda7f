"""Where chains start: at what a first look says of every curve and of the population.

From a start far off, where the density is steep and many thousands of units lower, a chain adapts to the
wrong place and may never find the right one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayesscale.metrics.curves import Curves
from bayesscale.models.centring import Centring
from bayesscale.models.coefficients import Whitening
from bayesscale.models.effects import Effects
from bayesscale.models.regression import CoefficientPrior, Design

FloatArray = NDArray[np.float64]


def starting_point(
    curves: Curves, effects: Effects, centring: Centring, white: Whitening
) -> dict[str, FloatArray]:
    """Return values of the population's and the curves' variables, by name.

    Parameters
    ----------
    curves : Curves
        The data.
    effects : Effects
        Order and priors of the effects.
    centring, white : Centring, Whitening
        What the first look says, and which variables are sampled directly.
    """
    design, count = Design.of(curves), effects.correlated
    spread = np.array([each.curve_sd for each in centring.regressions])
    group = np.array([each.group_sd for each in centring.regressions])
    mean = np.array([each.mean for each in centring.regressions])
    expected = design.matrix @ mean.T
    raw = np.where(centring.centred > 0, 0.0, (centring.location - expected) / spread)
    return {
        "coefficient_raw": np.where(
            white.centred[:, None] > 0, 0.0, _standardised(design, effects, mean, group, curves)
        ),
        "curve_raw": raw,
        "residual": np.diag(spread[:count])[np.tril_indices(count)],
        "shape_sd": spread[count:],
        **{f"{factor.name}_sd": group[:, place] for place, (factor, _) in enumerate(design.factors)},
    }


def _standardised(
    design: Design, effects: Effects, coefficient: FloatArray, group: FloatArray, curves: Curves
) -> FloatArray:
    """Return coefficients minus their prior mean in units of its sd, shape (effects, columns)."""
    found = np.empty_like(coefficient)
    for effect in range(len(effects.names)):
        prior = CoefficientPrior.of(effects, effect, curves)
        fixed = len(prior.mean)
        found[effect, :fixed] = (coefficient[effect, :fixed] - prior.mean) / prior.sd
        for place, (_, columns) in enumerate(design.factors):
            found[effect, columns] = coefficient[effect, columns] / group[effect, place]
    return found
