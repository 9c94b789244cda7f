"""The derivative of the log gamma function, compiled in a way that PyTensor 2 can keep on disk.

Degrees of freedom of the noise are estimated, so digamma is in every gradient. PyTensor 2 calls SciPy's by
its address, which is another one in each process: what contains it, the whole gradient, is not kept, and
every fit compiled for two minutes anew. PyTensor 3 looks the address up when it runs.
"""

from __future__ import annotations

import math
from typing import Any

import numba

_SERIES = (-1 / 12, 1 / 120, -1 / 252, 1 / 240, -1 / 132, 691 / 32760, -1 / 12)
"""-B_2k / 2k for k = 1 to 7, with the Bernoulli numbers B."""

_VERSION = 1
"""Part of the name under which compiled code is kept: to be raised where `digamma` changes."""

_LARGE = 10.0
"""From here on the series is exact to the last digit: its first term left out is below 5e-17."""


@numba.njit  # type: ignore[untyped-decorator]
def digamma(x: float) -> float:
    """Return the derivative of the log gamma function.

    The asymptotic series ln x - 1 / 2x - sum_k B_2k / (2k x^2k) (Abramowitz and Stegun 6.3.18), after
    psi(x) = psi(x + 1) - 1 / x until x is large, and psi(x) = psi(1 - x) - pi / tan(pi x) below zero.

    Parameters
    ----------
    x : float
        Any number.

    Returns
    -------
    float
        -infinity at 0 and NaN at negative integers, as in SciPy.
    """
    if x == 0.0:
        return -math.inf
    reflected = 0.0
    if x < 0.0:
        if x == math.floor(x):
            return math.nan
        # Of the distance to the nearest pole only: pi times a large number has lost the digits that count.
        reflected = -math.pi / math.tan(math.pi * (x - math.floor(x + 0.5)))
        x = 1.0 - x
    shifted = 0.0
    while x < _LARGE:
        shifted -= 1.0 / x
        x += 1.0
    square = 1.0 / (x * x)
    series = 0.0
    for coefficient in _SERIES[::-1]:
        series = square * (coefficient + series)
    return reflected + shifted + math.log(x) - 0.5 / x + series


def keep_digamma() -> None:
    """Let PyTensor 2 compile digamma as above; PyTensor 3 stays as it is."""
    import pytensor

    if int(pytensor.__version__.split(".")[0]) >= 3:
        return
    from pytensor.link.numba.dispatch.basic import register_funcify_and_cache_key
    from pytensor.scalar.math import Psi

    @register_funcify_and_cache_key(Psi)  # type: ignore[untyped-decorator]
    def of_numba(op: Any, node: Any, **options: Any) -> tuple[Any, str]:
        return digamma, f"bayesscale_digamma_{_VERSION}"
