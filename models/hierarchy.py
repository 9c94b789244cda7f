"""Parts of the hierarchy of effects: spreads between groups, and which effects are sampled directly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray

from bayesscale.metrics.design import Factor
from bayesscale.models.effects import Effects
from bayesscale.models.regression import group_prior


def log_medians(effects: Effects, prior: str) -> NDArray[np.float64]:
    """Return the log of the prior median of a spread, one an effect.

    Parameters
    ----------
    effects : Effects
        The effects.
    prior : str
        Name of the spread in `EffectPrior`.
    """
    return np.asarray(np.log(effects.values(prior, "median").astype(float)))


def group_sd(factor: Factor, effects: Effects, log_median: Any) -> Any:
    """Add the spread of a factor's levels to the model being built, one an effect.

    Parameters
    ----------
    factor : Factor
        The grouping.
    effects : Effects
        The effects.
    log_median : tensor, shape (effects,)
        Log of the prior medians, given as data.
    """
    spread = effects.values(group_prior(factor.name), "spread")
    return pm.LogNormal(f"{factor.name}_sd", log_median, spread, dims="effect")


def centre(raw: Any, plain: Any, expected: Any, cholesky: Any, shape_sd: Any, data: dict[str, Any]) -> Any:
    """Return the effects, with those marked as centred sampled directly.

    Parameters
    ----------
    raw, plain, expected : tensor, shape (curves, effects)
        Sampled coordinates, effects if all were standardised residuals, and what the population expects.
    cholesky : tensor
        Factor of the covariance of levels and gains.
    shape_sd : tensor, shape (metrics,)
        Spread of the shapes.
    data : dict of tensor
        The model's data by name.

    Notes
    -----
    For a centred effect, `raw` is the effect itself, shifted and scaled, instead of a standardised residual.
    The potential replaces its standard normal density by that of the residual.
    """
    centred, factor = data["centred"], data["centring_factor"]
    direct = data["centring_location"] + (factor * raw[:, None, :]).sum(axis=-1)
    off = direct - expected
    count = cholesky.shape[0]
    white_pair = pt.linalg.solve_triangular(cholesky, off[:, :count].T, lower=True).T
    white = pt.concatenate([white_pair, off[:, count:] / shape_sd], axis=1)
    log_scale = pt.concatenate([pt.log(pt.diag(cholesky)), pt.log(shape_sd)])
    pm.Potential("centring", (centred * (0.5 * (raw**2 - white**2) - log_scale)).sum())
    return pt.where(centred > 0, direct, plain)
