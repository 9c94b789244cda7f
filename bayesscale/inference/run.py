"""Fit: from a metrics table and settings to a diagnosed posterior."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from bayesscale.inference.fit import Fit
from bayesscale.inference.sampler import Sampler, sample
from bayesscale.inference.status import diagnose, judge
from bayesscale.metrics.curves import build_curves
from bayesscale.metrics.table import Metrics
from bayesscale.models.priors import Priors

PACKAGES = (
    "bayesscale",
    "pymc",
    "pytensor",
    "nutpie",
    "arviz",
    "numba",
    "numpy",
    "scipy",
    "pandas",
    "xarray",
)


def fit(
    metrics: Metrics,
    *,
    priors: Priors | None = None,
    sampler: Sampler | None = None,
    progress: bool = False,
    report: Callable[[str], None] | None = None,
    breaks: str = "scores",
    discrepancy: bool = True,
    command: str = "",
) -> Fit:
    """Fit the joint model to a metrics table.

    Parameters
    ----------
    metrics : Metrics
        The data, from `bayesscale.metrics.read_metrics`.
    priors : Priors, optional
        The priors; default: the documented ones.
    sampler : Sampler, optional
        Settings of the sampler.
    progress : bool
        Show a progress bar while sampling.
    report : callable, optional
        Receives one line a phase.
    breaks : str
        Which metrics may break: 'scores', 'all' or 'none'.
    discrepancy : bool
        Let curves stray from their laws.
    command : str
        What was run, for the record.

    Returns
    -------
    Fit
        Also where diagnostics failed; look at its `status`.
    """
    priors, sampler, say = priors or Priors(), sampler or Sampler(), report or _silent
    start = time.perf_counter()
    # Imported late: reading a stored fit needs none of it.
    from bayesscale.inference.tree import build_tree, prior_draws
    from bayesscale.models.joint import JointModel

    imported = time.perf_counter()
    model, curves = JointModel(priors, breaks, discrepancy), build_curves(metrics)
    draws = sample(model.build(curves), sampler, progress=progress, report=say, start=model.start(curves))
    sampled = time.perf_counter()
    say("diagnosing, and drawing from the prior and of replicated data")
    found = diagnose(without_constants(draws.posterior), draws.stats, sampler.max_depth)
    prior = prior_draws(model.build(curves, centred=False), sampler.seed)
    tree = build_tree(draws.posterior, draws.stats, prior, metrics, curves, priors, sampler.seed)
    seconds = {"import": imported - start, **draws.seconds, "finish": time.perf_counter() - sampled}
    provenance = {
        **record(sampler, priors, {"breaks": breaks, "discrepancy": discrepancy}, command, seconds),
        "source": metrics.source,
        "data_hash": metrics.data_hash,
        "diagnostics": found.document(),
    }
    return Fit(tree, metrics, curves, priors, judge(found), provenance)


def _silent(_: str) -> None:
    """Say nothing."""


def without_constants(posterior: Any) -> Any:
    """Return all parameters, sampled and derived, without the duplicates on the unconstrained scale."""
    return posterior[[name for name in posterior.data_vars if not str(name).endswith("__")]]


def record(
    sampler: Sampler, priors: Priors, model: dict[str, Any], command: str, seconds: dict[str, float]
) -> dict[str, Any]:
    """Return what made a fit: versions, settings, seed, command and timings.

    Parameters
    ----------
    sampler : Sampler
        Settings of the sampler.
    priors : Priors
        The priors.
    model : dict
        Settings of `JointModel`: breaks, discrepancy.
    command : str
        What was run.
    seconds : dict
        Wall seconds of each phase.
    """
    return {
        "versions": {"python": platform.python_version(), **{n: _version(n) for n in PACKAGES}},
        "seed": sampler.seed,
        "settings": {"sampler": asdict(sampler), "priors": priors.model_dump(), **model},
        "command": command,
        "timings": {name: round(value, 3) for name, value in seconds.items()},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _version(package: str) -> str:
    """Return the version of an installed package."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
