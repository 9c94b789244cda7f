"""Normal effects integrated out of a normal likelihood: the algebra of discrepancies and breaks.

Values with residuals r and weights w (1 / variance) have effects ``columns @ b`` with b standard normal. All
functions take NumPy arrays or tensors; the few columns are lists, so that every step is elementwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Absorbed:
    """The posterior of b given the values.

    Its precision is ``factor @ factor.T``, and ``solved = factor^-1 @ pull``.

    Parameters
    ----------
    factor : list of list of array
        Lower triangular Cholesky factor, rows first.
    solved : list of array
    log_ratio : array
        log p(values) - log p(values | b = 0).
    """

    factor: list[list[Any]]
    solved: list[Any]
    log_ratio: Any

    def forward(self, pull: list[Any]) -> list[Any]:
        """Return factor^-1 @ pull."""
        found: list[Any] = []
        for row, own in zip(self.factor, pull, strict=True):
            rest = own
            for left, known in zip(row, found, strict=False):
                rest = rest - left * known
            found.append(rest / row[-1])
        return found

    def backward(self, solved: list[Any]) -> list[Any]:
        """Return (factor.T)^-1 @ solved."""
        count = len(solved)
        found: list[Any] = [None] * count
        for i in reversed(range(count)):
            rest = solved[i]
            for j in range(i + 1, count):
                rest = rest - self.factor[j][i] * found[j]
            found[i] = rest / self.factor[i][i]
        return found


def cholesky(matrix: list[list[Any]], xp: Any = np) -> list[list[Any]]:
    """Return the lower triangular Cholesky factor, rows first.

    Parameters
    ----------
    matrix : list of list of array
        Lower triangle of a positive definite matrix.
    xp : module
        NumPy or `pytensor.tensor`.
    """
    factor: list[list[Any]] = []
    for i, row in enumerate(matrix):
        own: list[Any] = []
        for j in range(i):
            rest = row[j]
            for k in range(j):
                rest = rest - own[k] * factor[j][k]
            own.append(rest / factor[j][j])
        own.append(xp.sqrt(row[i] - sum(left**2 for left in own)))
        factor.append(own)
    return factor


def absorb(gram: list[list[Any]], pull: list[Any], xp: Any = np) -> Absorbed:
    """Integrate out b.

    Parameters
    ----------
    gram : list of list of array
        Lower triangle of columns.T @ diag(w) @ columns.
    pull : list of array
        columns.T @ (w r).
    xp : module
        NumPy or `pytensor.tensor`.
    """
    whole = [[*row[:-1], row[-1] + 1.0] for row in gram]
    factor = cholesky(whole, xp)
    ready = Absorbed(factor, [], 0.0)
    solved = ready.forward(pull)
    log_ratio: Any = 0.0
    for row, each in zip(factor, solved, strict=True):
        log_ratio = log_ratio + 0.5 * each**2 - xp.log(row[-1])
    return Absorbed(factor, solved, log_ratio)


def log_ratio(first: Any, second: Any, mean: Any, sd: Any, xp: Any = np) -> Any:
    """Return log p(values | one more effect) - log p(values) with its size integrated out.

    With residuals r, precision matrix P of the values and the effect b of a unit size, which comes from
    Normal(mean, sd).

    Parameters
    ----------
    first, second : array
        ``b.T @ P @ r`` and ``b.T @ P @ b``.
    mean, sd : array
        Prior of the size.
    xp : module
        NumPy or `pytensor.tensor`.
    """
    precision = second + sd**-2.0
    return 0.5 * ((first + mean / sd**2) ** 2 / precision - (mean / sd) ** 2 - xp.log(sd**2 * precision))
