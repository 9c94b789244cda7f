"""From draws to a tree with ArviZ's standard groups, labels and units."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import xarray as xr

from bayesscale.inference.derived import coefficients, replicate
from bayesscale.inference.integrated import draw_integrated, unseen
from bayesscale.inference.sampler import as_dataset
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import Curves
from bayesscale.metrics.table import Metrics
from bayesscale.models.forms import FORMS
from bayesscale.models.laws import Followed, labels
from bayesscale.models.priors import Priors

# Standardised coordinates of the sampler: diagnosed with all others, then left out of the file.
INTERNAL = (
    "baseline_raw",
    "coefficient_raw",
    "curve_raw",
    "noise_raw",
    "noise_weight_raw",
    "residual_partial",
)
PRIOR_DRAWS = 500


def without_internals(posterior: xr.Dataset) -> xr.Dataset:
    """Return the draws without the sampler's own coordinates."""
    names = [n for n in map(str, posterior.data_vars) if n not in INTERNAL and not n.endswith("__")]
    return posterior[names]


def build_tree(
    draws: dict[Followed, tuple[xr.Dataset, xr.Dataset]],
    prior: xr.Dataset,
    metrics: Metrics,
    curves: Curves,
    priors: Priors,
    seed: int,
) -> xr.DataTree:
    """Return all groups.

    Parameters
    ----------
    draws : dict of Followed to (xarray.Dataset, xarray.Dataset)
        Draws and sampler statistics by laws. ArviZ's standard groups are those of the first ones; the
        groups of the others bear their names.
    prior : xarray.Dataset
        Draws from the prior of the first one, with chain and draw.
    metrics, curves : Metrics, Curves
        The data.
    priors : Priors
        The priors.
    seed : int
        Seed of the replicated data.
    """
    groups: dict[str, xr.Dataset] = {}
    names = labels(list(draws), len(curves.scores) > 0)
    for number, (laws, (posterior, stats)) in enumerate(draws.items()):
        suffix = _suffix(laws, next(iter(draws))) if number else ""
        named = posterior.assign_attrs(**_named(laws), law=names[number], place=number)
        own = _of_law(named, stats, curves, priors, seed + number)
        groups |= {f"{name}{suffix}": each for name, each in own.items()}
    prior = prior.assign_attrs(**_named(next(iter(draws))))
    prior = xr.merge([prior, unseen(prior, curves, priors, seed)], combine_attrs="override")
    _, prior_replicated = replicate(prior, curves, priors, seed)
    groups |= {
        "prior": _with_units(prior, curves),
        "prior_predictive": _labelled(prior_replicated, curves),
        "observed_data": _labelled(xr.Dataset({"value": _observed(curves, "value")}), curves),
        "constant_data": _constant(curves),
        "metrics_table": table_dataset(metrics),
    }
    return xr.DataTree.from_dict(groups)


def _named(laws: Followed) -> dict[str, str]:
    """Return the attributes that name the laws of draws."""
    return {"score_law": laws.score, "loss_law": laws.loss}


def _suffix(laws: Followed, first: Followed) -> str:
    """Return the names of further laws in those of their groups: options of what differs from the first."""
    pairs = ((laws.score, first.score), (laws.loss, first.loss))
    return "".join(f"_{FORMS[own].option.replace('-', '_')}" for own, other in pairs if own != other)


def _of_law(
    posterior: xr.Dataset, stats: xr.Dataset, curves: Curves, priors: Priors, seed: int
) -> dict[str, xr.Dataset]:
    """Return the groups of one law."""
    integrated = draw_integrated(posterior, curves, priors, seed)
    posterior = xr.merge([posterior, integrated], combine_attrs="override")
    parts = [without_internals(posterior), coefficients(posterior, curves, priors)]
    posterior = xr.merge(parts, combine_attrs="override")
    likelihood, replicated = replicate(posterior, curves, priors, seed)
    return {
        "posterior": _with_units(posterior, curves),
        "sample_stats": stats,
        "log_likelihood": _labelled(likelihood, curves),
        "posterior_predictive": _labelled(replicated, curves),
    }


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
    units = {
        "noise_sd": _units(curves.names),
        "loss_E": _units(curves.losses.metrics),
        "score_ceiling": _units(curves.scores.metrics),
        "break_at": f"tokens of {curves.axis_name}",
    }
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
    with warnings.catch_warnings(), _quiet():
        warnings.simplefilter("ignore")
        # Python's own evaluation: compiling would take longer than the few draws do.
        drawn = pm.sample_prior_predictive(
            PRIOR_DRAWS,
            model=model,
            var_names=names,
            random_seed=seed,
            compile_kwargs={"mode": "FAST_COMPILE"},
        )
    return as_dataset(drawn["prior"])


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep PyMC 5 from naming on standard error every variable that it draws."""
    log = logging.getLogger("pymc.sampling.forward")
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(level)
