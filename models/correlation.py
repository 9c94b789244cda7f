"""Correlations between the effects of a curve, as partial correlations that are independent a priori.

A Cholesky factor of the covariance, sampled as it is, has its off-diagonal elements shrink with the spreads:
a funnel. Partial correlations have no scale.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def correlation_factor(count: int, concentration: float) -> Any:
    """Add correlations with an LKJ prior to the model being built; return their Cholesky factor.

    Under LKJ(eta) the partial correlation of i and j, given all before j, is 2 Beta(b, b) - 1 with b = eta +
    (count - 2 - j) / 2, j from 0 (Lewandowski, Kurowicka and Joe, J. Multivar. Anal. 100, 2009). The
    concentration is eta; 1 is flat. There are at least 2 effects.
    """
    # Imported late: the sampler's draws need none of it.
    import pymc as pm
    import pytensor.tensor as pt

    rows, columns = np.tril_indices(count, -1)
    b = concentration + 0.5 * (count - 2 - columns)
    share = pm.Beta("residual_partial", b, b, shape=len(rows))
    return factor_of(2.0 * share - 1.0, count, xp=pt)


def factor_of(partial: Any, count: int, xp: Any = np) -> Any:
    """Return the Cholesky factor of a correlation matrix, shape (count, count).

    `partial`, shape (count * (count - 1) / 2,), are correlations of i and j given all before j, row by row
    below the diagonal. `xp` is NumPy or `pytensor.tensor`.
    """
    zero, place, rows = 0.0 * partial[0], 0, []
    for i in range(count):
        row, left = [], 1.0 + zero
        for _ in range(i):
            row.append(partial[place] * xp.sqrt(left))
            left = left * (1.0 - partial[place] ** 2)
            place += 1
        rows.append(xp.stack([*row, xp.sqrt(left), *[zero] * (count - 1 - i)]))
    return xp.stack(rows)
