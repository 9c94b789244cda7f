"""Fits of several laws without sampling, whose log likelihoods are made up, and refits of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from bayesscale.evaluation.refit import Refit, Refitted
from bayesscale.inference import Fit, Sampler
from bayesscale.posterior.draws import FOLLOWED
from tests.questions.made_up import MadeUp, rows

SAMPLER = Sampler(draws=100, chains=2, seed=7)
CHAINS, DRAWS = 2, 200
LAWS = ("log-law", "saturating-law")


def several_laws(wild: int = 0, problems: tuple[str, ...] = ()) -> Fit:
    """Return a fit of 8 curves of 3 sizes and 2 metrics, of which scores follow two laws.

    Three draws in four follow the log-law on every curve. Its share of all curves is uniform between 0 and 1.

    Parameters
    ----------
    wild : int
        How many values have importance weights without a mean.
    problems : tuple of str
        Of the status.
    """
    every = np.arange(CHAINS * DRAWS)
    share = np.linspace(0.0, 1.0, len(every))
    followed = np.broadcast_to(
        np.where(every % 4 == 0, 1, 0).reshape(CHAINS, DRAWS, 1, 1), (CHAINS, DRAWS, 8, 2)
    )
    of_law = np.stack([np.stack([share, 1 - share, 0 * share], -1), 0 * share[:, None] + [0, 0, 1]], 1)
    replaced = {
        FOLLOWED: (
            ("curve", "metric"),
            np.stack([followed[..., 0], 0 * followed[..., 0] + 2], -1).astype(np.int8),
        ),
        "law_share": (("metric", "law"), of_law.reshape(CHAINS, DRAWS, 2, 3)),
    }
    fit = MadeUp(
        table=rows(),
        draws=CHAINS * DRAWS,
        width=0.05,
        noise=0.3,
        problems=problems,
        laws=LAWS,
        replaced=replaced,
    ).fit()
    total = sum(len(block) for block in fit.curves.blocks.values())
    rng = np.random.default_rng(3)
    value, mean = rng.standard_normal(total), 0.1 * rng.standard_normal((CHAINS, DRAWS, total))
    density = stats.norm.logpdf(value, mean)
    density[..., :wild] -= rng.exponential(3.0, size=(CHAINS, DRAWS, wild))
    groups = {str(name): node.to_dataset() for name, node in fit.tree.children.items()}
    groups["log_likelihood"] = _group(density)
    settings = {**fit.provenance["settings"], "law": "log,saturating", "sampler": asdict(SAMPLER)}
    provenance = fit.provenance | {"settings": settings}
    return replace(fit, tree=xr.DataTree.from_dict(groups), provenance=provenance)


def _group(values: NDArray[np.float64]) -> xr.Dataset:
    """Return a group of log likelihoods, as small as a fit stores them."""
    return xr.Dataset({"value": (("chain", "draw", "observation"), values.astype(np.float32))})


def refit(density: dict[str, float], problem: str = "", fails: str = "") -> Callable[[Refit], Refitted]:
    """Return what stands in for a refit: the same density for every value under an option, or a failure."""

    def run(job: Refit) -> Refitted:
        if job.options.law == fails:
            raise RuntimeError("no memory")
        found = np.full(len(job.split.held), density[job.options.law])
        return Refitted(found, problem or "converged", not problem)

    return run
