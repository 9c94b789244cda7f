"""Noise of new measurements: Student-t around the curves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import Curves

FloatArray = NDArray[np.float64]


def student_log_density(value: Any, location: Any, scale: Any, degrees: float) -> FloatArray:
    """Return the log density of Student-t noise with so many degrees of freedom; all arguments broadcast.

    `location` is the curve without noise.
    """
    half = 0.5 * degrees
    constant = gammaln(half + 0.5) - gammaln(half) - 0.5 * np.log(np.pi * degrees)
    standardised = (value - location) / scale
    # Not log1p, which takes several times longer.
    return np.asarray(constant - np.log(scale) - (half + 0.5) * np.log(1.0 + standardised**2 / degrees))


def within(values: Any, metric: str) -> FloatArray:
    """Return values cut at the ends of a metric's range."""
    return np.asarray(np.clip(values, CATALOGUE[metric].low, CATALOGUE[metric].high))


def typical_se(curves: Curves, metric: int) -> float:
    """Return the median standard error of a metric's values; 0 where nobody gave one."""
    scores = len(curves.scores.metrics)
    rows, own = (curves.scores, metric) if metric < scores else (curves.losses, metric - scores)
    known = rows.se[(rows.metric == own) & (rows.se > 0)]
    return float(np.median(known)) if known.size else 0.0
