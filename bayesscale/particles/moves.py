"""Metropolis-Hastings moves of one curve's local parameters for one metric, compiled.

Every move leaves prior * likelihood^temperature as it is. Walks step in the covariance that a cloud of
particles has for the curve, apart for each law, with and without a break.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.models.scale import log_value, log_value_slope, place_of
from bayesscale.particles.collapsed import collapsed_likelihood
from bayesscale.particles.compiled import allocating, compiled
from bayesscale.particles.guide import (
    PARTS,
    TAIL,
    count_free,
    count_moved,
    log_cloud,
    place_in,
    prior_sd,
    put_in,
)
from bayesscale.particles.linear import copy_to
from bayesscale.particles.local import LOG_ROOT_2PI, log_prior, pair_likelihood
from bayesscale.particles.places import GAIN, LAW_COUNT, LEVEL, SHAPE, SLOPE, TAU

_log_value, _place_of = compiled(log_value), compiled(place_of)
_log_value_slope = compiled(log_value_slope)
WALK, SINGLE, LAW, BREAK, JUMP = range(5)
# Steps of a walk, in sds of the cloud, and how often each is taken.
_SHORT, _USUAL, _LONG = 0.25, 0.8, 1.6
_OFTEN_SHORT, _OFTEN_LONG = 0.35, 0.1
# Where a cloud says nothing of a part, a walk takes such steps in sds of the prior.
_BLIND = 0.3
# So often a law changes by carrying over, where the cloud knows both parts.
_CARRIED = 0.75
# A break that leaves less than this share of the law's value is not compensated.
_LEAST_REST = 0.05


@allocating
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
def switch_law(
    law: Any, broken: Any, x: Any, y: Any, weights: Any, prior: Any, guide: Any, data: Any, c: Any, m: Any
) -> tuple[Any, float]:
    """Return another law, and the log ratio of the proposals.

    Mostly y is at the same place in the other law's part of the cloud; else its shape comes from the prior.
    """
    others = 0
    for k in range(LAW_COUNT):
        others += data.allowed[m, k] and k != law
    chosen, new = np.random.randint(others), law
    for k in range(LAW_COUNT):
        if data.allowed[m, k] and k != law:
            if chosen == 0:
                new = k
            chosen -= 1
    now, then = 2 * law + broken, 2 * new + broken
    if guide.known[c, m, now] and guide.known[c, m, then] and np.random.random() < _CARRIED:
        return new, carry(now, then, x, y, weights, guide, c, m)
    z = np.random.standard_normal()
    y[SHAPE] = prior.shape_mean[m, new] + prior.shape_sd[m, new] * z
    back = (x[SHAPE] - prior.shape_mean[m, law]) / prior.shape_sd[m, law]
    ratio = 0.5 * (z * z - back * back) + math.log(prior.shape_sd[m, new] / prior.shape_sd[m, law])
    return new, ratio


@allocating
def carry(now: Any, then: Any, x: Any, y: Any, weights: Any, guide: Any, c: Any, m: Any) -> float:
    """Carry x in one part of the cloud to the same place of another; return the log of how much it stretches.

    A place is told in sds along the axes of its part: what is usual in one part is carried to what is usual
    in the other.
    """
    place, stretch = place_in(now, x, count_moved(guide.free[now % 2], weights), guide, c, m), 0.0
    put_in(then, place, y, guide, c, m)
    for i in range(place.shape[0]):
        stretch += math.log(guide.factor[c, m, then, i, i] / guide.factor[c, m, now, i, i])
    return stretch


@allocating
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
    count = count_moved(guide.free[new % 2], weights)
    noise = np.empty(count)
    long = math.sqrt(0.5 * TAIL / np.random.gamma(0.5 * TAIL, 1.0))
    for i in range(count):
        noise[i] = long * np.random.standard_normal()
    put_in(new, noise, y, guide, c, m)
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


@allocating
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
    prior_now, likelihood : float
        Log prior and log likelihood where the curve is.
    weights : array, shape (N,) or (0,)
        With weights of the values, the likelihood is that with the modes integrated out.
    law, broken, x, prior, guide, data, c, m, out
        See `bayesscale.particles`.
    """
    y, new_law, new_broken, ratio = x.copy(), law, broken, 0.0
    if kind == WALK:
        walk(law, broken, y, weights, prior, guide, data, c, m)
    elif kind == SINGLE:
        place = guide.free[0, np.random.randint(count_free(guide.free[0]))]
        y[place] += 0.6 * prior_sd(place, law, prior, data, c, m) * np.random.standard_normal()
    elif kind == LAW:
        new_law, ratio = switch_law(law, broken, x, y, weights, prior, guide, data, c, m)
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
    """Accept a proposal y with its law and break, or stay; `ratio` is the log ratio of the proposals.

    The other arguments are as in `move`.
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
        copy_to(y, x)
        return new_law, new_broken, new_prior, new_likelihood
    return law, broken, prior_now, likelihood
