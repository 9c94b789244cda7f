"""One curve and metric with the modes of its discrepancy integrated out, compiled.

Scale and coefficients of a discrepancy hold one another fast. Student-t noise is normal noise whose variance
is divided by a weight, gamma distributed, one a value (West, Biometrika 74, 1987). Given the weights the
coefficients are jointly normal with the values: they are integrated out while everything else moves, and then
drawn.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.particles.compiled import compiled
from bayesscale.particles.local import LARGE, law_parameters, law_values, unit_of, value_of
from bayesscale.particles.places import MODE, NOISE, SHARE, SLOPE, STRAY, TAU


@compiled
def noise_variance(x: Any, variance: Any, floor: Any) -> float:
    """Return the squared scale of the noise of a value with a squared standard error."""
    return math.exp(2.0 * x[NOISE]) + floor * floor + variance / (1.0 + math.exp(-x[SHARE]))


@compiled
def integrate(x: Any, scale: Any, values: Any, weights: Any, data: Any, c: Any, m: Any) -> Any:
    """Return the log likelihood with the modes integrated out, and what it makes of the modes.

    Parameters
    ----------
    x, scale : array, float
        Local parameters, and the scale of the discrepancy in the metric's unit.
    values : array, shape (N,)
        Law and break.
    weights : array, shape (N,)
        What each value's variance is divided by.
    data, c, m : Assembly, int, int
        Data, curve, metric.

    Returns
    -------
    tuple of float
        Log likelihood up to a constant; conditional means of both coefficients; their conditional covariance:
        first, both, second.
    """
    first, both, second, one, two, square = 1.0, 0.0, 1.0, 0.0, 0.0, 0.0
    total, scales = 0.0, 1.0
    own, part = math.exp(2.0 * x[NOISE]) + data.floor[m] * data.floor[m], 1.0 / (1.0 + math.exp(-x[SHARE]))
    for i in range(data.count[c, m]):
        precision = weights[i] / (own + part * data.variance[c, m, i])
        off = data.value[c, m, i] - values[i]
        left, right = data.modes[c, m, i, 0] * scale, data.modes[c, m, i, 1] * scale
        first += precision * left * left
        both += precision * left * right
        second += precision * right * right
        one += precision * left * off
        two += precision * right * off
        square += precision * off * off
        scales *= precision
        if not 1.0 / LARGE < scales < LARGE:
            total += 0.5 * math.log(scales)
            scales = 1.0
    determinant = first * second - both * both
    inner, outer, last = second / determinant, -both / determinant, first / determinant
    left, right = inner * one + outer * two, outer * one + last * two
    total += 0.5 * math.log(scales) - 0.5 * math.log(determinant) - 0.5 * (square - one * left - two * right)
    return total, left, right, inner, outer, last


@compiled
def law_and_break(law: Any, broken: Any, x: Any, data: Any, c: Any, m: Any, out: Any) -> float:
    """Write the values of a curve without its discrepancy; return the scale of that in the metric's unit."""
    u = data.u[c, m]
    level, gain = law_parameters(x, data.log_near[m])
    law_values(law, level, gain, x, u, data.count[c, m], out)
    if broken:
        fall = data.sign[m] * math.exp(level) * x[SLOPE]
        for i in range(data.count[c, m]):
            out[i] += fall * max(u[i] - x[TAU], 0.0)
    return unit_of(level, gain) * math.exp(x[STRAY])


@compiled
def collapsed_likelihood(
    law: Any, broken: Any, x: Any, weights: Any, data: Any, c: Any, m: Any, out: Any
) -> float:
    """Return the log likelihood of a curve and metric, given weights, with its modes integrated out.

    Parameters
    ----------
    law, broken, x : int, bool, array
        As in `bayesscale.particles.local.value_of`; the modes do not count.
    weights : array, shape (N,)
        What each value's variance is divided by.
    data, c, m : Assembly, int, int
        Data, curve, metric.
    out : array, shape (N,)
        Room to work in.
    """
    scale = law_and_break(law, broken, x, data, c, m, out)
    total = integrate(x, scale, out, weights, data, c, m)[0]
    return total if math.isfinite(total) else -np.inf


@compiled
def draw_weights(law: Any, broken: Any, x: Any, data: Any, c: Any, m: Any, out: Any, weights: Any) -> None:
    """Draw what each value's variance is divided by, given all else."""
    value_of(law, broken, x, data, c, m, out)
    for i in range(data.count[c, m]):
        square = noise_variance(x, data.variance[c, m, i], data.floor[m])
        off = data.value[c, m, i] - out[i]
        rate = 0.5 * (data.degrees + off * off / square)
        weights[i] = max(np.random.gamma(0.5 * (data.degrees + 1.0), 1.0) / rate, 1e-12)


@compiled
def draw_modes(law: Any, broken: Any, x: Any, weights: Any, data: Any, c: Any, m: Any, out: Any) -> None:
    """Draw the coefficients of the modes, given all else."""
    scale = law_and_break(law, broken, x, data, c, m, out)
    _, one, two, first, both, second = integrate(x, scale, out, weights, data, c, m)
    z = np.random.standard_normal()
    root = math.sqrt(first)
    x[MODE] = one + root * z
    rest = math.sqrt(max(second - both * both / first, 0.0))
    x[MODE + 1] = two + both / root * z + rest * np.random.standard_normal()
