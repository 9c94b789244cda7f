"""Curves change places with their particles, compiled.

State and particles of a curve together have the density p(state | population) * product of p(particle |
proposal). Both share the likelihood, so which of them is the state has odds p(. | population) / p(. |
proposal): a draw of it is as exact as it is cheap.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.particles.compiled import compiled
from bayesscale.particles.local import log_prior


@compiled
def exchange(c: Any, m: Any, start: Any, odds: Any, proposal: Any, data: Any, pool: Any, local: Any) -> None:
    """Let a curve and one of its particles change places.

    Parameters
    ----------
    c, m : int
        Curve and metric.
    start : int
        The first of the particles that may change places; behind the last comes the first.
    odds : array, shape (particles + 1,)
        Log odds of the particles, and of the state, the last.
    proposal, data, pool, local : LocalPrior, Assembly, Pool, Local
        The population under which clouds are, the data, the clouds and the curves.
    """
    count, largest, total, squares = odds.shape[0] - 1, odds.max(), 0.0, 0.0
    for i in range(count + 1):
        odds[i] = math.exp(odds[i] - largest)
        total += odds[i]
        squares += odds[i] * odds[i]
    local.effective[c, m] = total * total / squares
    r, chosen = total * np.random.random(), count
    for i in range(count):
        r -= odds[i]
        if r < 0.0:
            chosen = i
            break
    if chosen < count:
        chosen = (start + chosen) % pool.law.shape[2]
        x, law, broken = local.x[c, m].copy(), local.law[c, m], local.broken[c, m]
        likelihood, under = local.likelihood[c, m], log_prior(law, broken, x, proposal, data, c, m)
        local.x[c, m] = pool.x[c, m, chosen]
        local.law[c, m], local.broken[c, m] = pool.law[c, m, chosen], pool.broken[c, m, chosen]
        local.likelihood[c, m] = pool.likelihood[c, m, chosen]
        pool.x[c, m, chosen], pool.law[c, m, chosen], pool.broken[c, m, chosen] = x, law, broken
        pool.prior[c, m, chosen], pool.likelihood[c, m, chosen] = under, likelihood
