"""Fit: from a metrics table and settings to a diagnosed posterior."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

import pandas as pd

from bayesscale.inference.fit import Fit
from bayesscale.inference.sampler import Sampled, Sampler, sample
from bayesscale.inference.status import Diagnostics, diagnose, judge
from bayesscale.metrics.curves import build_curves
from bayesscale.metrics.read import read_metrics
from bayesscale.metrics.table import Metrics
from bayesscale.models.assembly import assemble
from bayesscale.models.breaks import usual_breaks
from bayesscale.models.model import ALL, Model, chosen_model
from bayesscale.models.priors import Priors

PACKAGES = ("bayesscale", "pymc", "pytensor", "arviz", "numba", "numpy", "scipy", "pandas", "xarray")


def fit(
    metrics: Metrics | pd.DataFrame | str | os.PathLike[str],
    *,
    priors: Priors | None = None,
    sampler: Sampler | None = None,
    report: Callable[[str], None] | None = None,
    breaks: str | None = None,
    discrepancy: bool = True,
    law: str = ALL,
    command: str = "",
) -> Fit:
    """Fit the model to a metrics table.

    Parameters
    ----------
    metrics : Metrics, pandas.DataFrame or path
        The data, from `read_metrics`; a data frame or a path is read by it, as it is.
    priors : Priors, optional
        The priors; default: the documented ones.
    sampler : Sampler, optional
        Settings of the sampler.
    report : callable, optional
        Receives one line a phase.
    breaks : str, optional
        Which metrics may break: 'scores', 'all' or 'none'; default: scores along D_p, none along D_f.
    discrepancy : bool
        Let curves stray from their laws.
    law : str
        Laws that scores may follow, see `bayesscale.models.model.chosen_model`.
    command : str
        What was run, for the record.

    Returns
    -------
    Fit
        Also where diagnostics failed; look at its `status`.

    Raises
    ------
    UsageError
        A law is unknown.
    MetricsError
        A data frame or a file breaks rules.
    """
    metrics = metrics if isinstance(metrics, Metrics) else read_metrics(metrics)
    priors, sampler, say = priors or Priors(), sampler or Sampler(), report or _silent
    start = time.perf_counter()
    breaks = usual_breaks(metrics.axis) if breaks is None else breaks
    model = chosen_model(law, breaks, discrepancy, priors)
    curves = build_curves(metrics)
    data = assemble(curves, model)
    from bayesscale.inference.draws import curve_draws, population_draws
    from bayesscale.inference.tree import build_tree

    imported = time.perf_counter()
    seen: list[Diagnostics] = []

    def needed(sampled: Sampled) -> float:
        population = population_draws(sampled, curves, data)
        seen.append(diagnose(population, curve_draws(sampled, curves, data), sampled.sweeps, sampler.rough))
        return seen[-1].missing

    sampled = sample(data, sampler, say, needed)
    begun = time.perf_counter()
    say("replicated data")
    tree = build_tree(sampled, metrics, curves, model, sampler.seed)
    seconds = {"import": imported - start, **sampled.seconds, "finish": time.perf_counter() - begun}
    provenance = {
        **record(sampler, model, law, command, seconds),
        "source": metrics.source,
        "data_hash": metrics.data_hash,
        "diagnostics": seen[-1].document(),
    }
    return Fit(tree, metrics, curves, priors, judge(seen[-1], sampler.longest), provenance)


def _silent(_: str) -> None:
    """Say nothing."""


def record(
    sampler: Sampler, model: Model, law: str, command: str, seconds: dict[str, float]
) -> dict[str, Any]:
    """Return what made a fit: versions, settings, seed, command and wall seconds of each phase."""
    settings = {
        "laws": list(model.laws), "breaks": model.breaks, "discrepancy": model.discrepancy,
        "sharp": model.sharp,
    }  # fmt: skip
    return {
        "versions": {"python": platform.python_version(), **{n: _version(n) for n in PACKAGES}},
        "seed": sampler.seed,
        "settings": {
            "sampler": asdict(sampler), "priors": model.priors.model_dump(), "model": settings, "law": law,
        },
        "command": command,
        "timings": {name: round(value, 3) for name, value in seconds.items()},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip


def _version(package: str) -> str:
    """Return the version of an installed package."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
