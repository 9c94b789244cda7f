"""Take-offs: scores that are still near zero at the last measured size, and leave zero afterwards.

Laws that have been flat near zero stay there, and while nothing has happened the data do not tell when it
will. So how long a score waits is exponential, and how steeply it then rises is log-normal: with tau the
position of the take-off, r > 0 and y the metric's typical value, r y max(u - tau, 0) is added to the curve.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayesscale.metrics.curves import Curves
from bayesscale.models.scale import log_near_zero
from bayesscale.posterior.draws import Draws
from bayesscale.posterior.local import Local
from bayesscale.posterior.random import keyed_rng

FloatArray = NDArray[np.float64]


def last_positions(curves: Curves, metric: int) -> FloatArray:
    """Return u of the last size at which each curve has a score, shape (curves,); NaN where there is none."""
    found = np.full(len(curves), -np.inf)
    if metric < len(curves.scores.metrics):
        own = curves.scores.metric == metric
        np.maximum.at(found, curves.scores.unit[own], curves.axis.u(curves.scores.size[own]))
    return np.where(np.isfinite(found), found, np.nan)


def rise(
    draws: Draws, local: Local, metric: int, last: FloatArray, u: FloatArray, seed: int, keys: list[str]
) -> FloatArray | None:
    """Return what take-offs add to curves, shape (curves, sizes, draws); None where nothing is near zero.

    Parameters
    ----------
    draws, local : Draws, Local
        The draws, and the curves in them.
    metric : int
        Position of the metric.
    last : array, shape (curves,)
        From `last_positions`; a curve without one does not take off.
    u : array, shape (curves, sizes)
        Scaled positions.
    seed : int
        Seed of what the data do not say.
    keys : list of str
        One key a curve, on which its random numbers depend.
    """
    near = np.exp(log_near_zero((local.metric,), draws.priors))[0]
    there = np.where(np.isnan(last), 0.0, last)[:, None]
    low = (local.value(there)[:, 0] < near) & ~np.isnan(last)[:, None]
    if not low.any():
        return None
    prior, span = draws.priors.take_off, draws.curves.axis.span
    rngs = [keyed_rng(seed, "take-off", local.metric, key) for key in keys]
    random = [(rng.standard_exponential(draws.count), rng.standard_normal(draws.count)) for rng in rngs]
    waited, steep = (np.array(part) for part in zip(*random, strict=True))
    start = there + waited / (prior.hazard * span)
    slope = np.exp(prior.slope.spread * steep) * prior.slope.median * span * near / draws.priors.near_zero
    return np.asarray(np.maximum(u[..., None] - start[:, None], 0.0) * (slope * low)[:, None])
