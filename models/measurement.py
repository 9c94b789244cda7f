"""Noise of one measurement: formulas for models and for what is derived from draws."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayesscale.metrics.curves import Curves

FEWEST_DEGREES = 2.0
"""Degrees of freedom are this plus `noise_tails`, so that the noise has a variance."""


RESOLUTION = 0.05
"""Smallest noise, in multiples of the metric's typical noise: values are rounded, and equal ones are no proof
of a law without noise. A curve of zeros would otherwise have an infinite density."""


def total_sd(own: Any, se: Any, independent: Any, xp: Any = np, floor: Any = 0.0) -> Any:
    """Return the scale of one measurement: own noise, resolution and the independent part of its s.e.

    Parameters
    ----------
    own : array
        Scale of the run-to-run noise.
    se : array
        Standard error on the test set, 0 where unknown.
    independent : array or None
        Share of se^2 that checkpoints scored on one test set do not have in common; None: nobody gave a se.
    xp : module
        NumPy or `pytensor.tensor`.
    floor : array
        Resolution of the metric, see `RESOLUTION`.
    """
    square = own**2 + floor**2
    return xp.sqrt(square if independent is None else square + independent * se**2)


def has_se(curves: Curves) -> bool:
    """Return whether any value has a standard error."""
    return any(bool(rows.se.any()) for rows in curves.blocks.values())
