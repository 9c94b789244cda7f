"""Steps by the difference of two particles, compiled (ter Braak, Stat. Comput. 16, 2006).

Where a curve has two explanations, some differences lead from one to the other. The particles stay as they
are, and which two are taken does not depend on where the curve is: the step is as likely as its reverse.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.particles.compiled import allocating, compiled
from bayesscale.particles.guide import count_moved
from bayesscale.particles.moves import settle

# How often a step is the whole difference, which leads to other modes. The length of other steps is so large,
# over the root of how many parameters there are.
_WHOLE, _LENGTH = 0.5, 1.2
_TRIES = 20


@compiled
def like(part: Any, pool: Any, c: Any, m: Any) -> int:
    """Return a random particle of a part; -1 if none was met."""
    for _ in range(_TRIES):
        i = np.random.randint(pool.law.shape[2])
        if 2 * pool.law[c, m, i] + pool.broken[c, m, i] == part:
            return i
    return -1


@allocating
def step_by_difference(
    law: Any, broken: Any, x: Any, prior_now: Any, likelihood: Any, weights: Any, prior: Any,
    guide: Any, pool: Any, data: Any, c: Any, m: Any, out: Any,
) -> tuple[Any, Any, float, float]:  # fmt: skip
    """Try one step of x in place, with arguments and results as of `bayesscale.particles.moves.move`."""
    part, free = 2 * law + broken, guide.free[broken]
    one, two = like(part, pool, c, m), like(part, pool, c, m)
    if one < 0 or two < 0 or one == two:
        return law, broken, prior_now, likelihood
    count, y = count_moved(free, weights), x.copy()
    size = 1.0 if np.random.random() < _WHOLE else _LENGTH / math.sqrt(count)
    for i in range(count):
        y[free[i]] += size * (pool.x[c, m, one, free[i]] - pool.x[c, m, two, free[i]])
    return settle(
        1.0, law, broken, x, prior_now, likelihood, law, broken, y, 0.0, weights, prior, data, c, m, out
    )
