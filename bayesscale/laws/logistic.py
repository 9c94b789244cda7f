"""Logistic functions over a NumPy-like namespace, without overflow, exact in values and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np


def softplus(x: Any, xp: Any = np) -> Any:
    """Return log(1 + exp(x)).

    Parameters
    ----------
    x : array
        Any numbers.
    xp : module
        NumPy or `pytensor.tensor`.
    """
    size = xp.abs(x)
    # Not a maximum of x and 0, which has a wrong slope at 0 in PyTensor.
    return 0.5 * (x + size) + xp.log1p(xp.exp(-size))


def sigmoid(x: Any, xp: Any = np) -> Any:
    """Return 1 / (1 + exp(-x)); parameters as in `softplus`."""
    return 0.5 + 0.5 * xp.tanh(0.5 * x)


def logit_of_log(log_share: Any, xp: Any = np) -> Any:
    """Return log(s / (1 - s)) of log s < 0; parameters as in `softplus`."""
    return log_share - xp.log(-xp.expm1(log_share))


def exact(field: Any) -> Any:
    """Return a field of a law, a number as an array: PyTensor takes functions of Python's 5.0 in float32.

    Parameters
    ----------
    field : array
        A number, an array or a PyTensor variable.
    """
    return np.asarray(field, dtype=float) if isinstance(field, float | int) else field
