"""Everything numeric that a model and its data come to: arrays made once, which all else takes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesscale.laws import LAWS, POWER_LAW
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import Curves
from bayesscale.metrics.design import PAIR
from bayesscale.models.breaks import breakable, sign_of
from bayesscale.models.discrepancy import MODES, modes
from bayesscale.models.law_priors import EffectPrior, KindPrior, PooledPrior
from bayesscale.models.layout import lay_out
from bayesscale.models.measurement import RESOLUTION, has_se, noise_scales
from bayesscale.models.model import Model
from bayesscale.models.scale import log_near_zero

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
POOLED = ("noise", "discrepancy", "sharpness", "se_share")
"""Parameters that every curve has for itself, normal between the curves of a metric."""
SLOPES = {"model_params": "params_slope", "alignment": "alignment_slope"}


class Assembly(NamedTuple):
    """Data and priors in arrays: C curves, M metrics, N values of a pair, E = 2 M effects, K laws.

    A plain tuple of arrays, so that compiled code takes it as well.

    Parameters
    ----------
    u, value, variance : array, shape (C, M, N)
        Position, value and squared standard error; the first `count` of a pair are measured.
    modes : array, shape (C, M, N, 2)
        Basis of the discrepancy at these values.
    count : array of int, shape (C, M)
        Number of values; 0 where a metric was not measured on a curve.
    pattern, measured : array of int, shape (C,), array of bool, shape (P, M)
        The pattern of each curve; the metrics measured in each.
    first, last : array, shape (C, M)
        Smallest and largest measured u; 0 where there is none.
    sign, floor : array, shape (M,)
        1 for scores and -1 for losses; the metric's resolution, in its unit.
    log_near : array, shape (M,)
        Log of the value below which the scale of level and gain is linear, see `bayesscale.models.scale`.
    allowed : array of bool, shape (M, K)
        Laws that a metric may follow, in the order of `bayesscale.laws.LAWS`.
    may_break : array of bool, shape (M,)
        Metrics whose laws may break.
    pooled_free : array of bool, shape (4,)
        Which of `POOLED` are estimated; others are held at 0.
    degrees, curve_degrees, span : float
        Degrees of freedom of the noise, and of what sets curves apart; length of the axis in e-folds.
    design : array, shape (C, Q)
        Columns of the regression: 1, covariates, zero-sum coordinates of the factors.
    group : array of int, shape (Q,)
        The factor of each column; -1 for those with fixed priors.
    coef_mean, coef_sd : array, shape (Q, E)
        Normal priors of the columns without a factor.
    group_prior : array, shape (F, E, 2)
        Log median and spread of the sd of each factor's levels.
    sd_prior : array, shape (E, 2)
        The same of the sd between curves.
    partial : array, shape (E (E - 1) / 2,)
        Parameter of the symmetric Beta prior of each partial correlation.
    pooled : array, shape (4, M, 4)
        Mean and sd of the mean, log median and spread of the sd, of each of `POOLED`.
    shapes : array, shape (M, K, 4)
        The same of the shape under each law.
    hazard, hazard_alignment, break_scale : array, shape (2,)
        Priors of the log hazard per e-fold, its change with alignment, and the log of the typical fall.
    break_spread : float
        Spread of falls as a share of their scale.
    alignment : array, shape (C,)
        Centred alignment; 0 where it is unknown or does not vary.
    cell_value, cell_variance : array, shape (B, M, R)
        Values of the baseline and their squared standard errors.
    cell_count : array of int, shape (B, M)
        Number of them.
    cell_design : array, shape (B, 2)
        1 and centred log10 D_f.
    line_mean, line_sd : array, shape (2, M)
        Normal priors of the baseline's line.
    cell_sd_prior : array, shape (2,)
        Log median and spread of the sd of cells around the line.
    """

    u: FloatArray
    value: FloatArray
    variance: FloatArray
    modes: FloatArray
    count: IntArray  # type: ignore[assignment]  # tuples have a method of this name
    pattern: IntArray
    measured: BoolArray
    first: FloatArray
    last: FloatArray
    sign: FloatArray
    floor: FloatArray
    log_near: FloatArray
    allowed: BoolArray
    may_break: BoolArray
    pooled_free: BoolArray
    degrees: float
    curve_degrees: float
    span: float
    design: FloatArray
    group: IntArray
    coef_mean: FloatArray
    coef_sd: FloatArray
    group_prior: FloatArray
    sd_prior: FloatArray
    partial: FloatArray
    pooled: FloatArray
    shapes: FloatArray
    hazard: FloatArray
    hazard_alignment: FloatArray
    break_scale: FloatArray
    break_spread: float
    alignment: FloatArray
    cell_value: FloatArray
    cell_variance: FloatArray
    cell_count: IntArray
    cell_design: FloatArray
    line_mean: FloatArray
    line_sd: FloatArray
    cell_sd_prior: FloatArray


def assemble(curves: Curves, model: Model) -> Assembly:
    """Return the arrays of data and model."""
    scores, losses = len(curves.scores.metrics), len(curves.losses.metrics)
    kinds = [model.priors.score] * scores + [model.priors.loss] * losses
    arrays: dict[str, Any] = {
        **_values(curves, model),
        **_regression(curves, kinds, model),
        **_pooled(curves, model),
        **_breaks(curves, model),
        **_baseline(curves, model),
    }
    return Assembly(**arrays)


def _values(curves: Curves, model: Model) -> dict[str, Any]:
    """Return the measured values by pair of curve and metric."""
    layout = lay_out(curves)
    shape = len(curves), len(curves.names), layout.real.shape[1]
    place = layout.curve, layout.metric
    found = {name: np.zeros(shape) for name in ("u", "value", "variance")}
    found["modes"] = np.zeros((*shape, MODES))
    for name, values in (("u", layout.u), ("value", layout.value), ("variance", layout.se**2)):
        found[name][place] = np.where(layout.real, values, 0.0)
    if model.discrepancy:
        found["modes"][place] = np.moveaxis(modes(layout), 0, -1)
    count = np.zeros(shape[:2], dtype=np.int64)
    count[place] = layout.real.sum(axis=1)
    first, last = np.zeros(shape[:2]), np.zeros(shape[:2])
    first[place] = np.where(layout.real, layout.u, np.inf).min(axis=1)
    last[place] = np.where(layout.real, layout.u, -np.inf).max(axis=1)
    measured, pattern = np.unique(count > 0, axis=0, return_inverse=True)
    patterns = {"pattern": pattern.reshape(-1), "measured": measured}
    return {**found, "first": first, "last": last, "count": count, **patterns}


def group_prior(factor: str) -> str:
    """Return the name of the prior of a factor's spread."""
    return {"task": "task_sd", "mixture": "mixture_sd", PAIR: "mixture_sd"}.get(factor, "size_sd")


def _regression(curves: Curves, kinds: list[KindPrior], model: Model) -> dict[str, Any]:
    """Return the regression of levels and gains on what groups the curves, with its priors."""
    priors = [effect for kind in kinds for effect in (kind.level, kind.gain)]
    columns = [np.ones((len(curves), 1)), *(c.values[:, None] for c in curves.covariates)]
    group = [-1] * len(columns)
    for place, factor in enumerate(curves.factors):
        basis = factor.contrasts()
        columns.append(basis[factor.index])
        group += [place] * basis.shape[1]
    typical = [np.log(model.priors.typical.get(n, CATALOGUE[n].typical)) for n in curves.names]
    offset = np.array([each for level in typical for each in (level, 0.0)])
    mean, sd = np.zeros((len(group), len(priors))), np.ones((len(group), len(priors)))
    mean[0], sd[0] = offset + [p.mean.mean for p in priors], [p.mean.sd for p in priors]
    for row, covariate in enumerate(curves.covariates, 1):
        slopes = [getattr(p, SLOPES.get(covariate.name, "size_slope")) for p in priors]
        mean[row], sd[row] = [s.mean for s in slopes], [s.sd for s in slopes]
    spreads = [[getattr(p, group_prior(f.name)) for p in priors] for f in curves.factors]
    groups = np.array([[(np.log(s.median), s.spread) for s in row] for row in spreads])
    between = np.array([(_log_median(p, curves.absorbed), p.curve_sd.spread) for p in priors])
    _, columns_of = np.tril_indices(len(priors), -1)
    return {
        "design": np.hstack(columns),
        "group": np.array(group, dtype=np.int64),
        "coef_mean": mean,
        "coef_sd": sd,
        "group_prior": groups.reshape(len(curves.factors), len(priors), 2),
        "sd_prior": between,
        "partial": model.priors.correlation + 0.5 * (len(priors) - 2.0 - columns_of),
    }


def _log_median(prior: EffectPrior, absorbed: tuple[str, ...]) -> float:
    """Return the prior log median of the sd between curves.

    It includes that between the levels of groupings with one curve a level, see `Curves.absorbed`.
    """
    medians = [prior.curve_sd.median, *(getattr(prior, f"{name}_sd").median for name in absorbed)]
    return float(0.5 * np.log(np.sum(np.square(medians))))


def _pooled_row(prior: PooledPrior, offset: float) -> list[float]:
    """Return mean and sd of the mean, log median and spread of the sd."""
    between = prior.curve_sd
    return [prior.mean.mean + offset, prior.mean.sd, float(np.log(between.median)), between.spread]


def _pooled(curves: Curves, model: Model) -> dict[str, Any]:
    """Return the priors of what every curve has for itself, the laws, and the noise."""
    priors, scales = model.priors, noise_scales(curves.names, model.priors)
    rows = [
        [_pooled_row(priors.noise_scale, float(np.log(scale))) for scale in scales],
        *(
            [_pooled_row(p, 0.0)] * len(scales)
            for p in (priors.discrepancy, priors.sharpness, priors.se_share)
        ),
    ]
    offset = {name: float(np.log(curves.axis.span)) if law.rated else 0.0 for name, law in LAWS.items()}
    shape = [_pooled_row(getattr(priors.shape, law.option), offset[name]) for name, law in LAWS.items()]
    score = np.array([name in model.laws for name in LAWS])
    loss = np.array([name == POWER_LAW.name for name in LAWS])
    allowed = [score if CATALOGUE[name].improves == "up" else loss for name in curves.names]
    return {
        "sign": np.array([sign_of(name) for name in curves.names]),
        "floor": RESOLUTION * scales,
        "log_near": log_near_zero(curves.names, model.priors),
        "allowed": np.array(allowed),
        "pooled_free": np.array([True, model.discrepancy, model.sharp, has_se(curves)]),
        "degrees": float(priors.degrees),
        "curve_degrees": float(priors.curve_degrees),
        "span": curves.axis.span,
        "pooled": np.array(rows),
        "shapes": np.array([shape] * len(curves.names)),
    }


def _breaks(curves: Curves, model: Model) -> dict[str, Any]:
    """Return which metrics may break, and the priors."""
    prior, able = model.priors.breaks, breakable(curves, model.breaks)
    aligned = [c.values for c in curves.covariates if c.name == "alignment"]
    return {
        "may_break": np.array([name in able for name in curves.names]),
        "hazard": np.array([np.log(prior.hazard.median), prior.hazard.spread]),
        "hazard_alignment": np.array([prior.alignment.mean, prior.alignment.sd]),
        "break_scale": np.array([np.log(prior.scale.median), prior.scale.spread]),
        "break_spread": float(prior.spread),
        "alignment": aligned[0] if aligned else np.zeros(len(curves)),
    }


def _baseline(curves: Curves, model: Model) -> dict[str, Any]:
    """Return the values of the non-pretrained baseline, and the priors of its line in log D_f."""
    rows, priors, names = curves.baseline, model.priors, curves.names
    cells = len(curves.cells) if len(rows) else 0
    count = np.zeros((cells, len(names)), dtype=np.int64)
    place = np.zeros(len(rows), dtype=np.int64)
    for i, at in enumerate(zip(rows.unit.tolist(), rows.metric.tolist(), strict=True)):
        place[i] = count[at]
        count[at] += 1
    value, variance = np.zeros((2, cells, len(names), max(1, int(count.max(initial=1)))))
    value[rows.unit, rows.metric, place] = rows.value
    variance[rows.unit, rows.metric, place] = rows.se**2
    sizes = [c for c in curves.covariates if c.name.endswith("_tokens") and c.name in curves.cells]
    slope = sizes[0].scaled(curves.cells[sizes[0].name]) if sizes and cells else np.zeros(cells)
    typical = np.log([priors.typical.get(n, CATALOGUE[n].typical) for n in names])
    ones = np.ones(len(names))
    return {
        "cell_value": value,
        "cell_variance": variance,
        "cell_count": count,
        "cell_design": np.column_stack([np.ones(cells), slope * float(np.ptp(slope) > 0 if cells else 0)]),
        "line_mean": np.stack([typical + priors.baseline_level.mean, priors.baseline_slope.mean * ones]),
        "line_sd": np.stack([priors.baseline_level.sd * ones, priors.baseline_slope.sd * ones]),
        "cell_sd_prior": np.array([np.log(priors.baseline_sd.median), priors.baseline_sd.spread]),
    }
