"""Means and spreads of levels and gains, together with the curves whose data leave these open, compiled.

A curve that begins at a score of zero may begin anywhere below it on the scale. Such gains follow their
population, and it follows them: moved in turn, both crawl (interweaving: Yu and Meng, J. Comput. Graph.
Stat. 20, 2011).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.particles.compiled import allocating, compiled
from bayesscale.particles.local import pair_likelihood
from bayesscale.particles.population import fill_precisions, residuals
from bayesscale.particles.steps import accept, log_spread

# Where `Guide.open` says it of level and gain.
OPEN = 5


@allocating
def move_open(population: Any, data: Any, local: Any, precisions: Any, scales: Any, guide: Any, steps: Any,
              out: Any) -> None:  # fmt: skip
    """Shift means and stretch spreads of levels and gains, with the curves that are left open.

    `precisions` are kept up to date; `scales` are from `draw_scales`.
    """
    for m in range(data.count.shape[1]):
        for place in range(2):
            e = 2 * m + place
            rest = residuals(population, data, local)
            by = math.exp(steps.shift[e]) * np.random.standard_normal()
            change = fixed_shift(m, place, by, population, data, precisions, scales, rest, guide)
            moved = np.full(rest.shape[0], by)
            if try_open(m, place, change, moved, data, local, guide, steps.shift, steps.rate[0], out):
                population.coef[0, e] += by
                rest = residuals(population, data, local)
            by = math.exp(steps.stretch[e]) * np.random.standard_normal()
            change = fixed_stretch(m, place, by, population, data, precisions, scales, rest, guide)
            moved = rest[:, e] * (math.exp(by) - 1.0)
            if try_open(m, place, change, moved, data, local, guide, steps.stretch, steps.rate[0], out):
                population.sd[e] *= math.exp(by)
                fill_precisions(population, data, precisions)


@compiled
def fixed_shift(m: Any, place: Any, by: Any, population: Any, data: Any, precisions: Any, scales: Any,
                rest: Any, guide: Any) -> float:  # fmt: skip
    """Return what shifting a mean changes in the log prior: its own, and that of curves that stay."""
    e = 2 * m + place
    old = (population.coef[0, e] - data.coef_mean[0, e]) / data.coef_sd[0, e]
    new = old + by / data.coef_sd[0, e]
    change = 0.5 * (old * old - new * new)
    for c in range(rest.shape[0]):
        if data.count[c, m] > 0 and not guide.open[c, m, OPEN + place]:
            precision, pull = precisions[data.pattern[c]], 0.0
            for other in range(rest.shape[1]):
                pull += precision[e, other] * rest[c, other]
            change += scales[c] * (by * pull - 0.5 * precision[e, e] * by * by)
    return float(change)


@compiled
def fixed_stretch(m: Any, place: Any, by: Any, population: Any, data: Any, precisions: Any, scales: Any,
                  rest: Any, guide: Any) -> float:  # fmt: skip
    """Return the same of stretching a spread by a factor of e to this."""
    e = 2 * m + place
    now = math.log(population.sd[e])
    change = log_spread(now + by, data.sd_prior[e]) - log_spread(now, data.sd_prior[e])
    shrunk = math.exp(-by)
    for c in range(rest.shape[0]):
        if data.count[c, m] > 0 and not guide.open[c, m, OPEN + place]:
            precision, cross = precisions[data.pattern[c]], 0.0
            for other in range(rest.shape[1]):
                if other != e:
                    cross += precision[e, other] * rest[c, other]
            square = (shrunk * shrunk - 1.0) * precision[e, e] * rest[c, e] ** 2
            change -= by + scales[c] * (0.5 * square + (shrunk - 1.0) * rest[c, e] * cross)
    return float(change)


@allocating
def try_open(m: Any, place: Any, change: Any, moved: Any, data: Any, local: Any, guide: Any, sizes: Any,
             rate: Any, out: Any) -> bool:  # fmt: skip
    """Move the open curves, or nothing; return whether they were.

    `place` is 0 for level and 1 for gain, `change` what the log prior changes by, `moved`, shape (C,), how
    far each curve would go. `sizes` are logarithms of the sizes of steps, which adapt at `rate`.
    """
    curves, known, at = data.count.shape[0], local.likelihood[:, m].copy(), local.x[:, m, place].copy()
    for c in range(curves):
        if data.count[c, m] > 0 and guide.open[c, m, OPEN + place]:
            local.x[c, m, place] += moved[c]
            local.likelihood[c, m] = pair_likelihood(
                local.law[c, m], local.broken[c, m], local.x[c, m], data, c, m, out
            )
            change += local.likelihood[c, m] - known[c]
    if accept(change, sizes, 2 * m + place, rate):
        return True
    for c in range(curves):
        if data.count[c, m] > 0 and guide.open[c, m, OPEN + place]:
            local.x[c, m, place], local.likelihood[c, m] = at[c], known[c]
    return False
