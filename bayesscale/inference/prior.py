"""Draws from the prior of a model, and of data that it could have given: all at once."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import xarray as xr

from bayesscale.metrics.curves import Curves
from bayesscale.models.model import Model
from bayesscale.posterior.draws import FOLLOWED

# Draws made at once: more take much memory where there are many curves.
_TOGETHER = 250


def prior_draws(curves: Curves, model: Model, seed: int, draws: int) -> xr.Dataset:
    """Return draws from the prior with their laws, and a replicate of the data for each.

    They are the posterior's variables with dimensions chain (one) and draw; and `value` (observation), what
    would be measured: scores, losses and baseline as in `Curves.blocks`. Values are not cut off at the ends
    of their metric's range. The values of `curves` are not used.
    """
    # Imported late: reading a stored fit needs none of it.
    from bayesscale.models.plain import plain_model

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        built = plain_model(curves, model, marginal=False)
        dims = {name: built.named_vars_to_dims.get(name, ()) for name in _kept(built)}
        arrays = _drawn(built, list(dims), seed, draws)
    found = {name: (("chain", "draw", *dims[name]), arrays[name][None]) for name in dims}
    used = {dim for own in dims.values() for dim in own} - {"mode", "observation"}  # these have no labels
    coords = {dim: list(built.coords[dim]) for dim in built.coords if dim in used}
    drawn = xr.Dataset(found, coords={"chain": [0], "draw": np.arange(draws), **coords})
    drawn[FOLLOWED] = drawn[FOLLOWED].astype(np.int8)
    return drawn if "sharpness" in drawn else drawn.assign(sharpness=xr.zeros_like(drawn["level"]))


def _kept(built: Any) -> list[str]:
    """Return the variables that a posterior has, without standardised coordinates."""
    names = [variable.name for variable in built.unobserved_RVs]
    summed_over = "residual_partial", "law_shape", "curve_precision"
    return [n for n in names if not n.endswith("_raw") and n not in summed_over]


def _drawn(built: Any, names: list[str], seed: int, draws: int) -> dict[str, Any]:
    """Return draws of named variables of a model.

    `pymc.sample_prior_predictive` evaluates the model once a draw; here every operation takes all of them.
    """
    import pymc as pm
    import pytensor.tensor as pt
    from pytensor.compile.mode import Mode
    from pytensor.graph.replace import vectorize_graph

    count = pt.lscalar("count")
    known: dict[Any, Any] = {}
    for variable in built.basic_RVs:
        known[variable] = _together(built, variable, known, count)
    single = [built[name] for name in names]
    # What is the same in all draws, such as the share of a metric's only law, has no axis of draws.
    together: list[Any] = vectorize_graph(single, known)
    outputs = [
        many if many.ndim > one.ndim else pt.zeros((count, *[1] * one.ndim)) + many
        for one, many in zip(single, together, strict=True)
    ]
    # Python's own evaluation without any rewriting: compiling would take longer than the draws do.
    mode = Mode(linker="py", optimizer="None")
    evaluate = pm.compile([count], outputs, random_seed=seed, mode=mode)
    sizes = [len(part) for part in np.array_split(np.arange(draws), -(-draws // _TOGETHER))]
    parts = [evaluate(size) for size in sizes]
    return {name: np.concatenate(each) for name, each in zip(names, zip(*parts, strict=True), strict=True)}


def _together(built: Any, variable: Any, known: dict[Any, Any], count: Any) -> Any:
    """Return a random variable of a PyMC model with `count` draws along its first axis.

    `known` are those before it, with draws along theirs.
    """
    from pytensor.graph.replace import vectorize_graph

    node = variable.owner
    own = node.op.dist_params(node)
    size = _shape(built, variable)[: variable.ndim - node.op.ndim_supp]
    parameters = []
    for single, core, many in zip(
        own, node.op.ndims_params, vectorize_graph(own, known) if known else own, strict=True
    ):
        missing = len(size) - (single.ndim - core) if many.ndim > single.ndim else 0
        # Parameters that differ between draws are lined up with the other axes.
        parameters.append(many[:, *[None] * missing] if missing else many)
    return node.op(*parameters, size=(count, *size), rng=node.op.rng_param(node))


def _shape(built: Any, variable: Any) -> tuple[int, ...]:
    """Return the shape of one draw of a random variable."""
    dims = built.named_vars_to_dims.get(variable.name)
    return tuple(len(built.coords[dim]) for dim in dims) if dims else tuple(variable.type.shape)
