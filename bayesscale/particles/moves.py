"""Metropolis-Hastings moves of one curve's local parameters for one metric, compiled.

Every move leaves prior * likelihood^temperature as it is. Walks step in the covariance that a cloud of
particles has for the curve, apart for each law, with and without a break.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesscale.models.assembly import Assembly
from bayesscale.models.scale import log_value, log_value_slope, place_of
from bayesscale.particles.collapsed import collapsed_likelihood
from bayesscale.particles.compiled import compiled
from bayesscale.particles.local import LOG_ROOT_2PI, log_prior, pair_likelihood
from bayesscale.particles.places import GAIN, LAW_COUNT, LEVEL, LOCAL, MODE, NOISE, SHAPE, SLOPE, TAU

_log_value, _place_of = compiled(log_value), compiled(place_of)
_log_value_slope = compiled(log_value_slope)
WALK, SINGLE, LAW, BREAK, JUMP = range(5)
PARTS = 2 * LAW_COUNT
"""Parts of a posterior: each law, unbroken and broken."""
# Steps of a walk, in sds of the cloud, and how often each is taken.
_SHORT, _USUAL, _LONG = 0.25, 0.8, 1.6
_OFTEN_SHORT, _OFTEN_LONG = 0.35, 0.1
# Where a cloud says nothing of a part, a walk takes such steps in sds of the prior.
_BLIND = 0.3
# Degrees of freedom of the distributions that jumps draw from.
_TAIL = 6.0
# A break that leaves less than this share of the law's value is not compensated.
_LEAST_REST = 0.05


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


@compiled
def walk(
    law: Any, broken: Any, y: Any, weights: Any, prior: Any, guide: Any, data: Any, c: Any, m: Any
) -> None:
    """Move y by a step in the covariance of the cloud."""
    part, free = 2 * law + broken, guide.free[broken]
    count = count_moved(free, weights)
    r = np.random.random()
    size = _SHORT if r < _OFTEN_SHORT else _LONG if r < _OFTEN_SHORT + _OFTEN_LONG else _USUAL
    if guide.known[c, m, part]:
        factor, noise = guide.factor[c, m, part], np.empty(count)
        for i in range(count):
            noise[i] = size * np.random.standard_normal()
        for i in range(count):
            for j in range(i + 1):
                y[free[i]] += factor[i, j] * noise[j]
    else:
        for i in range(count):
            sd = prior_sd(free[i], law, prior, data, c, m)
            y[free[i]] += _BLIND * size * sd * np.random.standard_normal()


@compiled
def switch_law(law: Any, x: Any, y: Any, prior: Any, data: Any, m: Any) -> tuple[Any, float]:
    """Return another law, its shape drawn from the prior, and the log ratio of the proposals."""
    others = 0
    for k in range(LAW_COUNT):
        others += data.allowed[m, k] and k != law
    chosen, new = np.random.randint(others), law
    for k in range(LAW_COUNT):
        if data.allowed[m, k] and k != law:
            if chosen == 0:
                new = k
            chosen -= 1
    z = np.random.standard_normal()
    y[SHAPE] = prior.shape_mean[m, new] + prior.shape_sd[m, new] * z
    back = (x[SHAPE] - prior.shape_mean[m, law]) / prior.shape_sd[m, law]
    ratio = 0.5 * (z * z - back * back) + math.log(prior.shape_sd[m, new] / prior.shape_sd[m, law])
    return new, ratio


@compiled
def log_cloud(part: Any, x: Any, weights: Any, guide: Any, c: Any, m: Any) -> float:
    """Return the log density of a multivariate t distribution that is fitted to a part of a cloud."""
    free = guide.free[part % 2]
    count = count_moved(free, weights)
    centre, factor, rest = guide.centre[c, m, part], guide.factor[c, m, part], np.empty(count)
    square, total = 0.0, 0.0
    for i in range(count):
        rest[i] = x[free[i]] - centre[i]
        for j in range(i):
            rest[i] -= factor[i, j] * rest[j]
        rest[i] /= factor[i, i]
        square += rest[i] * rest[i]
        total -= math.log(factor[i, i])
    # What depends on the number of parameters, which differs by part.
    total += math.lgamma(0.5 * (_TAIL + count)) - 0.5 * count * math.log(_TAIL * math.pi)
    return total - 0.5 * (_TAIL + count) * math.log1p(square / _TAIL)


@compiled
def jump(law: Any, broken: Any, x: Any, y: Any, weights: Any, guide: Any, data: Any, c: Any, m: Any) -> Any:
    """Return law and break of a draw from any part of the cloud, and the log ratio of the proposals."""
    now, parts = 2 * law + broken, 0
    for part in range(PARTS):
        parts += guide.known[c, m, part]
    if parts == 0 or not guide.known[c, m, now]:
        return law, broken, -np.inf
    chosen, new = np.random.randint(parts), now
    for part in range(PARTS):
        if guide.known[c, m, part]:
            if chosen == 0:
                new = part
            chosen -= 1
    free = guide.free[new % 2]
    count = count_moved(free, weights)
    centre, factor, noise = guide.centre[c, m, new], guide.factor[c, m, new], np.empty(count)
    long = math.sqrt(0.5 * _TAIL / np.random.gamma(0.5 * _TAIL, 1.0))
    for i in range(count):
        noise[i] = long * np.random.standard_normal()
    for i in range(count):
        y[free[i]] = centre[i]
        for j in range(i + 1):
            y[free[i]] += factor[i, j] * noise[j]
    ratio = log_cloud(now, x, weights, guide, c, m) - log_cloud(new, y, weights, guide, c, m)
    return new // 2, new % 2, ratio


@compiled
def keep_end(y: Any, way: Any, data: Any, c: Any, m: Any) -> float:
    """Move the law so that the ends of the curve stay where they are as a break comes (way 1) or goes (-1).

    Return the log of how much it stretches the levels; -inf where there is no such law.
    """
    sign, log_near, old = data.sign[m], data.log_near[m], y[LEVEL]
    rest = 1.0 + sign * y[SLOPE] * (data.last[c, m] - y[TAU])
    if rest <= _LEAST_REST:
        return -np.inf
    new = _place_of(_log_value(old, log_near, np) - way * math.log(rest), log_near, np)
    y[LEVEL], y[GAIN] = new, y[GAIN] + sign * (new - old)
    return math.log(_log_value_slope(old, log_near, np) / _log_value_slope(new, log_near, np))


@compiled
def change_break(broken: Any, x: Any, y: Any, prior: Any, data: Any, c: Any, m: Any) -> tuple[Any, float]:
    """Return a break that is born, moved or gone, and the log ratio of the proposals.

    Half of the births and deaths move the law as well: an unbroken law fits all of a curve, a broken one its
    beginning.
    """
    length = data.last[c, m] - data.first[c, m]
    spread, fall = data.break_spread * prior.fall[m], prior.fall[m]
    moved = np.random.random() < 0.5
    if broken and np.random.random() < 0.5:
        y[TAU] += 0.1 * length * np.random.standard_normal()
        y[SLOPE] += 0.3 * spread * np.random.standard_normal()
        return 1, 0.0
    if broken:
        stretch = keep_end(y, -1.0, data, c, m) if moved else 0.0
        off = (x[SLOPE] + fall) / spread
        # A death is tried half as often as a birth.
        return 0, stretch - 0.5 * off * off - math.log(spread * length) - LOG_ROOT_2PI + math.log(2.0)
    y[TAU] = data.first[c, m] + length * np.random.random()
    off = np.random.standard_normal()
    y[SLOPE] = spread * off - fall
    stretch = keep_end(y, 1.0, data, c, m) if moved else 0.0
    return 1, stretch + 0.5 * off * off + math.log(spread * length) + LOG_ROOT_2PI - math.log(2.0)


@compiled
def move(
    kind: Any, temperature: Any, law: Any, broken: Any, x: Any, prior_now: Any, likelihood: Any,
    weights: Any, prior: Any, guide: Any, data: Any, c: Any, m: Any, out: Any,
) -> tuple[Any, Any, float, float]:  # fmt: skip
    """Try one move of x in place; return law, break, log prior and log likelihood afterwards.

    Parameters
    ----------
    kind : int
        `WALK`, `SINGLE` (one parameter), `LAW`, `BREAK`, or `JUMP` (anywhere in the cloud).
    temperature : float
        Power of the likelihood.
    law, broken, x : int, int, array
        Where the curve is.
    prior_now, likelihood : float
        Log prior and log likelihood there.
    weights : array, shape (N,) or (0,)
        With weights of the values, the likelihood is that with the modes integrated out.
    prior, guide, data : LocalPrior, Guide, Assembly
        The population, the clouds, the data.
    c, m : int
        Curve and metric.
    out : array
        Room for the values.
    """
    y, new_law, new_broken, ratio = x.copy(), law, broken, 0.0
    if kind == WALK:
        walk(law, broken, y, weights, prior, guide, data, c, m)
    elif kind == SINGLE:
        place = guide.free[0, np.random.randint(count_free(guide.free[0]))]
        y[place] += 0.6 * prior_sd(place, law, prior, data, c, m) * np.random.standard_normal()
    elif kind == LAW:
        new_law, ratio = switch_law(law, x, y, prior, data, m)
    elif kind == JUMP:
        new_law, new_broken, ratio = jump(law, broken, x, y, weights, guide, data, c, m)
    else:
        new_broken, ratio = change_break(broken, x, y, prior, data, c, m)
    return settle(
        temperature, law, broken, x, prior_now, likelihood, new_law, new_broken, y, ratio, weights, prior,
        data, c, m, out,
    )  # fmt: skip


@compiled
def stir(
    law: Any, broken: Any, x: Any, prior_now: Any, likelihood: Any, weights: Any, several: Any,
    can_break: Any, prior: Any, guide: Any, data: Any, c: Any, m: Any, out: Any,
) -> tuple[Any, Any, float, float]:  # fmt: skip
    """Try another law, another break, a jump and a walk; arguments as in `move`.

    A jump arrives seldom from where it leads seldom: what the cloud's normal shape leaves out has to walk.

    Parameters
    ----------
    several, can_break : bool
        Whether the pair may follow several laws, and break within the data.
    law, broken, x, prior_now, likelihood, weights, prior, guide, data, c, m, out
        As in `move`.
    """
    for kind in (LAW, BREAK, JUMP, WALK):
        if (kind == LAW and not several) or (kind == BREAK and not can_break):
            continue
        law, broken, prior_now, likelihood = move(
            kind, 1.0, law, broken, x, prior_now, likelihood, weights, prior, guide, data, c, m, out
        )
    return law, broken, prior_now, likelihood


@compiled
def settle(
    temperature: Any, law: Any, broken: Any, x: Any, prior_now: Any, likelihood: Any, new_law: Any,
    new_broken: Any, y: Any, ratio: Any, weights: Any, prior: Any, data: Any, c: Any, m: Any, out: Any,
) -> tuple[Any, Any, float, float]:  # fmt: skip
    """Accept a proposal y with its law and break, or stay.

    Parameters
    ----------
    temperature, law, broken, x, prior_now, likelihood, weights, prior, data, c, m, out
        As in `move`.
    new_law, new_broken, y : int, int, array
        What is proposed.
    ratio : float
        Log ratio of the proposals.
    """
    if new_broken and not data.first[c, m] < y[TAU] < data.last[c, m]:
        return law, broken, prior_now, likelihood
    new_prior = log_prior(new_law, new_broken, y, prior, data, c, m)
    if not (math.isfinite(new_prior) and math.isfinite(ratio)):
        return law, broken, prior_now, likelihood
    if weights.shape[0] > 0:
        new_likelihood = collapsed_likelihood(new_law, new_broken, y, weights, data, c, m, out)
    else:
        new_likelihood = pair_likelihood(new_law, new_broken, y, data, c, m, out)
    change = new_prior - prior_now + temperature * (new_likelihood - likelihood) + ratio
    if math.log(np.random.random()) < change:
        x[:] = y
        return new_law, new_broken, new_prior, new_likelihood
    return law, broken, prior_now, likelihood
