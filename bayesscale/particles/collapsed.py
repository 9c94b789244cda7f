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

from bayesscale.models.scale import above_zero
from bayesscale.particles.compiled import compiled
from bayesscale.particles.local import LARGE, law_and_break, value_and_noise
from bayesscale.particles.places import MODE, NOISE, SHARE

_above_zero = compiled(above_zero)


@compiled
def integrate(x: Any, scale: Any, values: Any, weights: Any, data: Any, c: Any, m: Any) -> Any:
    """Return the log likelihood with the modes integrated out, and what it makes of the modes.

    `scale` is that of the discrepancy in the metric's unit, `values` law and break. Each value's variance is
    divided by its weight.

    Returns
    -------
    tuple of float
        Log likelihood up to a constant; conditional means of both coefficients; their conditional covariance:
        first, both, second.
    """
    first, both, second, one, two, square = 1.0, 0.0, 1.0, 0.0, 0.0, 0.0
    total, scales = 0.0, 1.0
    own, share = math.exp(2.0 * x[NOISE]), 1.0 / (1.0 + math.exp(-x[SHARE]))
    near, least = math.exp(data.log_near[m]), data.floor[m] * data.floor[m]
    for i in range(data.count[c, m]):
        part = _above_zero(values[i], near, np)
        precision = weights[i] / (own * part + least + share * data.variance[c, m, i])
        off = data.value[c, m, i] - values[i]
        left, right = data.modes[c, m, i, 0] * scale * part, data.modes[c, m, i, 1] * scale * part
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
def collapsed_likelihood(
    law: Any, broken: Any, x: Any, weights: Any, data: Any, c: Any, m: Any, out: Any
) -> float:
    """Return the log likelihood of a curve and metric, given weights, with its modes integrated out."""
    scale = law_and_break(law, broken, x, data, c, m, out)
    total = integrate(x, scale, out, weights, data, c, m)[0]
    return total if math.isfinite(total) else -np.inf


@compiled
def draw_weights(law: Any, broken: Any, x: Any, data: Any, c: Any, m: Any, out: Any, weights: Any) -> None:
    """Draw what each value's variance is divided by, given all else."""
    scale = law_and_break(law, broken, x, data, c, m, out)
    for i in range(data.count[c, m]):
        expected, square = value_and_noise(x, scale, out[i], data, c, m, i)
        off = data.value[c, m, i] - expected
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
