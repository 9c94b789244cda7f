"""A complete fit without sampling: its draws are draws from the prior."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesscale.inference import Fit, Sampler
from bayesscale.inference.run import record
from bayesscale.inference.status import diagnose, judge
from bayesscale.inference.tree import build_tree, prior_draws
from bayesscale.metrics.curves import Curves, build_curves
from bayesscale.metrics.read import read_metrics
from bayesscale.models.joint import JointModel
from bayesscale.models.laws import SCORE_LAWS, Followed
from bayesscale.models.measurement import FEWEST_DEGREES
from bayesscale.models.priors import Priors, change_priors
from tests.models.tables import table

CHAINS, DRAWS = 2, 150
VARIED = (
    Followed("exponential-link", "shifted-power-law"),
    Followed("chance-logistic", "m4"),
    Followed("rising-power-law", "smooth-break"),
)


def _chains(prior: xr.Dataset) -> xr.Dataset:
    """Return the first draws of the prior as if several chains had made them."""
    kept = prior.isel(chain=0, draw=slice(CHAINS * DRAWS)).drop_vars(["chain", "draw"])
    split = {
        str(name): (
            ("chain", "draw", *variable.dims[1:]),
            variable.to_numpy().reshape(CHAINS, DRAWS, *variable.shape[1:]),
        )
        for name, variable in kept.data_vars.items()
    }
    coords = {name: kept[name] for name in kept.coords if name not in ("chain", "draw")}
    return xr.Dataset(split, coords={"chain": range(CHAINS), "draw": range(DRAWS), **coords})


def _with_weights(draws: xr.Dataset, curves: Curves) -> xr.Dataset:
    """Return draws with the weights of the noise, which cannot be drawn with the rest of the prior."""
    losses = curves.losses.metric + len(curves.scores.metrics)
    metric = np.concatenate([curves.scores.metric, losses])
    half = 0.5 * (FEWEST_DEGREES + draws["noise_tails"].to_numpy()[..., metric])
    weight = np.random.default_rng(1).gamma(half, 1 / half)
    dims = ("chain", "draw", "curve_observation")
    return draws.assign(noise_weight_raw=(dims, np.log(weight) * np.sqrt(half)))


def _stats() -> xr.Dataset:
    """Return what a sampler tells of its draws."""
    rng = np.random.default_rng(0)
    stats: dict[str, Any] = {
        "diverging": np.zeros((CHAINS, DRAWS), bool),
        "n_steps": np.full((CHAINS, DRAWS), 15),
        "tree_depth": np.full((CHAINS, DRAWS), 4),
        "step_size": np.full((CHAINS, DRAWS), 0.3),
        "lp": rng.standard_normal((CHAINS, DRAWS)),
        "energy": rng.standard_normal((CHAINS, DRAWS)),
    }
    return xr.Dataset({name: (("chain", "draw"), values) for name, values in stats.items()})


def _made(frame: pd.DataFrame, priors: Priors, followed: Sequence[Followed]) -> Fit:
    """Return a fit of a table under laws that are fitted one after the other; all have the same draws."""
    metrics = read_metrics(frame)
    curves, sampler = build_curves(metrics), Sampler(draws=DRAWS, chains=CHAINS, seed=5)
    first = followed[0]
    model = JointModel(priors, law=first.score, loss_law=first.loss, beside=tuple(followed))
    prior = prior_draws(model.build(curves, centred=False), sampler.seed)
    posterior, stats = _with_weights(_chains(prior), curves), _stats()
    draws = dict.fromkeys(followed, (posterior, stats))
    tree = build_tree(draws, prior, metrics, curves, priors, sampler.seed)
    found = diagnose(posterior, stats, sampler.max_depth)
    settings = {"breaks": "scores", "discrepancy": True, "law": "stack"}
    provenance = record(sampler, priors, settings, "bayesscale fit é.csv", {"sample": 1.0}) | {
        "source": metrics.source,
        "data_hash": metrics.data_hash,
        "diagnostics": found.document(),
    }
    return Fit(tree, metrics, curves, priors, judge(found), provenance)


@pytest.fixture(scope="session")
def made() -> Fit:
    """Return a fit of a small table, some of whose names are not ASCII."""
    frame = table(se=0.3).replace({"task": {"en-de": "en→日本語"}, "mixture": {"en+fr": 'en & "fr", 50 %é'}})
    priors = change_priors(Priors(), {"score": {"gain": {"mean": {"mean": 0.35}}}})
    return _made(frame, priors, tuple(map(Followed, SCORE_LAWS)))


@pytest.fixture(scope="session")
def varied() -> Fit:
    """Return a fit of a score and a loss under laws that are not the usual ones."""
    priors = change_priors(Priors(), {"guess": {"cross_entropy": 50.0}, "chance": {"bleu": 2.0}})
    return _made(table(), priors, VARIED)
