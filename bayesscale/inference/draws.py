"""From what the sampler keeps to draws as the model names them."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesscale.inference.sampler import Sampled
from bayesscale.laws import LAWS
from bayesscale.metrics.curves import Curves
from bayesscale.models.assembly import POOLED, Assembly
from bayesscale.models.correlation import factor_of
from bayesscale.models.labels import fitted_laws, model_coords
from bayesscale.models.scale import law_parameters, log_sharpness, log_value
from bayesscale.particles.places import GAIN, LEVEL, MODE, NOISE, SHAPE, SHARP, SLOPE, TAU
from bayesscale.posterior.draws import FOLLOWED

FloatArray = NDArray[np.float64]
Variable = tuple[tuple[str, ...], NDArray[Any]]
_CHAINS = ("chain", "draw")
# A break so far away never comes; the largest floats would not survive being multiplied.
_FARTHEST = 1e300
_POOLED_OF_CURVES = ("noise", "discrepancy_scale", "sharpness", "se_share")


def population_draws(sampled: Sampled, curves: Curves, data: Assembly) -> xr.Dataset:
    """Return the draws of the population, named as the model names them."""
    own, variables = sampled.population, dict[str, Variable]()
    coef, fixed = own["coef"], 1 + len(curves.covariates)
    variables["mean"] = (("effect",), coef[:, :, 0])
    if curves.covariates:
        variables["slope"] = (("covariate", "effect"), coef[:, :, 1:fixed])
    place = fixed
    for number, factor in enumerate(curves.factors):
        basis = factor.contrasts()
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
        if data.pooled_free[kind]:
            variables[f"{name}_mean"] = (("metric",), own["pooled_mean"][:, :, kind])
            variables[f"{name}_spread"] = (("metric",), own["pooled_sd"][:, :, kind])
    numbers = fitted_laws(data)
    for name, old in (("law_share", "share"), ("shape_mean", "shape_mean"), ("shape_sd", "shape_sd")):
        variables[name] = (("metric", "law"), own[old][..., numbers])
    if able := int(data.may_break.sum()):
        variables["break_log_hazard"] = (("break_metric",), own["log_hazard"][..., :able])
        variables["break_scale"] = (("break_metric",), own["fall"][..., :able])
        if data.alignment.any():
            variables["break_alignment"] = (("break_metric",), own["hazard_alignment"][..., :able])
    if len(data.cell_count):
        variables["baseline_mean"] = (("metric",), own["line"][:, :, 0])
        if data.cell_design[:, 1].any():
            variables["baseline_slope"] = (("metric",), own["line"][:, :, 1])
        variables["baseline_sd"] = (("metric",), own["cell_sd"])
    return _dataset(variables, curves, data)


def _dataset(variables: dict[str, Variable], curves: Curves, data: Assembly) -> xr.Dataset:
    """Return variables, chain and draw first, with the labels of their dimensions."""
    used = {dim for dims, _ in variables.values() for dim in dims}
    coords = {name: labels for name, labels in model_coords(curves, data).items() if name in used}
    return xr.Dataset(
        {name: ((*_CHAINS, *dims), values) for name, (dims, values) in variables.items()}, coords=coords
    )


def curve_draws(sampled: Sampled, curves: Curves, data: Assembly) -> xr.Dataset:
    """Return what chains must agree about for every measured curve and metric, dimension `pair` last.

    The baseline's cells stand behind the curves: they have a level and nothing else.
    """
    own = np.nonzero(data.count)
    labels = [f"{curves.names[m]} of {curves.labels[c]}" for c, m in zip(*own, strict=True)]
    x, law, broken = sampled.local["x"], sampled.local["law"], sampled.local["broken"]
    parts = {"level": x[..., LEVEL], "gain": x[..., GAIN], "broken": broken.astype(float)}
    parts |= {f"law {n}": (law == n).astype(float) for n in range(len(LAWS))}
    cells = np.nonzero(data.cell_count)
    named = zip(*cells, strict=True)
    labels += [f"{curves.names[m]} without pretraining of {curves.cell_labels[b]}" for b, m in named]
    level = sampled.local["cell"][:, :, cells[0], cells[1], 0]
    chosen = {}
    for name, values in parts.items():
        of_cells = level if name == "level" else np.zeros_like(level)
        whole = np.concatenate([values[:, :, own[0], own[1]], of_cells], axis=-1)
        chosen[name] = ((*_CHAINS, "pair"), whole)
    return xr.Dataset(chosen, coords={"pair": labels})


def local_draws(sampled: Sampled, curves: Curves, data: Assembly, seed: int) -> xr.Dataset:
    """Return the draws of every curve and metric, and of the baseline's cells.

    The seed is that of breaks beyond the data.
    """
    x, variables, pair = sampled.local["x"], dict[str, Variable](), ("curve", "metric")
    effects = law_parameters(x[..., LEVEL].astype(float), x[..., GAIN].astype(float), data.log_near)
    for name, values in zip(("level", "gain"), effects, strict=True):
        variables[name] = (pair, values.astype(np.float32))
    variables["shape"] = (pair, x[..., SHAPE])
    for kind, (name, free) in enumerate(zip(_POOLED_OF_CURVES, data.pooled_free, strict=True)):
        if free:
            variables[name] = (pair, x[..., NOISE + kind])
    variables["sharpness"] = (pair, log_sharpness(x[..., SHARP]))
    if data.pooled_free[1]:
        variables["discrepancy"] = ((*pair, "mode"), x[..., MODE : MODE + 2])
    numbers = np.zeros(len(LAWS), dtype=np.int8)
    numbers[fitted_laws(data)] = np.arange(len(fitted_laws(data)))
    variables[FOLLOWED] = (pair, numbers[sampled.local["law"]])
    if able := int(data.may_break.sum()):
        at, slope = _breaks(sampled, curves, data, able, seed)
        variables["break_at"] = (("curve", "break_metric"), at)
        variables["break_slope"] = (("curve", "break_metric"), slope)
    if len(data.cell_count):
        cell = sampled.local["cell"]
        level = log_value(cell[..., 0].astype(float), data.log_near)
        variables["baseline_level"] = (("cell", "metric"), level.astype(np.float32))
        variables["baseline_noise"] = (("cell", "metric"), cell[..., 1])
        if data.pooled_free[3]:
            variables["baseline_se_share"] = (("cell", "metric"), cell[..., 2])
    return _dataset(variables, curves, data)


def _breaks(
    sampled: Sampled, curves: Curves, data: Assembly, count: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Return size and slope change of the first break of every curve; those beyond the data are drawn."""
    own, rng = sampled.population, np.random.default_rng([seed, 2])
    broken = sampled.local["broken"][..., :count].astype(bool)
    tau, slope = (sampled.local["x"][..., :count, place].astype(float) for place in (TAU, SLOPE))
    rate = own["log_hazard"][:, :, None, :count]
    rate = rate + own["hazard_alignment"][:, :, None, :count] * data.alignment[:, None]
    waited = rng.standard_exponential(broken.shape) / np.exp(rate) / data.span
    fall = own["fall"][:, :, None, :count]
    new = fall * (data.break_spread * rng.standard_normal(broken.shape) - 1.0)
    u = np.where(broken, tau, data.last[:, :count] + waited)
    return np.minimum(curves.axis.size(u), _FARTHEST), np.where(broken, slope, new)
