"""Leave-one-out log densities of observations by Pareto-smoothed importance sampling."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesscale.inference.arviz import for_arviz
from bayesscale.inference.sampler import as_dataset

FloatArray = NDArray[np.float64]
MAX_K = 0.7
"""Largest Pareto k at which the weights of 2,200 draws or more are reliable (arXiv 1507.02646)."""


def psis_loo(log_likelihood: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the log density of every observation given all others, and how far to trust it.

    The first is the expected log pointwise predictive density, shape (n,), from log densities of shape
    (chain, draw, n). The second is the Pareto k of importance weights: above `MAX_K` the first cannot be
    trusted. See Vehtari et al., arXiv 1507.02646 and 1507.04544.
    """
    values = np.asarray(log_likelihood, np.float64)
    # Without a tail there is nothing to smooth: the weights are equal, and ArviZ stops there or says k = inf.
    varies = np.ptp(values, axis=(0, 1)) > 0
    elpd, k = values[0, 0].copy(), np.zeros(values.shape[-1])
    if varies.any():
        elpd[varies], k[varies] = _smoothed(values[..., varies])
    return elpd, k


def _smoothed(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return density and Pareto k of observations, all of which vary over the draws."""
    data = xr.Dataset({"value": (("chain", "draw", "observation"), values)})
    with warnings.catch_warnings():
        # A large Pareto k is in the answer; ArviZ warns of it once more.
        warnings.simplefilter("ignore")
        import arviz as az

        efficiency = _efficiency(az, data)
        found = az.loo(
            for_arviz(xr.DataTree.from_dict({"log_likelihood": data})),
            pointwise=True,
            var_name="value",
            reff=efficiency,
        )
    # ArviZ 0.23 says loo_i.
    elpd = found.elpd_i if hasattr(found, "elpd_i") else found.loo_i
    return np.asarray(elpd, np.float64), np.asarray(found.pareto_k, np.float64)


def _efficiency(az: Any, data: xr.Dataset) -> float:
    """Return the effective share of draws, of likelihoods scaled to at most 1; 1 where they never vary."""
    scaled = np.exp(data - data.max(("chain", "draw")))
    share = as_dataset(az.ess(scaled, method="mean", relative=True))["value"].to_numpy()
    usable = share[np.isfinite(share) & (share > 0)]
    return float(usable.mean()) if usable.size else 1.0
