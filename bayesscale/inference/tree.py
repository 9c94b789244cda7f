"""From draws to a tree with ArviZ's standard groups, labels and units."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesscale.inference.draws import local_draws, population_draws
from bayesscale.inference.prior import prior_draws
from bayesscale.inference.sampler import Sampled
from bayesscale.laws import LAWS
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import Curves
from bayesscale.metrics.table import Metrics
from bayesscale.models.assembly import assemble
from bayesscale.models.model import Model
from bayesscale.posterior.coefficients import coefficients
from bayesscale.posterior.draws import draws_of
from bayesscale.posterior.observed import replicate

_CHAINS = ("chain", "draw")


def build_tree(sampled: Sampled, metrics: Metrics, curves: Curves, model: Model, seed: int) -> xr.DataTree:
    """Return all groups; `seed` is that of replicated data, and of breaks beyond the data."""
    data = assemble(curves, model)
    parts = [population_draws(sampled, curves, data), local_draws(sampled, curves, data, seed)]
    posterior = xr.merge(parts)
    draws = draws_of(posterior, curves, model.priors)
    likelihood, replicated = replicate(draws, seed)
    chains = sampled.local["law"].shape[:2]
    groups = {
        "posterior": _with_units(posterior, curves),
        "coefficients": _coefficients(posterior, curves, model),
        "log_likelihood": _observations(likelihood, chains, curves),
        "posterior_predictive": _observations(replicated, chains, curves),
        "observed_data": _labelled(xr.Dataset({"value": _observed(curves, "value")}), curves),
        "constant_data": _constant(curves),
        "metrics_table": table_dataset(metrics),
    }
    return xr.DataTree.from_dict(groups)


def prior_tree(curves: Curves, model: Model, seed: int, draws: int) -> xr.DataTree:
    """Return groups prior and prior_predictive: parameters, and data that they could have given."""
    drawn = prior_draws(curves, model, seed, draws)
    values = xr.Dataset({"value": ((*_CHAINS, "observation"), drawn["value"].to_numpy())})
    own = _with_units(drawn.drop_vars("value"), curves)
    return xr.DataTree.from_dict({"prior": own, "prior_predictive": _labelled(values, curves)})


def _coefficients(posterior: xr.Dataset, curves: Curves, model: Model) -> xr.Dataset:
    """Return the papers' coefficients of every law, NaN in draws that follow another."""
    draws = draws_of(posterior, curves, model.priors)
    chains = posterior.sizes["chain"], posterior.sizes["draw"]
    arrays = {}
    for law in draws.laws:
        names = [curves.names[m] for m in draws.followers(law)]
        for name, values in coefficients(draws, law).items():
            label = f"{LAWS[law].option}_{name}"
            shaped = values.reshape(*chains, *values.shape[1:])
            arrays[label] = xr.DataArray(
                shaped, dims=(*_CHAINS, "curve", f"{LAWS[law].option}_metric"),
                coords={"curve": curves.labels, f"{LAWS[law].option}_metric": names},
            )  # fmt: skip
    return xr.Dataset(arrays)


def _observations(values: NDArray[Any], chains: tuple[int, int], curves: Curves) -> xr.Dataset:
    """Return numbers a draw and observation with labels."""
    shaped = values.reshape(*chains, values.shape[-1])
    return _labelled(xr.Dataset({"value": ((*_CHAINS, "observation"), shaped)}), curves)


def observation_coords(curves: Curves) -> dict[str, Any]:
    """Return the labels of every observation: its curve (or baseline cell), metric and size."""
    units = {"score": curves.labels, "loss": curves.labels, "baseline": curves.cell_labels}
    rows = [(units[name], part) for name, part in curves.blocks.items()]
    labels: dict[str, Any] = {
        "observation_curve": [labels[i] for labels, part in rows for i in part.unit],
        "observation_metric": [part.metrics[i] for _, part in rows for i in part.metric],
        f"observation_{curves.axis_name}": np.concatenate([part.size for _, part in rows]),
    }
    count = len(labels["observation_curve"])
    return {
        "observation": np.arange(count),
        **{name: ("observation", values) for name, values in labels.items()},
    }


def _units(metrics: tuple[str, ...]) -> str:
    """Return the units of metrics in one line."""
    return "; ".join(f"{metric}: {CATALOGUE[metric].unit}" for metric in metrics)


def _with_units(draws: xr.Dataset, curves: Curves) -> xr.Dataset:
    """Return draws with the units of variables that have any; others are logarithms or pure numbers."""
    units = {"break_at": f"tokens of {curves.axis_name}"}
    return draws.assign({n: draws[n].assign_attrs(units=unit) for n, unit in units.items() if n in draws})


def _labelled(data: xr.Dataset, curves: Curves) -> xr.Dataset:
    """Return per-observation data with labels, and the units of the metrics in their attributes."""
    units, named = _units(curves.names), data.assign_coords(observation_coords(curves))
    return named.assign({name: values.assign_attrs(units=units) for name, values in named.data_vars.items()})


def _observed(curves: Curves, what: str) -> xr.DataArray:
    """Return one array of all observations."""
    return xr.DataArray(
        np.concatenate([getattr(r, what) for r in curves.blocks.values()]), dims="observation"
    )


def _constant(curves: Curves) -> xr.Dataset:
    """Return sizes, standard errors, covariates and anchors."""
    data = _labelled(xr.Dataset({"se": _observed(curves, "se")}), curves)
    for covariate in curves.covariates:
        unit = "log10, centred" if covariate.log10 else "centred"
        data[f"curve_{covariate.name}"] = ("curve", covariate.values, {"units": unit})
    data["anchors"] = ("anchor", [curves.axis.lo, curves.axis.hi], {"units": "tokens"})
    return data.assign_coords(curve=curves.labels, anchor=["lo", "hi"])


def table_dataset(metrics: Metrics) -> xr.Dataset:
    """Return the metrics table itself, a variable a column, so that the file alone is enough to refit."""
    frame = metrics.frame
    columns = {
        str(name): ("row", frame[name].to_numpy(float if frame[name].dtype.kind in "fiu" else object))
        for name in frame.columns
    }
    return xr.Dataset(columns)
