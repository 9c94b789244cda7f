"""Hamiltonian trajectories of one curve under its population, compiled.

A few leapfrog steps in coordinates in which the posterior is about round. Sizes of steps adapt during warm-
up.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.particles.compiled import allocating, compiled
from bayesscale.particles.gradient import add_prior_gradient, pair_gradient
from bayesscale.particles.guide import count_moved
from bayesscale.particles.linear import copy_to
from bayesscale.particles.local import log_prior
from bayesscale.particles.places import LOCAL, TAU
from bayesscale.particles.steps import arrive

# Trajectories are so long on average, in sds of the cloud, and have at most so many steps.
_LENGTH, _MOST = 1.2, 16


@compiled
def pull(law: Any, broken: Any, x: Any, weights: Any, prior: Any, guide: Any, data: Any, c: Any, m: Any,
         room: Any, gradient: Any, white: Any) -> float:  # fmt: skip
    """Write the gradient of the log posterior in the cloud's coordinates; return the log likelihood."""
    likelihood = pair_gradient(law, broken, x, weights, data, c, m, room, gradient)
    add_prior_gradient(law, broken, x, prior, data, c, m, gradient)
    free, factor = guide.free[broken], guide.factor[c, m, 2 * law + broken]
    count = count_moved(free, weights)
    for j in range(count):
        white[j] = 0.0
        for i in range(j, count):
            white[j] += factor[i, j] * gradient[free[i]]
    return likelihood


@allocating
def glide(law: Any, broken: Any, x: Any, now: Any, likelihood: Any, weights: Any, prior: Any, guide: Any,
          data: Any, c: Any, m: Any, steps: Any, rate: Any, room: Any) -> tuple[float, float]:  # fmt: skip
    """Move x along a trajectory; return log prior and log likelihood afterwards.

    The modes are integrated out. `now` and `likelihood` are log prior and log likelihood before; `steps`,
    shape (C, M), logarithms of the sizes of steps, which adapt at `rate`.
    """
    if not guide.known[c, m, 2 * law + broken]:
        return now, likelihood
    free, factor = guide.free[broken], guide.factor[c, m, 2 * law + broken]
    count = count_moved(free, weights)
    y, gradient, white, momentum = x.copy(), np.empty(LOCAL), np.empty(count), np.empty(count)
    size, kinetic = math.exp(steps[c, m]), 0.0
    for i in range(count):
        momentum[i] = np.random.standard_normal()
        kinetic += 0.5 * momentum[i] ** 2
    turns, new = 1 + np.random.randint(min(_MOST, 1 + int(2.0 * _LENGTH / size))), likelihood
    pull(law, broken, y, weights, prior, guide, data, c, m, room, gradient, white)
    for _ in range(turns):
        for i in range(count):
            momentum[i] += 0.5 * size * white[i]
        for i in range(count):
            for j in range(i + 1):
                y[free[i]] += size * factor[i, j] * momentum[j]
        new = pull(law, broken, y, weights, prior, guide, data, c, m, room, gradient, white)
        if not math.isfinite(new):
            break
        for i in range(count):
            momentum[i] += 0.5 * size * white[i]
    inside = not broken or data.first[c, m] < y[TAU] < data.last[c, m]
    then = log_prior(law, broken, y, prior, data, c, m) if inside and math.isfinite(new) else -np.inf
    change = then + new - now - likelihood + kinetic
    for i in range(count):
        change -= 0.5 * momentum[i] ** 2
    if arrive(change, steps, (c, m), rate) and math.isfinite(change):
        copy_to(y, x)
        return then, new
    return now, likelihood
