"""The model on one page: laws, noise, discrepancy, breaks, population and baseline as plain PyMC.

Everything is non-centred, and nothing is rearranged for speed. This is the definition: draws from the prior
come from it, `bayesscale.model` returns it, and it is what the engine has to agree with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayesscale.laws import LAWS
from bayesscale.metrics.curves import Curves
from bayesscale.models.assembly import (
    POOLED,
    Assembly,
    BoolArray,
    FloatArray,
    IntArray,
    assemble,
)
from bayesscale.models.breaks import with_break
from bayesscale.models.correlation import correlation_factor
from bayesscale.models.discrepancy import discrepancy_unit
from bayesscale.models.labels import Places, fitted_laws, model_coords, places
from bayesscale.models.measurement import total_sd
from bayesscale.models.model import Model
from bayesscale.models.scale import above_zero, law_parameters, log_sharpness, log_value

# What every curve has for itself, by the name of its mean and spread.
OWN = {kind: "discrepancy_scale" if kind == "discrepancy" else kind for kind in POOLED}
SCALES = {"sharpness": log_sharpness}
PAIR = ("curve", "metric")
# Breaks beyond this size are put there: e^710 is no float. Nothing is measured there.
_LAST_LOG_SIZE = 700.0

Tensors = dict[str, Any]


def plain_model(curves: Curves, model: Model, *, marginal: bool = True) -> pm.Model:
    """Return the PyMC model of the curves.

    If it is marginal, the values are given, and the law of every curve and metric is summed over. Else
    nothing is given: laws are drawn as `curve_law`, and the values of all observations as `value`.
    """
    data = assemble(curves, model)
    allowed = data.allowed[:, fitted_laws(data)]
    at, cell_at = places(data.count, curves.scores, curves.losses), places(data.cell_count, curves.baseline)
    with pm.Model(coords=model_coords(curves, data)) as built:
        pooled = {kind: _pooled(kind, data) for kind in np.array(POOLED)[data.pooled_free].tolist()}
        local, apart = _population(curves, model, data)
        for kind, own_prior in pooled.items():
            local[OWN[kind]] = _between(OWN[kind], *own_prior, PAIR, SCALES.get(kind))
        share, shapes = _law_share(allowed), _shapes(data.shapes[:, fitted_laws(data)], apart)
        own = {name: each[at[:2]] for name, each in local.items()}
        expected = _law_values(own, shapes[at[:2]], data, at)
        if data.may_break.any():
            expected += _breaks(curves, own["level"], data, at)[:, None]
        scale = _noise_scale(own, expected, data.variance[at], data, at[1])
        if model.discrepancy:
            strayed = _discrepancy(own, data, at)[:, None]
            expected += strayed * above_zero(expected, np.exp(data.log_near[at[1], None]), pt)
        cells = _baseline(data, pooled, cell_at) if len(data.cell_count) else None
        if marginal:
            _sum_over_laws(data, share, expected, scale, at)
            if cells:
                observed = data.cell_value[cell_at]
                pm.StudentT("baseline_value", data.degrees, mu=cells[0], sigma=cells[1], observed=observed)
        else:
            law = pm.Categorical("curve_law", share, dims=PAIR)
            pm.Deterministic("shape", _of_law(shapes, law), dims=PAIR)
            of_curves = tuple(_of_law(each, law[at[:2]]) for each in (expected, scale))
            parts = [of_curves, *([cells] if cells else [])]
            mean, sigma = (pt.concatenate(each) for each in zip(*parts, strict=True))
            pm.StudentT("value", data.degrees, mu=mean, sigma=sigma, dims="observation")
    return built


def _population(curves: Curves, model: Model, data: Assembly) -> tuple[Tensors, Any]:
    """Add levels and gains: a regression on what groups the curves, and correlated residuals.

    What sets a curve apart is Student-t. Also returned is the spread of each curve, as a multiple of
    `curve_sd`, shape (curves, 1).
    """
    mean = pm.Normal("mean", data.coef_mean[0], data.coef_sd[0], dims="effect")
    expected, dims = mean[None], ("covariate", "effect")
    if curves.covariates:
        rows = np.flatnonzero(data.group == -1)[1:]
        slope = pm.Normal("slope", data.coef_mean[rows], data.coef_sd[rows], dims=dims)
        expected = expected + pt.dot(data.design[:, rows], slope)
    for number, factor in enumerate(curves.factors):
        name, basis = factor.name, factor.contrasts()
        sd = pm.LogNormal(f"{name}_sd", *data.group_prior[number].T, dims="effect")
        coordinates = sd * pm.Normal(f"{name}_raw", shape=(basis.shape[1], len(data.sd_prior)))
        pm.Deterministic(f"{name}_effect", pt.dot(basis, coordinates), dims=(name, "effect"))
        expected = expected + pt.dot(data.design[:, data.group == number], coordinates)
    sd = pm.LogNormal("curve_sd", *data.sd_prior.T, dims="effect")
    factor = correlation_factor(len(data.sd_prior), model.priors.correlation)
    pm.Deterministic("curve_correlation", pt.dot(factor, factor.T), dims=("effect", "effect_other"))
    half = np.float64(0.5 * data.curve_degrees)  # PyTensor would take a Python float for 32 bits
    apart = pm.Gamma("curve_precision", half, half, dims="curve")[:, None] ** -0.5
    residual = pt.dot(pm.Normal("effect_raw", dims=("curve", "effect")), factor.T) * sd * apart
    effects = expected + residual
    level, gain = law_parameters(effects[:, ::2], effects[:, 1::2], data.log_near, pt)
    return {
        "level": pm.Deterministic("level", level, dims=PAIR),
        "gain": pm.Deterministic("gain", gain, dims=PAIR),
    }, apart


def _pooled(kind: str, data: Assembly) -> tuple[Any, Any]:
    """Add mean and spread between curves of one of `POOLED`, by metric."""
    mean, sd, log_median, spread = data.pooled[POOLED.index(kind)].T
    return (
        pm.Normal(f"{kind}_mean", mean, sd, dims="metric"),
        pm.LogNormal(f"{kind}_spread", log_median, spread, dims="metric"),
    )


def _between(
    name: str, mean: Any, spread: Any, dims: tuple[str, ...], scale: Callable[..., Any] | None = None
) -> Any:
    """Add a parameter that is normal between curves or cells, on a scale of its own where one is given."""
    place = mean + spread * pm.Normal(f"{name}_raw", dims=dims)
    return pm.Deterministic(name, scale(place, pt) if scale else place, dims=dims)


def _law_share(allowed: BoolArray) -> Any:
    """Add the share of curves under each law: flat over the laws that a metric may follow."""
    share, free = pt.as_tensor(allowed.astype(float)), np.flatnonzero(allowed.sum(axis=1) > 1)
    if len(free):
        known = np.flatnonzero(allowed[free[0]])  # all scores have the same laws
        raw = pm.Dirichlet("law_share_raw", np.ones((len(free), len(known))))
        share = share[free[:, None], known].set(raw)
    return pm.Deterministic("law_share", share, dims=("metric", "law"))


def _shapes(prior: FloatArray, apart: Any) -> Any:
    """Add the shape of every curve and metric under each law; only that of its own law matters."""
    mean, sd, log_median, spread = np.moveaxis(prior, -1, 0)
    middle = pm.Normal("shape_mean", mean, sd, dims=("metric", "law"))
    between = pm.LogNormal("shape_sd", log_median, spread, dims=("metric", "law"))
    return _between("law_shape", middle, between * apart[..., None], (*PAIR, "law"))


def _of_law(by_law: Any, law: Any) -> Any:
    """Return what lies along the last axis under the number of a law."""
    return pt.take_along_axis(by_law, law[..., None], axis=-1)[..., 0]


def _law_values(own: Tensors, shapes: Any, data: Assembly, at: Places) -> Any:
    """Return the value of each observation under each law; 0 under laws that its metric may not follow."""
    values = []
    for place, number in enumerate(fitted_laws(data)):
        law, rows = list(LAWS.values())[number], np.flatnonzero(data.allowed[at[1], number])
        level, gain, shape = own["level"][rows], own["gain"][rows], shapes[rows, place]
        sharpness = pt.exp(own["sharpness"][rows]) if "sharpness" in own else 1.0
        value = law.value(data.u[at][rows], level, gain, shape, sharpness, xp=pt)
        values.append(pt.zeros(len(at[0]))[rows].set(value))
    return pt.stack(values, axis=-1)


def _discrepancy(own: Tensors, data: Assembly, at: Places) -> Any:
    """Add the discrepancy; return what it adds to each observation far above zero."""
    coefficients = pm.Normal("discrepancy", dims=(*PAIR, "mode"))
    unit = discrepancy_unit(own["level"], own["gain"], pt) * pt.exp(own["discrepancy_scale"])
    return unit * (data.modes[at] * coefficients[at[:2]]).sum(axis=-1)


def _breaks(curves: Curves, level: Any, data: Assembly, at: Places) -> Any:
    """Add breaks; return what they add to each observation."""
    dims, able = ("curve", "break_metric"), np.flatnonzero(data.may_break)
    log_hazard = pm.Normal("break_log_hazard", *data.hazard, dims="break_metric")
    if any(covariate.name == "alignment" for covariate in curves.covariates):
        slope = pm.Normal("break_alignment", *data.hazard_alignment, dims="break_metric")
        log_hazard = log_hazard + slope * data.alignment[:, None]
    scale = pm.LogNormal("break_scale", *data.break_scale, dims="break_metric")
    slope = _between("break_slope", -scale, scale * data.break_spread, dims)
    wait = pm.Exponential("break_raw", 1.0, dims=dims) / pt.exp(log_hazard)  # in e-folds
    place = data.first[:, able] + wait / data.span
    log_size = pt.minimum(np.log(curves.axis.lo) + place * data.span, _LAST_LOG_SIZE)
    pm.Deterministic("break_at", pt.exp(log_size), dims=dims)
    rows = np.flatnonzero(data.may_break[at[1]])
    pair = at[0][rows], at[1][rows]  # the first metrics are those that may break
    beyond = data.u[at][rows] - place[pair]
    lost = with_break(0.0, data.sign[pair[1]], level[rows], slope[pair], beyond, pt)
    return pt.zeros(len(at[0]))[rows].set(lost)


def _noise_scale(own: Tensors, value: Any, variance: FloatArray, data: Assembly, metric: IntArray) -> Any:
    """Return the scale of each observation's noise, given what its law says under each law."""
    share = pt.sigmoid(own["se_share"])[:, None] if "se_share" in own else None
    floor, near = data.floor[metric, None], np.exp(data.log_near[metric, None])
    return total_sd(pt.exp(own["noise"])[:, None], value, np.sqrt(variance)[:, None], share, pt, floor, near)


def _baseline(data: Assembly, pooled: dict[str, tuple[Any, Any]], at: Places) -> tuple[Any, Any]:
    """Add the baseline; return mean and scale of each of its observations."""
    line = pm.Normal("baseline_mean", data.line_mean[0], data.line_sd[0], dims="metric")
    if data.cell_design[:, 1].any():
        slope = pm.Normal("baseline_slope", data.line_mean[1], data.line_sd[1], dims="metric")
        line = line + slope * data.cell_design[:, 1:]
    sd, dims = pm.LogNormal("baseline_sd", *data.cell_sd_prior, dims="metric"), ("cell", "metric")
    level = _between("baseline_level", line, sd, dims, lambda at, xp: log_value(at, data.log_near, xp))
    kinds = [kind for kind in pooled if kind in ("noise", "se_share")]
    own = {kind: _between(f"baseline_{kind}", *pooled[kind], dims)[at[:2]] for kind in kinds}
    value = pt.exp(level[at[:2]])
    return value, _noise_scale(own, value[:, None], data.cell_variance[at], data, at[1])[:, 0]


def _sum_over_laws(data: Assembly, share: Any, expected: Any, scale: Any, at: Places) -> None:
    """Add the density of all values, summed over the laws that each curve and metric may follow."""
    allowed = data.allowed[:, fitted_laws(data)]
    log_share = pt.switch(allowed, pt.log(share + ~allowed), -np.inf)
    noise = pm.StudentT.dist(data.degrees, mu=expected, sigma=scale)
    each = pm.logp(noise, data.value[at][:, None])
    joint = (pt.zeros((*data.count.shape, 1)) + log_share)[at[:2]].inc(each)
    largest = joint.max(axis=-1, keepdims=True)
    total = largest + pt.log(pt.exp(joint - largest).sum(axis=-1, keepdims=True))
    pm.Potential("values", total[..., 0], dims=PAIR)
    pm.Deterministic("law_probability", pt.exp(joint - total), dims=(*PAIR, "law"))
