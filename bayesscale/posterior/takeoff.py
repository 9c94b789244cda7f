"""Take-offs: scores whose laws are near zero up to the last measured size, and leave zero afterwards.

Laws that have been flat near zero stay there, and while nothing has happened the data do not tell when it
will. So how long a score waits is exponential, and how steeply it then rises is log-normal: with tau the
position of the take-off, r > 0 and y the metric's typical value, r y max(u - tau, 0) is added to the curve.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayesscale.metrics.curves import Curves
from bayesscale.posterior.draws import Draws
from bayesscale.posterior.local import Local
from bayesscale.posterior.random import keyed_rng

FloatArray = NDArray[np.float64]


def waits_from(curves: Curves, metric: int) -> FloatArray | None:
    """Return u of the last size at which each curve has a score, shape (curves + 1,); None for losses.

    Curves without one wait from the median of the others, which also stands last.
    """
    if metric >= len(curves.scores.metrics):
        return None
    found, own = np.full(len(curves) + 1, -np.inf), curves.scores.metric == metric
    np.maximum.at(found, curves.scores.unit[own], curves.axis.u(curves.scores.size[own]))
    return np.where(np.isfinite(found), found, np.median(found[np.isfinite(found)]))


def waiting(local: Local, last: FloatArray) -> NDArray[np.bool_]:
    """Return in which draws curves have not left zero by u = last, shape (curves, draws).

    That is said of laws, from the lower anchor to the last size: scores that fell are another matter.
    """
    ends = np.stack([np.zeros(len(last)), last], axis=1)
    return np.asarray(local.unbroken(ends).max(axis=1) < local.gauge.near)


def rise(
    draws: Draws, local: Local, last: FloatArray, u: FloatArray, seed: int, keys: list[str]
) -> FloatArray | None:
    """Return what take-offs add to curves, shape (curves, sizes, draws); None where nothing is near zero.

    `last`, shape (curves,), is from `waits_from`; `u`, shape (curves, sizes), are scaled positions. The
    random numbers of a curve depend on the seed and its key.
    """
    low = waiting(local, last)
    if not low.any():
        return None
    prior, span = draws.priors.take_off, draws.curves.axis.span
    rngs = [keyed_rng(seed, "take-off", local.metric, key) for key in keys]
    random = [(rng.standard_exponential(draws.count), rng.standard_normal(draws.count)) for rng in rngs]
    waited, steep = (np.array(part) for part in zip(*random, strict=True))
    start = last[:, None] + waited / (prior.hazard * span)
    typical = local.gauge.near / draws.priors.near_zero
    slope = np.exp(prior.slope.spread * steep) * prior.slope.median * span * typical
    return np.asarray(np.maximum(u[..., None] - start[:, None], 0.0) * (slope * low)[:, None])
