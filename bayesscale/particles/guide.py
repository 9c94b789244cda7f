"""What a cloud of particles tells of a posterior: its parts, and a distribution fitted to each; compiled."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesscale.models.assembly import Assembly
from bayesscale.particles.compiled import allocating, compiled
from bayesscale.particles.linear import cholesky
from bayesscale.particles.places import GAIN, LAW_COUNT, LEVEL, LOCAL, MODE, NOISE, SHAPE, SLOPE, TAU

PARTS = 2 * LAW_COUNT
"""Parts of a posterior: each law, unbroken and broken."""
TAIL = 6.0
"""Degrees of freedom of the distributions that are fitted to parts."""
# So many particles are needed to fit distributions to parts, per parameter in all and of a part at least.
_PER_PARAMETER, _LEAST = 2, 4
# A fitted covariance is widened a little, and never narrower than this share of the prior's sd.
_WIDER, _NARROWEST = 1.15, 1e-3


class Guide(NamedTuple):
    """What clouds of particles have told of every curve and metric.

    Parameters
    ----------
    known : array of bool, shape (C, M, PARTS)
        Whether there were enough particles of a part.
    centre : array, shape (C, M, PARTS, LOCAL)
        Mean of the parameters that are free in it.
    factor : array, shape (C, M, PARTS, LOCAL, LOCAL)
        Cholesky factor of the covariance of the parameters that are free in it.
    open : array of bool, shape (C, M, 7)
        Whether data leave open the four of `POOLED`, the shape, the level and the gain.
    free : array of int, shape (2, LOCAL)
        Which parameters are free without a break and with one, the modes last; -1 beyond the last.
    """

    known: NDArray[np.bool_]
    centre: NDArray[np.float64]
    factor: NDArray[np.float64]
    open: NDArray[np.bool_]
    free: NDArray[np.int64]


def free_places(data: Assembly) -> NDArray[np.int64]:
    """Return which local parameters are estimated, without a break and with one; see `Guide.free`."""
    own = [LEVEL, GAIN, SHAPE, *(NOISE + k for k in range(4) if data.pooled_free[k])]
    modes = [MODE, MODE + 1] if data.pooled_free[1] else []
    found = np.full((2, LOCAL), -1, dtype=np.int64)
    found[0, : len(own) + len(modes)] = [*own, *modes]
    found[1, : len(own) + 2 + len(modes)] = [*own, TAU, SLOPE, *modes]
    return found


def no_guide(data: Assembly) -> Guide:
    """Return a guide that says nothing yet."""
    shape = (*data.count.shape, PARTS)
    undecided = np.ones((*data.count.shape, 7), dtype=np.bool_)
    known, centre = np.zeros(shape, dtype=np.bool_), np.zeros((*shape, LOCAL))
    return Guide(known, centre, np.zeros((*shape, LOCAL, LOCAL)), undecided, free_places(data))


@compiled
def count_free(free: Any) -> int:
    """Return how many parameters are free."""
    count = 0
    while count < free.shape[0] and free[count] >= 0:
        count += 1
    return count


@compiled
def count_moved(free: Any, weights: Any) -> int:
    """Return how many parameters move: the modes do not where they are integrated out, given weights."""
    count = count_free(free)
    return count - 2 if weights.shape[0] > 0 and free[count - 1] == MODE + 1 else count


@compiled
def prior_sd(place: Any, law: Any, prior: Any, data: Any, c: Any, m: Any) -> float:
    """Return the sd of a local parameter under a population, roughly."""
    if place == LEVEL:
        return 1.0 / math.sqrt(prior.precision[c, m, 0])
    if place == GAIN:
        return 1.0 / math.sqrt(prior.precision[c, m, 2])
    if place == SHAPE:
        return float(prior.shape_sd[m, law])
    if place == TAU:
        return 0.3 * (data.last[c, m] - data.first[c, m]) + 1e-12
    if place == SLOPE:
        return float(data.break_spread * prior.fall[m])
    if place >= MODE:
        return 1.0
    return float(prior.pooled_sd[place - NOISE, m])


@allocating
def scatter(x: Any, law: Any, broken: Any, flag: Any, free: Any) -> tuple[Any, Any, Any]:
    """Return how many particles each law has, broken or not, their centres, and squares around them."""
    count, own = count_free(free), np.zeros(LAW_COUNT)
    centre, spread = np.zeros((LAW_COUNT, count)), np.zeros((LAW_COUNT, count, count))
    for i in range(x.shape[0]):
        if broken[i] == flag:
            own[law[i]] += 1
            for d in range(count):
                centre[law[i], d] += x[i, free[d]]
    for k in range(LAW_COUNT):
        centre[k] /= max(own[k], 1)
    for i in range(x.shape[0]):
        if broken[i] == flag:
            k = law[i]
            for d in range(count):
                for e in range(count):
                    spread[k, d, e] += (x[i, free[d]] - centre[k, d]) * (x[i, free[e]] - centre[k, e])
    return own, centre, spread


@allocating
def fit_parts(x: Any, law: Any, broken: Any, prior: Any, guide: Any, data: Any, c: Any, m: Any) -> None:
    """Write centre and covariance of the particles of each part; with too few they stay as they were.

    The fewer particles a part has, the more its covariance is shrunk to the one pooled over laws.
    """
    for flag in range(2):
        free = guide.free[flag]
        own, centre, spread = scatter(x, law, broken, flag, free)
        count, total = centre.shape[1], own.sum()
        if total < _PER_PARAMETER * count:
            continue
        # Shapes of different laws have scales of their own.
        scale, pooled = np.ones((LAW_COUNT, count, count)), np.zeros((count, count))
        for k in range(LAW_COUNT):
            for d in range(count):
                if free[d] == SHAPE:
                    scale[k, d, :] *= prior.shape_sd[m, k]
                    scale[k, :, d] *= prior.shape_sd[m, k]
            pooled += spread[k] / scale[k]
        for k in range(LAW_COUNT):
            if own[k] >= _LEAST:
                part, shared = 2 * k + flag, count * scale[k] * pooled / total
                covariance = _WIDER * (spread[k] + shared) / (own[k] + count)
                for d in range(count):
                    covariance[d, d] += (_NARROWEST * prior_sd(free[d], k, prior, data, c, m)) ** 2
                guide.known[c, m, part] = True
                guide.centre[c, m, part, :count] = centre[k]
                guide.factor[c, m, part, :count, :count] = cholesky(covariance)


@allocating
def place_in(part: Any, x: Any, count: Any, guide: Any, c: Any, m: Any) -> Any:
    """Return where x is in a part, in sds along its axes."""
    free, place = guide.free[part % 2], np.empty(count)
    centre, factor = guide.centre[c, m, part], guide.factor[c, m, part]
    for i in range(count):
        place[i] = x[free[i]] - centre[i]
        for j in range(i):
            place[i] -= factor[i, j] * place[j]
        place[i] /= factor[i, i]
    return place


@compiled
def put_in(part: Any, place: Any, y: Any, guide: Any, c: Any, m: Any) -> None:
    """Write to y what is at a place of a part, see `place_in`."""
    free, centre, factor = guide.free[part % 2], guide.centre[c, m, part], guide.factor[c, m, part]
    for i in range(place.shape[0]):
        y[free[i]] = centre[i]
        for j in range(i + 1):
            y[free[i]] += factor[i, j] * place[j]


@allocating
def log_cloud(part: Any, x: Any, weights: Any, guide: Any, c: Any, m: Any) -> float:
    """Return the log density of a multivariate t distribution that is fitted to a part of a cloud."""
    free = guide.free[part % 2]
    count = count_moved(free, weights)
    place, total = place_in(part, x, count, guide, c, m), 0.0
    square = (place * place).sum()
    for i in range(count):
        total -= math.log(guide.factor[c, m, part, i, i])
    # What depends on the number of parameters, which differs by part.
    total += math.lgamma(0.5 * (TAIL + count)) - 0.5 * count * math.log(TAIL * math.pi)
    return total - 0.5 * (TAIL + count) * math.log1p(square / TAIL)
