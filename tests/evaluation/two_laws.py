"""Fits of two laws without sampling, whose log likelihoods are made up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from bayesscale.evaluation.refit import Refit, Refitted
from bayesscale.inference import Fit, Sampler
from bayesscale.models.laws import LOG, SATURATING
from tests.questions.made_up import MadeUp, rows

SAMPLER = Sampler(draws=100, tune=100, chains=2, seed=7)
CHAINS, DRAWS = 2, 200


def two_laws(ahead: float = 0.0, wild: int = 0, problems: tuple[str, ...] = ()) -> Fit:
    """Return a fit of 8 curves of 3 sizes and 2 metrics.

    Parameters
    ----------
    ahead : float
        How much larger each log likelihood is under the log-law; besides, the laws are better by 1 in turn.
    wild : int
        How many values have importance weights without a mean, under the saturating law.
    problems : tuple of str
        Of the status.
    """
    fit = MadeUp(table=rows(), draws=CHAINS * DRAWS, width=0.05, noise=0.3, problems=problems).fit()
    total = sum(len(block) for block in fit.curves.blocks.values())
    rng = np.random.default_rng(3)
    value, mean = rng.standard_normal(total), 0.1 * rng.standard_normal((CHAINS, DRAWS, total))
    turn = np.arange(total) % 2
    log = stats.norm.logpdf(value, mean)
    log, bent = log + turn, log + 1 - turn - ahead
    bent[..., :wild] -= rng.exponential(3.0, size=(CHAINS, DRAWS, wild))
    groups = {str(name): node.to_dataset() for name, node in fit.tree.children.items()}
    groups["posterior"] = groups["posterior"].assign_attrs(score_law=LOG)
    groups["posterior_saturating"] = groups["posterior"].assign_attrs(score_law=SATURATING)
    groups |= {"log_likelihood": _group(log), "log_likelihood_saturating": _group(bent)}
    settings = {"breaks": "none", "discrepancy": False, "law": "stack", "sampler": asdict(SAMPLER)}
    provenance = fit.provenance | {"settings": settings}
    return replace(fit, tree=xr.DataTree.from_dict(groups), provenance=provenance)


def _group(values: NDArray[np.float64]) -> xr.Dataset:
    """Return a group of log likelihoods, as small as a fit stores them."""
    return xr.Dataset({"value": (("chain", "draw", "observation"), values.astype(np.float32))})


def refit(density: dict[str, float], problem: str = "", fails: str = "") -> Callable[[Refit], Refitted]:
    """Return what stands in for a refit: the same density for every value of a law, or a failure."""

    def run(job: Refit) -> Refitted:
        if job.law == fails:
            raise RuntimeError("no memory")
        found = np.full(len(job.split.held), density[job.law])
        return Refitted(found, problem or "converged", not problem)

    return run
