"""Change a prior or take another model, and see on all tables at once what it does to forecasts.

Every split is fitted with the default and with the change, with the same seeds. Told are the CRPS by that of
the default, by split and metric, its spread over seeds, and how many held-out values 90% and 50% intervals
hold. A change is judged by the mean over splits, never by one table: docs/notes.md keeps what was tried.

Run: python -m benchmarks.try_out --try breaks.hazard.median=0.2 [--model NAME] [--splits NAME ...]
A run that was cut goes on; results are kept by what was tried.
"""

from __future__ import annotations

import argparse
import fnmatch
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bayesscale.evaluation.forecasters import MODELS, FitOptions
from bayesscale.inference.sampler import Sampler
from bayesscale.models.priors import Priors, change_priors
from benchmarks.forecasting.splits import FORECASTS
from benchmarks.store import resume

SAMPLER = Sampler(draws=250, longest=8, rough=True, cores=1)
DEFAULT = "joint"
_SCORES = ("crps", "inside_90", "inside_50")


@dataclass(frozen=True)
class Job:
    """A fit of a split.

    Parameters
    ----------
    split : str
        A name in `FORECASTS`.
    model : str
        A model of `bayesscale evaluate`.
    changes : tuple of (str, float)
        Priors by their dotted names, and their values.
    seed : int
        Seed of the fit.
    """

    split: str
    model: str
    changes: tuple[tuple[str, float], ...]
    seed: int

    @property
    def key(self) -> str:
        """The name under which the result is kept."""
        changed = " ".join(f"{name}={value:g}" for name, value in self.changes)
        return f"{self.split} | {self.model} | {changed} | {self.seed}"


def run(job: Job) -> list[dict[str, Any]]:
    """Return the mean scores of a fit's forecasts by metric."""
    priors = change_priors(Priors(), nested(job.changes))
    options = FitOptions(replace(SAMPLER, seed=job.seed), priors)
    rows, _ = MODELS[job.model](FORECASTS[job.split].make(), options)
    means = rows.groupby("metric")[list(_SCORES)].mean().assign(n=rows.groupby("metric").size())
    return [{str(k): v for k, v in row.items()} for row in means.reset_index().to_dict("records")]


def nested(changes: Iterable[tuple[str, float]]) -> dict[str, Any]:
    """Return changes of priors as nested dictionaries, from dotted names."""
    found: dict[str, Any] = {}
    for name, value in changes:
        *path, last = name.split(".")
        place = found
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return found


def main(arguments: list[str]) -> None:
    """Run what is missing, and print how the change does."""
    asked = _parse(arguments)
    kinds = {"default": (DEFAULT, ()), "tried": (asked.model, tuple(asked.changes))}
    jobs = [
        (kind, Job(split, model, changes, seed))
        for split in asked.splits
        for seed in range(asked.seeds)
        for kind, (model, changes) in kinds.items()
    ]
    found = resume("try_out", run, {job.key: job for _, job in jobs})
    rows = [
        {"split": job.split, "seed": job.seed, "kind": kind, **row}
        for kind, job in jobs
        for row in found.get(job.key, [])
    ]
    print(compared(pd.DataFrame(rows)).round(3).to_string())


def compared(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what a change does to every split and metric, and on the mean split.

    Parameters
    ----------
    rows : pandas.DataFrame
        Columns split, seed, kind (default or tried), metric, n and the scores.
    """
    wide = rows.pivot_table(index=["split", "metric", "seed"], columns="kind", values=[*_SCORES, "n"])
    ratio = np.log(wide["crps", "tried"] / wide["crps", "default"])
    parts = {"n": wide["n", "default"], "CRPS to default": ratio}
    for score in _SCORES[1:]:
        for kind in ("default", "tried"):
            parts[f"{score.removeprefix('inside_')}% hold, {kind}"] = wide[score, kind]
    each = pd.DataFrame(parts).groupby(["split", "metric"])
    means = each.mean()
    means.insert(2, "+-", each["CRPS to default"].std() if rows["seed"].nunique() > 1 else np.nan)
    pooled = means.groupby("split").mean().mean().to_frame(("mean split", "")).T
    means = pd.concat([means, pooled])
    means["CRPS to default"] = np.exp(means["CRPS to default"])
    return means


def _parse(arguments: list[str]) -> argparse.Namespace:
    """Return what is asked for."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shape)
    parser.add_argument(
        "--try", action="append", default=[], dest="changes", type=_change, metavar="NAME=VALUE"
    )
    parser.add_argument("--model", default=DEFAULT, choices=list(MODELS))
    parser.add_argument("--splits", nargs="+", default=["*"], metavar="NAME", help="may have * in it")
    parser.add_argument("--seeds", type=int, default=1, help="fits of each split, default 1")
    asked = parser.parse_args(arguments)
    if not asked.changes and asked.model == DEFAULT:
        parser.error("nothing is changed: name a prior with --try, or another --model")
    change_priors(Priors(), nested(asked.changes))
    chosen = [name for name in FORECASTS if any(fnmatch.fnmatch(name, p) for p in asked.splits)]
    if not chosen:
        parser.error(f"no such split; there are {', '.join(FORECASTS)}")
    asked.splits = chosen
    return asked


def _change(text: str) -> tuple[str, float]:
    """Return a dotted name and its value."""
    name, _, value = text.partition("=")
    return name, float(value)


if __name__ == "__main__":
    main(sys.argv[1:])
