"""Small linear algebra in plain loops: quick to compile, and the same to the last digit everywhere."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayesscale.particles.compiled import allocating, compiled


@compiled
def copy_to(source: Any, out: Any) -> None:
    """Copy a row: Numba's assignment of an array makes room for another, and says how shapes differ."""
    for i in range(out.shape[0]):
        out[i] = source[i]


@allocating
def cholesky(matrix: Any) -> Any:
    """Return the lower Cholesky factor of a positive definite matrix."""
    count = matrix.shape[0]
    factor = np.zeros((count, count))
    for i in range(count):
        for j in range(i + 1):
            total = matrix[i, j]
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            factor[i, j] = math.sqrt(total) if i == j else total / factor[j, j]
    return factor


@allocating
def lower_inverse(factor: Any) -> Any:
    """Return the inverse of a lower triangular matrix."""
    count = factor.shape[0]
    inverse = np.zeros((count, count))
    for i in range(count):
        inverse[i, i] = 1.0 / factor[i, i]
        for j in range(i):
            total = 0.0
            for k in range(j, i):
                total += factor[i, k] * inverse[k, j]
            inverse[i, j] = -total * inverse[i, i]
    return inverse


@compiled
def solve_lower(factor: Any, vector: Any) -> None:
    """Solve ``factor @ x = vector`` in place."""
    for i in range(vector.shape[0]):
        for j in range(i):
            vector[i] -= factor[i, j] * vector[j]
        vector[i] /= factor[i, i]


@compiled
def solve_upper(factor: Any, vector: Any) -> None:
    """Solve ``factor.T @ x = vector`` in place."""
    for i in range(vector.shape[0] - 1, -1, -1):
        for j in range(i + 1, vector.shape[0]):
            vector[i] -= factor[j, i] * vector[j]
        vector[i] /= factor[i, i]


@allocating
def draw_normal(system: Any, pull: Any) -> None:
    """Replace `pull` by a draw of the normal distribution with precision `system` and mean system^-1 pull."""
    factor = cholesky(system)
    solve_lower(factor, pull)
    for i in range(pull.shape[0]):
        pull[i] += np.random.standard_normal()
    solve_upper(factor, pull)


@allocating
def product(left: Any, right: Any) -> Any:
    """Return ``left @ right``."""
    found = np.zeros((left.shape[0], right.shape[1]))
    for i in range(left.shape[0]):
        for k in range(left.shape[1]):
            for j in range(right.shape[1]):
                found[i, j] += left[i, k] * right[k, j]
    return found


@allocating
def gram(left: Any, right: Any) -> Any:
    """Return ``left.T @ right``."""
    found = np.zeros((left.shape[1], right.shape[1]))
    for k in range(left.shape[0]):
        for i in range(left.shape[1]):
            for j in range(right.shape[1]):
                found[i, j] += left[k, i] * right[k, j]
    return found
