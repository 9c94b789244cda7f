"""Rolling-origin evaluation: fit the first part of each curve, forecast the rest, score the forecasts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bayesscale.engine import Failed, Finished, JobsError, Outcome
from bayesscale.errors import UsageError, valid_names
from bayesscale.evaluation.answer import Evaluation
from bayesscale.evaluation.forecasters import MODELS, FitOptions, Forecaster
from bayesscale.evaluation.jobs import Workers
from bayesscale.evaluation.split import Split, split_first
from bayesscale.inference.run import record
from bayesscale.inference.sampler import Sampler
from bayesscale.metrics.curves import unit_labels
from bayesscale.metrics.table import Metrics
from bayesscale.models.breaks import usual_breaks
from bayesscale.models.model import ALL, chosen_model
from bayesscale.models.priors import Priors

_EDGES = (0.0, 0.5, 1.0, 2.0, 4.0, np.inf)
_LABELS = ("0 to 0.5", "0.5 to 1", "1 to 2", "2 to 4", "above 4")
_INSIDE, _UNFITTED = "inside the data", "metric not fitted"
_OWN = "joint"
"""The model that the options of a fit are for."""
Found = tuple[pd.DataFrame, dict[str, Any], list[dict[str, Any]]]


@dataclass(frozen=True)
class _Job:
    """One fit: the model with its forecaster, which travels to the process that runs it, and the rows."""

    model: str
    forecaster: Forecaster
    split: Split
    options: FitOptions
    phases: Callable[[str], Callable[[str], None]] | None = None

    @property
    def named(self) -> dict[str, Any]:
        """What tells the job from others."""
        return {"model": self.model, "split": self.split.name}

    def __str__(self) -> str:
        return f"{self.model}, {self.split.name}"


def evaluate(
    metrics: Metrics,
    *,
    first: Sequence[float] = (0.6,),
    splits: Sequence[Split] | None = None,
    models: Sequence[str] = ("joint",),
    sampler: Sampler | None = None,
    priors: Priors | None = None,
    breaks: str | None = None,
    discrepancy: bool = True,
    law: str = ALL,
    jobs: int = 1,
    backend: str = "joblib",
    report: Callable[[str], None] | None = None,
    phases: Callable[[str], Callable[[str], None]] | None = None,
) -> Evaluation:
    """Fit the first part of each curve, forecast the rest and score the forecasts.

    A fit that fails is in `Evaluation.failures` and does not stop the others.

    Parameters
    ----------
    metrics : Metrics
        The table.
    first : sequence of float
        Origins: shares of each curve's sizes below 1, rounded up, or numbers of sizes.
    splits : sequence of Split, optional
        Splits, instead of `first`.
    models : sequence of str
        Names in `bayesscale.evaluation.forecasters.MODELS`.
    sampler, priors : Sampler, Priors, optional
        Settings of the models that sample. Default: those of `fit`.
    breaks, discrepancy, law
        Those of the model 'joint', as `fit` takes them; the other models are named after theirs.
    jobs : int
        Fits at the same time, each in a process of its own; the scores do not depend on it.
    backend : str
        'joblib', or 'ray' for a cluster; the scores do not depend on it either.
    report : callable, optional
        Receives one line a fit, when it ends; where fits run side by side, one before all of them too.
    phases : callable, optional
        Takes the name of a fit that begins and returns what receives one line a phase of it. Fits that run in
        other processes do not call it.

    Raises
    ------
    UsageError
        A model, an origin, the backend, the number of jobs or an option of `fit` cannot be used.
    DataError
        A split leaves nothing to forecast.
    JobsError
        Every fit failed.
    """
    if not models:
        raise UsageError(f"an evaluation needs a model; received none; valid: {', '.join(sorted(MODELS))}")
    if unknown := [name for name in models if name not in MODELS]:
        raise UsageError(f"a model is unknown; received {unknown[0]!r}; {valid_names(unknown[0], MODELS)}")
    workers = Workers(jobs, backend)
    if (breaks, discrepancy, law) != (None, True, ALL) and _OWN not in models:
        raise UsageError(
            f"breaks, discrepancy and law are those of the model {_OWN}; received the models "
            f"{', '.join(models)}; add {_OWN}, or leave these options out"
        )
    sampler, priors = sampler or Sampler(), priors or Priors()
    chosen = splits or [split_first(metrics, each) for each in dict.fromkeys(first)]
    cores = workers.cores(sampler.cores)
    asked = chosen_model(law, usual_breaks(metrics.axis) if breaks is None else breaks, discrepancy, priors)
    own = FitOptions(replace(sampler, cores=cores), priors, breaks, discrepancy, law)
    names = list(dict.fromkeys(models))
    tasks = [_Job(name, MODELS[name], split, own) for split in chosen for name in names]
    if workers.alone:
        tasks = [replace(task, phases=phases) for task in tasks]
    elif report:
        report(f"{len(tasks)} fits, at most {jobs} at a time, each told when it has ended")
    outcomes = workers.run(_one, tasks, cores, lambda found: str(found[1]["status"]), report)
    made = record(sampler, asked, law, "", {})
    settings = {**made["settings"], "models": names, "splits": [split.name for split in chosen]}
    answer = _gathered(metrics, outcomes, made | {"settings": settings})
    return replace(answer, short=_too_short(metrics, chosen))


def _one(job: _Job) -> Found:
    """Return the scored rows of one model and split, what is said of the fit, and curves that it left out."""
    report = job.phases(str(job)) if job.phases else None
    rows, found = job.forecaster(job.split, replace(job.options, report=report))
    left = [{**job.named, **each} for each in found.pop("left out", [])]
    return _with_distance(rows, job.split).assign(**job.named), job.named | found, left


def _gathered(
    metrics: Metrics, outcomes: list[Outcome[_Job, Found]], provenance: dict[str, Any]
) -> Evaluation:
    """Return the answer made of all fits."""
    failed = [each for each in outcomes if isinstance(each, Failed)]
    done = [(each.value, each.seconds) for each in outcomes if isinstance(each, Finished)]
    failures = [each.job.named | {"curve": "all", "metric": "all", "error": str(each)} for each in failed]
    if not done:
        listed = "".join(f"\n  {each['model']}, {each['split']}: {each['error']}" for each in failures)
        raise JobsError(f"every one of the {len(failed)} fits failed:{listed}", failed[0].exit_code)
    failures += [each for (_, _, left), _ in done for each in left]
    return Evaluation(
        metrics,
        pd.concat([rows for (rows, _, _), _ in done], ignore_index=True),
        pd.DataFrame([{**found, "seconds": round(seconds, 3)} for (_, found, _), seconds in done]),
        provenance,
        tuple(failures),
    )


def _too_short(metrics: Metrics, splits: Sequence[Split]) -> tuple[str, ...]:
    """Return the labels of curves of which no split holds anything out."""
    columns = list(metrics.curve_columns)
    curves = metrics.curves()
    held = {row for split in splits for row in split.held[columns].itertuples(index=False, name=None)}
    short = [row not in held for row in curves[columns].itertuples(index=False, name=None)]
    return tuple(unit_labels(curves[short], metrics.curve_columns))


def _with_distance(rows: pd.DataFrame, split: Split) -> pd.DataFrame:
    """Return rows with how far they are beyond what was fitted."""
    axis, keys = split.train.axis, [*split.train.curve_columns, "metric"]
    fitted = split.train.frame[~split.train.is_baseline]
    last = fitted.groupby(keys, dropna=False)[axis].max().rename("last").reset_index()
    merged = rows.merge(last, on=keys, how="left")
    beyond = np.log(merged[axis] / merged["last"])
    inside = pd.Series(pd.cut(beyond, list(_EDGES), labels=list(_LABELS))).astype(object)
    distance = inside.fillna(_INSIDE).where(merged["last"].notna(), _UNFITTED)
    return merged.drop(columns="last").assign(efolds_beyond=beyond, distance=distance)
