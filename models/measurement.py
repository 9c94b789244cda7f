"""Noise of one measurement: formulas for the model and for what is derived from draws."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import Curves
from bayesscale.models.priors import Priors
from bayesscale.models.scale import above_zero

RESOLUTION = 0.05
"""Smallest noise, in multiples of the metric's typical noise: values are rounded, and equal ones are no proof
of a law without noise. A curve of zeros would otherwise have an infinite density."""


def total_sd(
    own: Any, value: Any, se: Any, share: Any, xp: Any = np, floor: Any = 0.0, near: Any = 0.0
) -> Any:
    """Return the scale of one measurement: own noise, resolution and the independent part of its s.e.

    Near zero the own noise vanishes with the value: where no n-gram matches, none matches by chance.

    `own` is the scale of run-to-run noise, `value` that of the law with its break. `se` is on the test set, 0
    where unknown. `share` is that of se^2 which checkpoints scored on one test set do not have in common;
    None: nobody gave a se. `floor` is the resolution, see `RESOLUTION`; `near` is exp of
    `bayesscale.models.scale.log_near_zero`.
    """
    square = own**2 * above_zero(value, near, xp) + floor**2
    return xp.sqrt(square if share is None else square + share * se**2)


def noise_scales(metrics: tuple[str, ...], priors: Priors) -> NDArray[np.float64]:
    """Return the typical noise of metrics, in their units."""
    return np.array([priors.noise.get(name, CATALOGUE[name].noise) for name in metrics])


def has_se(curves: Curves) -> bool:
    """Return whether any value has a standard error."""
    return any(bool(rows.se.any()) for rows in curves.blocks.values())
