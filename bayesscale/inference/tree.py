"""From draws to a tree with ArviZ's standard groups, labels and units."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import xarray as xr

from bayesscale.inference.derived import coefficients, replicate
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import Curves
from bayesscale.metrics.table import Metrics
from bayesscale.models.priors import Priors

# Standardised coordinates of the sampler: diagnosed with all others, then left out of the file.
INTERNAL = ("coefficient_raw", "curve_raw", "noise_raw", "residual")
PRIOR_DRAWS = 500


def without_internals(posterior: xr.Dataset) -> xr.Dataset:
    """Return the draws without the sampler's own coordinates."""
    names = [n for n in map(str, posterior.data_vars) if n not in INTERNAL and not n.endswith("__")]
    return posterior[names].drop_vars([c for c in map(str, posterior.coords) if c == "unconstrained_parameter"])


def build_tree(
    posterior: xr.Dataset, stats: xr.Dataset, prior: xr.Dataset, metrics: Metrics, curves: Curves, priors: Priors,
    seed: int,
) -> xr.DataTree:  # fmt: skip
    """Return all groups.

    Parameters
    ----------
    posterior, stats : xarray.Dataset
        Draws and sampler statistics.
    prior : xarray.Dataset
        Draws from the prior, with chain and draw.
    metrics, curves : Metrics, Curves
        The data.
    priors : Priors
        The priors.
    seed : int
        Seed of the replicated data.
    """
    posterior = xr.merge([posterior, coefficients(posterior, curves, priors)])
    likelihood, replicated = replicate(posterior, curves, priors, seed)
    _, prior_replicated = replicate(prior, curves, priors, seed)
    labels = observation_coords(curves)
    groups = {
        "posterior": posterior,
        "sample_stats": stats,
        "log_likelihood": _labelled(likelihood, labels),
        "posterior_predictive": _with_units(_labelled(replicated, labels), curves),
        "prior": prior,
        "prior_predictive": _with_units(_labelled(prior_replicated, labels), curves),
        "observed_data": _with_units(_labelled(_observed(curves, "value"), labels), curves),
        "constant_data": _constant(curves, labels),
        "metrics_table": table_dataset(metrics),
    }
    return xr.DataTree.from_dict(groups)


def observation_coords(curves: Curves) -> dict[str, Any]:
    """Return the labels of every observation: its curve, metric and size."""
    blocks = {"score": (curves.scores, curves.labels), "loss": (curves.losses, curves.labels)}
    if len(curves.baseline):
        blocks["baseline"] = (curves.baseline, curves.cell_labels)
    coords: dict[str, Any] = {}
    for name, (rows, units) in blocks.items():
        if len(rows):
            dim = f"{name}_observation"
            coords[dim] = np.arange(len(rows))
            coords[f"{name}_curve"] = (dim, [units[i] for i in rows.unit])
            coords[f"{name}_metric"] = (dim, [rows.metrics[i] for i in rows.metric])
            coords[f"{name}_{curves.axis_name}"] = (dim, rows.size, {"units": "tokens"})
    return coords


def _labelled(data: xr.Dataset, coords: dict[str, Any]) -> xr.Dataset:
    """Return the data with the coordinates of the dimensions that it has."""
    own = {n: c for n, c in coords.items() if (c[0] if isinstance(c, tuple) else n) in data.dims}
    return data.assign_coords(own)


def _observed(curves: Curves, what: str) -> xr.Dataset:
    """Return one array of the observations of every block."""
    blocks = {"score": curves.scores, "loss": curves.losses, "baseline": curves.baseline}
    return xr.Dataset(
        {name: (f"{name}_observation", getattr(rows, what)) for name, rows in blocks.items() if len(rows)}
    )


def _with_units(data: xr.Dataset, curves: Curves) -> xr.Dataset:
    """Return the data with the units of the metrics in each variable's attributes."""
    blocks = {"score": curves.scores, "loss": curves.losses, "baseline": curves.baseline}
    for name in data.data_vars:
        metrics = blocks[str(name)].metrics
        data[name].attrs["units"] = "; ".join(f"{metric}: {CATALOGUE[metric].unit}" for metric in metrics)
    return data


def _constant(curves: Curves, labels: dict[str, Any]) -> xr.Dataset:
    """Return sizes, standard errors and covariates."""
    errors = _observed(curves, "se")
    data = {f"{name}_se": errors[name] for name in errors.data_vars}
    sizes = _observed(curves, "size")
    data |= {f"{name}_size": sizes[name].assign_attrs(units="tokens") for name in sizes.data_vars}
    for covariate in curves.covariates:
        unit = "log10, centred" if covariate.log10 else "centred"
        data[f"curve_{covariate.name}"] = xr.DataArray(covariate.values, dims="curve", attrs={"units": unit})
    anchors = xr.DataArray([curves.axis.lo, curves.axis.hi], dims="anchor", attrs={"units": "tokens"})
    named = xr.Dataset({**data, "anchors": anchors}, coords={"curve": curves.labels, "anchor": ["lo", "hi"]})
    return _labelled(named, labels)


def table_dataset(metrics: Metrics) -> xr.Dataset:
    """Return the metrics table itself, a variable a column, so that the file needs no other to be refitted."""
    frame = metrics.frame
    columns = {
        str(name): ("row", frame[name].to_numpy(float if frame[name].dtype.kind in "fiu" else object))
        for name in frame.columns
    }
    return xr.Dataset(columns)


def prior_draws(model: Any, seed: int) -> xr.Dataset:
    """Return draws from the prior of a model built without centring.

    Parameters
    ----------
    model : pymc.Model
        The joint model in its non-centred form.
    seed : int
        Seed of the draws.
    """
    import pymc as pm

    names = [v.name for v in model.unobserved_RVs if v.name not in INTERNAL]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Python's own evaluation: compiling would take longer than the few draws do.
        drawn = pm.sample_prior_predictive(
            PRIOR_DRAWS, model=model, var_names=names, random_seed=seed, compile_kwargs={"mode": "FAST_COMPILE"}
        )
    group = drawn["prior"]
    return group.to_dataset() if hasattr(group, "to_dataset") else group
