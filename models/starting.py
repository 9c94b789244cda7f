"""Where chains start: at what a first look says of every curve and of the population.

From a start far off, where the density is steep and many thousands of units lower, a chain adapts to the
wrong place and may never find the right one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayesscale.metrics.curves import Curves
from bayesscale.models.coefficients import Whitening
from bayesscale.models.effects import Effects
from bayesscale.models.evidence import Evidence
from bayesscale.models.regression import CoefficientPrior, Design

FloatArray = NDArray[np.float64]
# The sampler takes a gradient of exactly 0 for a mistake, and at 0 that of a coordinate without data is 0.
_NUDGE = 0.01


def starting_point(
    curves: Curves, effects: Effects, evidence: Evidence, white: Whitening, smallest: FloatArray
) -> dict[str, FloatArray]:
    """Return values of the variables of population, curves and noise, by name.

    Parameters
    ----------
    curves : Curves
        The data.
    effects : Effects
        Order and priors of the effects.
    evidence, white : Evidence, Whitening
        What the first look says, and how the coefficients are sampled.
    smallest : array, shape (metrics,)
        Noise below which chains do not start, whatever the look says: equal values look like none at all.
    """
    design, count = Design.of(curves), effects.correlated
    spread = np.array([each.curve_sd for each in evidence.regressions])
    group = np.array([each.group_sd for each in evidence.regressions])
    mean = np.array([each.mean for each in evidence.regressions])
    return {
        "coefficient_raw": np.where(
            white.centred[:, None] > 0, _NUDGE, _standardised(design, effects, mean, group, curves)
        ),
        "curve_raw": np.full((len(curves), len(effects.names)), _NUDGE),
        "curve_sd": spread[:count],
        "residual_partial": np.full(count * (count - 1) // 2, 0.5 + _NUDGE),
        "shape_sd": spread[count:],
        "noise_sd": np.maximum(evidence.noise, smallest),
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
