"""From draws to a tree with ArviZ's standard groups, labels and units."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesscale.inference.prior import prior_draws
from bayesscale.inference.sampler import Sampled
from bayesscale.laws import LAWS, POWER_LAW
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import Curves
from bayesscale.metrics.table import Metrics
from bayesscale.models.assembly import POOLED, baseline_covariate, zero_sum_basis
from bayesscale.models.breaks import breakable
from bayesscale.models.correlation import factor_of
from bayesscale.models.measurement import has_se
from bayesscale.models.model import Model
from bayesscale.particles.places import GAIN, LEVEL, MODE, NOISE, SHAPE, SLOPE, TAU
from bayesscale.posterior.coefficients import coefficients
from bayesscale.posterior.draws import FOLLOWED, draws_of
from bayesscale.posterior.observed import replicate

FloatArray = NDArray[np.float64]
Variable = tuple[tuple[str, ...], NDArray[Any]]
_CHAINS = ("chain", "draw")
# A break so far away never comes; the largest floats would not survive being multiplied.
_FARTHEST = 1e300


def laws_of(curves: Curves, model: Model) -> list[str]:
    """Return the names of the laws of a fit, in the order of their numbers in draws."""
    able = [
        *(model.laws if curves.scores.metrics else ()),
        *([POWER_LAW.name] if curves.losses.metrics else ()),
    ]
    return [name for name in LAWS if name in able]


def coords_of(curves: Curves, model: Model) -> dict[str, Any]:
    """Return the labels of the dimensions of draws."""
    effects = [f"{name}.{effect}" for name in curves.names for effect in ("level", "gain")]
    coords: dict[str, Any] = {
        "metric": list(curves.names),
        "effect": effects,
        "effect_other": effects,
        "law": laws_of(curves, model),
        **{factor.name: list(factor.levels) for factor in curves.factors},
    }
    if curves.covariates:
        coords["covariate"] = [covariate.name for covariate in curves.covariates]
    if able := breakable(curves, model.breaks):
        coords["break_metric"] = list(able)
    return coords


def population_draws(sampled: Sampled, curves: Curves, model: Model) -> xr.Dataset:
    """Return the draws of the population, named as the model names them.

    Parameters
    ----------
    sampled : Sampled
        The draws as the sampler keeps them.
    curves, model : Curves, Model
        Data and model.
    """
    own, variables = sampled.population, dict[str, Variable]()
    coef, fixed = own["coef"], 1 + len(curves.covariates)
    variables["mean"] = (("effect",), coef[:, :, 0])
    if curves.covariates:
        variables["slope"] = (("covariate", "effect"), coef[:, :, 1:fixed])
    place = fixed
    for number, factor in enumerate(curves.factors):
        basis = zero_sum_basis(len(factor.levels))
        columns = slice(place, place + basis.shape[1])
        variables[f"{factor.name}_effect"] = (
            (factor.name, "effect"),
            np.einsum("lq,cdqe->cdle", basis, coef[:, :, columns]),
        )
        variables[f"{factor.name}_sd"] = (("effect",), own["group_sd"][:, :, number])
        place = columns.stop
    variables["curve_sd"] = (("effect",), own["sd"])
    count = own["sd"].shape[-1]
    factors = factor_of(np.moveaxis(own["partial"], -1, 0), count)
    variables["curve_correlation"] = (
        ("effect", "effect_other"),
        np.einsum("ik...,jk...->...ij", factors, factors),
    )
    for kind, name in enumerate(POOLED):
        if _pooled(curves, model)[kind]:
            variables[f"{name}_mean"] = (("metric",), own["pooled_mean"][:, :, kind])
            variables[f"{name}_spread"] = (("metric",), own["pooled_sd"][:, :, kind])
    numbers = [list(LAWS).index(name) for name in laws_of(curves, model)]
    for name, old in (("law_share", "share"), ("shape_mean", "shape_mean"), ("shape_sd", "shape_sd")):
        variables[name] = (("metric", "law"), own[old][..., numbers])
    if able := breakable(curves, model.breaks):
        variables["break_log_hazard"] = (("break_metric",), own["log_hazard"][..., : len(able)])
        variables["break_scale"] = (("break_metric",), own["fall"][..., : len(able)])
        if _aligned(curves):
            variables["break_alignment"] = (("break_metric",), own["hazard_alignment"][..., : len(able)])
    if len(curves.baseline):
        variables["baseline_mean"] = (("metric",), own["line"][:, :, 0])
        if baseline_covariate(curves) is not None:
            variables["baseline_slope"] = (("metric",), own["line"][:, :, 1])
        variables["baseline_sd"] = (("metric",), own["cell_sd"])
    return _dataset(variables, coords_of(curves, model))


def _dataset(variables: dict[str, Variable], coords: dict[str, Any]) -> xr.Dataset:
    """Return variables, chain and draw first, with those labels that they use."""
    used = {dim for dims, _ in variables.values() for dim in dims}
    return xr.Dataset(
        {name: ((*_CHAINS, *dims), values) for name, (dims, values) in variables.items()},
        coords={name: labels for name, labels in coords.items() if name in used},
    )


def _aligned(curves: Curves) -> bool:
    """Return whether alignment varies between curves."""
    return any(covariate.name == "alignment" for covariate in curves.covariates)


def _pooled(curves: Curves, model: Model) -> tuple[bool, ...]:
    """Return which of `POOLED` are estimated."""
    return True, model.discrepancy, model.sharp, has_se(curves)


def curve_draws(sampled: Sampled, curves: Curves) -> xr.Dataset:
    """Return what chains must agree about for every measured curve and metric, dimension `pair` last.

    Parameters
    ----------
    sampled : Sampled
        The draws as the sampler keeps them.
    curves : Curves
        The data.
    """
    from bayesscale.posterior.curves import measured_metrics

    own = np.nonzero(measured_metrics(curves))
    labels = [f"{curves.names[m]} of {curves.labels[c]}" for c, m in zip(*own, strict=True)]
    x, law, broken = sampled.local["x"], sampled.local["law"], sampled.local["broken"]
    parts = {"level": x[..., LEVEL], "gain": x[..., GAIN], "broken": broken.astype(float)}
    parts |= {f"law {n}": (law == n).astype(float) for n in range(len(LAWS))}
    chosen = {name: ((*_CHAINS, "pair"), values[:, :, own[0], own[1]]) for name, values in parts.items()}
    return xr.Dataset(chosen, coords={"pair": labels})


def _curves(sampled: Sampled, curves: Curves, model: Model, seed: int) -> xr.Dataset:
    """Return the draws of every curve and metric, and of the baseline's cells."""
    x, variables, pair = sampled.local["x"], dict[str, Variable](), ("curve", "metric")
    for name, place in (("level", LEVEL), ("gain", GAIN), ("shape", SHAPE)):
        variables[name] = (pair, x[..., place])
    names = ("noise", "discrepancy_scale", "sharpness", "se_share")
    for kind, (name, free) in enumerate(zip(names, _pooled(curves, model), strict=True)):
        if free or name == "sharpness":
            variables[name] = (pair, x[..., NOISE + kind])
    if model.discrepancy:
        variables["discrepancy"] = ((*pair, "mode"), x[..., MODE : MODE + 2])
    numbers = np.zeros(len(LAWS), dtype=np.int8)
    for number, name in enumerate(laws_of(curves, model)):
        numbers[list(LAWS).index(name)] = number
    variables[FOLLOWED] = (pair, numbers[sampled.local["law"]])
    if able := breakable(curves, model.breaks):
        at, slope = _breaks(sampled, curves, model, len(able), seed)
        variables["break_at"] = (("curve", "break_metric"), at)
        variables["break_slope"] = (("curve", "break_metric"), slope)
    if len(curves.baseline):
        cell = sampled.local["cell"]
        variables["baseline_level"] = (("cell", "metric"), cell[..., 0])
        variables["baseline_noise"] = (("cell", "metric"), cell[..., 1])
    labels = {"curve": curves.labels, "cell": curves.cell_labels} if len(curves.baseline) else {}
    return _dataset(variables, {**coords_of(curves, model), "curve": curves.labels, **labels})


def _breaks(
    sampled: Sampled, curves: Curves, model: Model, count: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Return size and slope change of the first break of every curve; those beyond the data are drawn."""
    own, rng = sampled.population, np.random.default_rng([seed, 2])
    broken = sampled.local["broken"][..., :count].astype(bool)
    tau, slope = (sampled.local["x"][..., :count, place].astype(float) for place in (TAU, SLOPE))
    aligned = next((c.values for c in curves.covariates if c.name == "alignment"), np.zeros(len(curves)))
    rate = own["log_hazard"][:, :, None, :count]
    rate = rate + own["hazard_alignment"][:, :, None, :count] * aligned[:, None]
    waited = rng.standard_exponential(broken.shape) / np.exp(rate) / curves.axis.span
    last = np.zeros((len(curves), count))
    for place in range(count):
        rows = curves.scores if place < len(curves.scores.metrics) else curves.losses
        which = rows.metric == place - (0 if rows is curves.scores else len(curves.scores.metrics))
        size = np.zeros(len(curves))
        np.maximum.at(size, rows.unit[which], rows.size[which])
        last[:, place] = np.where(size > 0, curves.axis.u(np.where(size > 0, size, 1.0)), 0.0)
    fall = own["fall"][:, :, None, :count]
    new = fall * (model.priors.breaks.spread * rng.standard_normal(broken.shape) - 1.0)
    u = np.where(broken, tau, last + waited)
    return np.minimum(curves.axis.size(u), _FARTHEST), np.where(broken, slope, new)


def build_tree(sampled: Sampled, metrics: Metrics, curves: Curves, model: Model, seed: int) -> xr.DataTree:
    """Return all groups.

    Parameters
    ----------
    sampled : Sampled
        The draws as the sampler keeps them.
    metrics, curves, model : Metrics, Curves, Model
        Data and model.
    seed : int
        Seed of the replicated data, of the prior, and of breaks beyond the data.
    """
    population, own = population_draws(sampled, curves, model), _curves(sampled, curves, model, seed)
    posterior = xr.merge([population, own])
    draws = draws_of(posterior, curves, model.priors)
    likelihood, replicated = replicate(draws, seed)
    chains = sampled.local["law"].shape[:2]
    prior = prior_draws(curves, model, seed)
    values = prior[["value"]].rename({d: "observation" for d in prior["value"].dims if d not in _CHAINS})
    groups = {
        "posterior": _with_units(posterior, curves),
        "coefficients": _coefficients(posterior, curves, model),
        "log_likelihood": _observations(likelihood, chains, curves),
        "posterior_predictive": _observations(replicated, chains, curves),
        "prior": _with_units(prior.drop_vars("value"), curves),
        "prior_predictive": _labelled(values.drop_vars("observation", errors="ignore"), curves),
        "observed_data": _labelled(xr.Dataset({"value": _observed(curves, "value")}), curves),
        "constant_data": _constant(curves),
        "metrics_table": table_dataset(metrics),
    }
    return xr.DataTree.from_dict(groups)


def _coefficients(posterior: xr.Dataset, curves: Curves, model: Model) -> xr.Dataset:
    """Return the papers' coefficients of every law, NaN in draws that follow another."""
    draws = draws_of(posterior, curves, model.priors)
    chains = posterior.sizes["chain"], posterior.sizes["draw"]
    arrays = {}
    for law in draws.laws:
        names = [curves.names[m] for m in draws.followers(law)]
        for name, values in coefficients(draws, law).items():
            label = f"{LAWS[law].option}_{name}"
            shaped = values.reshape(*chains, *values.shape[1:]).astype(np.float32)
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
