"""Fit: from a metrics table and settings to a diagnosed posterior."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from bayesscale.inference.attempts import sample_models
from bayesscale.inference.fit import Fit
from bayesscale.inference.sampler import Sampler
from bayesscale.inference.status import judge_laws, worst
from bayesscale.metrics.curves import build_curves
from bayesscale.metrics.table import Metrics
from bayesscale.models.laws import PAPER, chosen_laws, labels
from bayesscale.models.priors import Priors
from bayesscale.models.surface import LINEAR
from bayesscale.models.usable import check_joint, check_values

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
    breaks: str | None = None,
    discrepancy: bool = True,
    law: str = "stack",
    loss_law: str = "power",
    joint: str = LINEAR,
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
        Settings of the sampler, for each law.
    progress : bool
        Show a progress bar while sampling.
    report : callable, optional
        Receives one line a phase.
    breaks : str, optional
        Which metrics may break: 'scores', 'all' or 'none'; default: scores along D_p, none along D_f.
    discrepancy : bool
        Let curves stray from their laws.
    law : str
        Law of the scores: 'stack' fits the log-law and the saturating law and forecasts with both; one of
        `bayesscale.models.laws.LAW_CHOICES`, or several separated by commas; 'paper' the log-law, and losses
        with sharpness 1.
    loss_law : str
        Law of the losses, one of `bayesscale.models.laws.LOSS_CHOICES` or several separated by commas.
    joint : str
        How effects depend on the size that is not along the curves: 'linear' in its logarithm, or by a joint
        law of both sizes, 'multiplicative' or 'additive', which power laws and saturating laws can follow.
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
    DataError
        A law cannot take the table's metrics or their values.
    """
    priors, sampler, say = priors or Priors(), sampler or Sampler(), report or _silent
    start = time.perf_counter()
    # Imported late: reading a stored fit needs none of it.
    from bayesscale.inference.tree import build_tree, prior_draws
    from bayesscale.models.breaks import usual_breaks
    from bayesscale.models.joint import JointModel

    imported = time.perf_counter()
    curves = build_curves(metrics)
    breaks = usual_breaks(metrics.axis) if breaks is None else breaks
    laws = chosen_laws(law, loss_law, curves.scores.metrics, curves.losses.metrics)
    check_values(curves, laws, priors)
    check_joint(curves, laws, joint)
    names, beside = labels(laws, len(curves.scores) > 0), tuple(laws)
    models = [
        JointModel(priors, breaks, discrepancy, own.score, law != PAPER, own.loss, beside, joint, name)
        for own, name in zip(laws, names, strict=True)
    ]
    sampled = sample_models(models, curves, sampler, progress, say)
    draws, found = sampled.draws, dict(zip(names, sampled.diagnostics, strict=True))
    begun = time.perf_counter()
    say("drawing from the prior and of replicated data")
    prior = prior_draws(models[0].build(curves, centred=False), sampler.seed)
    named = {own: (each.posterior, each.stats) for own, each in zip(laws, draws, strict=True)}
    tree = build_tree(named, prior, metrics, curves, priors, sampler.seed)
    spent = {name: sum(each.seconds.get(name, 0.0) for each in draws) for name in ("compile", "sample")}
    seconds = {"import": imported - start, **spent, "finish": time.perf_counter() - begun}
    settings = {
        "breaks": breaks,
        "discrepancy": discrepancy,
        "law": law,
        "loss_law": loss_law,
        "joint": joint,
    }
    provenance = {
        **record(sampler, priors, settings, command, seconds),
        "source": metrics.source,
        "data_hash": metrics.data_hash,
        "diagnostics": worst(found).document(),
        "diagnostics by law": {own: each.document() for own, each in found.items()},
        "attempts": sampled.attempts,
    }
    return Fit(
        tree, metrics, curves, priors, judge_laws(found, dict(zip(names, laws, strict=True))), provenance
    )


def _silent(_: str) -> None:
    """Say nothing."""


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
        Settings of the model: breaks, discrepancy, law.
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
