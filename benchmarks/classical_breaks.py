"""Breaks without Bayes: what an analyst would compute from one curve of scores, for `breaks.py` to compare.

Piecewise regression in log D, the kink placed where the sum of squares is least, only kinks downward: by the
BIC against a straight line, or against a parabola too, and by the largest t statistic over all places of the
kink against its distribution without one (the test of Davies 1987, doi 10.1093/biomet/74.1.33, with the exact
distribution by simulation in the place of his bound). And the rule of
thumb: below the running maximum.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
LEVEL = 0.05
_PLACES = 101
_NULL_CURVES = 20_000


@dataclass(frozen=True)
class Rule:
    """A number a curve, large where it seems broken, and the thresholds above which it is called so."""

    name: str
    thresholds: tuple[float, ...]


RULES = (
    Rule("BIC, kink over line", (0.0, 6.0)),
    Rule("BIC, kink over line and parabola", (0.0, 6.0)),
    Rule(f"kink in a line, sup t over its {LEVEL:.0%} point", (1.0,)),
    Rule(f"kink in a parabola, sup t over its {LEVEL:.0%} point", (1.0,)),
    Rule("last score below running maximum", (0.0, 1.0)),
    Rule("any score below running maximum", (0.0, 1.0)),
)


def evidence(size: FloatArray, value: FloatArray) -> dict[str, FloatArray]:
    """Return what each of `RULES` gives for curves of the same sizes.

    Parameters
    ----------
    size : array, shape (n,)
        Sizes of the checkpoints, increasing; at least 6.
    value : array, shape (curves, n)
        Scores.
    """
    if len(size) < 6:
        raise ValueError(f"a kink in a parabola has 5 parameters with the noise; received {len(size)} sizes")
    below = np.maximum.accumulate(value, axis=1) - value
    found = (
        *bic_differences(size, value),
        *(kink_t(size, value, degree) / critical_t(tuple(size), degree) for degree in (1, 2)),
        below[:, -1],
        below.max(axis=1),
    )
    return {rule.name: statistic for rule, statistic in zip(RULES, found, strict=True)}


def bic_differences(size: FloatArray, value: FloatArray) -> FloatArray:
    """Return BIC of the line, and of the better of line and parabola, minus BIC of the line with a kink.

    The result is of shape (2, curves). A parabola is hard to beat, since it may fall as no law does.
    """
    count = len(size)
    line, pull, norm = _regression(size, value, degree=1)
    parabola = _regression(size, value, degree=2)[0]
    kinked = line - (np.minimum(pull, 0.0) ** 2 / norm).max(axis=1)
    # Coefficients, the kink's position among them; the noise counts in all three.
    squares = np.stack([line, parabola, kinked])
    bic = count * np.log(squares / count) + np.log(count) * np.array([[2], [3], [4]])
    return np.asarray(np.minimum.accumulate(bic[:2]) - bic[2])


def kink_t(size: FloatArray, value: FloatArray, degree: int) -> FloatArray:
    """Return the largest t statistic of a downward kink in a polynomial over its places, shape (curves,)."""
    squares, pull, norm = _regression(size, value, degree)
    left = squares[:, None] - pull**2 / norm
    t = -pull / np.sqrt(norm * left / (len(size) - degree - 2))
    return np.asarray(t.max(axis=1))


@cache
def critical_t(size: tuple[float, ...], degree: int) -> float:
    """Return the `1 - LEVEL` quantile of `kink_t` for polynomials with normal noise, whatever its size."""
    noise = np.random.default_rng(0).standard_normal((_NULL_CURVES, len(size)))
    return float(np.quantile(kink_t(np.array(size), noise, degree), 1 - LEVEL))


def _regression(
    size: FloatArray, value: FloatArray, degree: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the sums of squares around a polynomial in log D, and what a kink would do at each place.

    The sum of squares is of shape (curves,). Of a kink's column only the part orthogonal to the polynomial
    matters: its products with the curves, (curves, places), and with itself, (places,).
    """
    x = np.log(size / size[0]) / np.log(size[-1] / size[0])
    basis = np.linalg.qr(np.vander(x, degree + 1)).Q
    # Two checkpoints before the kink and two behind it, or a single one would decide.
    places = np.linspace(x[1], x[-2], _PLACES)
    kink = np.maximum(x[:, None] - places, 0.0)
    kink = kink - basis @ (basis.T @ kink)
    residual = value - (value @ basis) @ basis.T
    return (residual**2).sum(axis=1), residual @ kink, (kink**2).sum(axis=0)
