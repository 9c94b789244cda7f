"""What the population expects of each curve, in the model being built: a regression."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayesscale.metrics.curves import Curves
from bayesscale.models.effects import Effects
from bayesscale.models.forms import SHARPNESS
from bayesscale.models.hierarchy import group_sd
from bayesscale.models.priors import Priors
from bayesscale.models.regression import Design, zero_sum_basis
from bayesscale.models.surface import ADDITIVE, PART, RATE, Surface, on_surface


def expected_effects(curves: Curves, effects: Effects, surface: Surface | None, data: dict[str, Any]) -> Any:
    """Return the effects that the population expects of each curve, shape (curves, effects).

    Parameters
    ----------
    curves : Curves
        The data.
    effects : Effects
        Order and priors of the effects.
    surface : Surface or None
        The joint law in both sizes; None: effects are linear in the logarithm of the other size.
    data : dict of str to tensor
        The model's data.
    """
    design = Design.of(curves)
    coefficient = _coefficients(design, effects, curves, data)
    pm.Deterministic("mean", coefficient[:, 0], dims="effect")
    if curves.covariates:
        pm.Deterministic("slope", coefficient[:, design.covariates].T, dims=("covariate", "effect"))
    for factor, place in design.factors:
        level = zero_sum_basis(len(factor.levels)) @ coefficient[:, place].T
        pm.Deterministic(f"{factor.name}_effect", level, dims=(factor.name, "effect"))
    expected = data["design"] @ coefficient.T
    return expected if surface is None else on_surface(surface, expected, data["other_size"], effects, xp=pt)


def _coefficients(design: Design, effects: Effects, curves: Curves, data: dict[str, Any]) -> Any:
    """Return the coefficients of the regression, shape (effects, columns).

    With `whitened` 1 they are sampled in the basis that the data suggest; the potential replaces the standard
    normal density of `coefficient_raw` by that of the coefficients' prior.
    """
    count, columns = len(effects.names), design.matrix.shape[1]
    rest = np.zeros((count, columns - 1 - len(curves.covariates)))
    known = [data["prior_mean"][:, None], data["prior_slope"]]
    mean = pt.concatenate([*known, pt.as_tensor(rest)], axis=1)
    fixed = [data["prior_sd"][:, None], data["prior_slope_sd"]]
    spreads = [
        group_sd(factor, effects, data["prior_groups"][place])[:, None] * np.ones(len(factor.levels) - 1)
        for place, (factor, _) in enumerate(design.factors)
    ]
    sd = pt.concatenate([*fixed, *spreads], axis=1)
    raw = pm.Normal("coefficient_raw", 0.0, 1.0, shape=(count, columns))
    whitened = data["whitened"][:, None]
    direct = data["whitening_location"] + (data["whitening_factor"] * raw[:, None, :]).sum(axis=-1)
    white = (direct - mean) / sd
    pm.Potential("whitening", (whitened * (0.5 * (raw**2 - white**2) - pt.log(sd))).sum())
    return pt.where(whitened > 0, direct, mean + sd * raw)


def surface_variables(kind: str, priors: Priors, fields: dict[str, Any]) -> dict[str, Any]:
    """Add the variables of a joint law to the model being built and return what a `Surface` takes.

    Parameters
    ----------
    kind : str
        'multiplicative' or 'additive'.
    priors : Priors
        The priors.
    fields : dict of str to tensor
        Sampled fields of the laws, of which the sharpness matters.
    """
    rate = priors.joint_rate
    found = {RATE: pm.LogNormal(RATE, np.log(rate.median), rate.spread, dims="metric")}
    if kind == ADDITIVE:
        found[PART] = pm.Beta(PART, priors.joint_part.a, priors.joint_part.b, dims="metric")
    return found | {name: values for name, values in fields.items() if name == SHARPNESS}
