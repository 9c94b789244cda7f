"""The linear predictor: what a curve's effects are expected to be before its own data are seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def linear_predictor(mean: Any, covariates: Any, slopes: Any, groups: Sequence[tuple[Any, Any]]) -> Any:
    """Return mean + covariates * slopes + the effects of the groups, for every curve and effect.

    Serves NumPy (with leading dimensions of draws) and PyTensor (without) alike.

    Parameters
    ----------
    mean : array, shape (..., effects)
        Population means.
    covariates : array, shape (curves, covariates)
        Centred covariates.
    slopes : array or None, shape (..., covariates, effects)
        Slopes; None without covariates.
    groups : sequence of (array of shape (..., levels, effects), array of int of shape (curves,))
        Effects of the levels of each factor, and the level of each curve.

    Returns
    -------
    array, shape (..., curves, effects)
    """
    total = mean[..., None, :]
    if slopes is not None:
        total = total + covariates @ slopes
    for effects, index in groups:
        total = total + effects[..., index, :]
    return total
