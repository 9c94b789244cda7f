"""Do forecasts cover, and who forecasts best? Real curves that nobody here made, models side by side.

Every model is fitted to the first part of each curve and forecasts new measurements on the rest; splits are
in `forecasting/splits.py`, models in `forecasting/models.py`. For each split and metric: RMSLE (mean over
curves), mean absolute error, CRPS, coverage and width of equal-tailed 50% and 90% intervals. Point estimates
have no intervals; their CRPS is the absolute error. `n` counts the held-out values that a model forecasts:
some fit no curve that is too short for them, or that has values of 0.

Run: python benchmarks/forecast.py [--splits NAME ...] [--models NAME ...] [--seed N] [--again] [--list]
Each model and split is written to out/forecast/ when it is done; a run that was cut goes on there, and a
result is made anew when its data, settings or sources have changed. All results, with those of earlier runs,
are in results/forecast.json.
"""

from __future__ import annotations

import argparse
import fnmatch
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd

# The folder of this script is on the path, that of the package `benchmarks` is not.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from bayesscale.evaluation import Split
from bayesscale.evaluation.scores import pooled
from bayesscale.inference.run import record
from bayesscale.inference.sampler import Sampler
from bayesscale.models.priors import Priors
from bayesscale.questions.describe import plain_records
from benchmarks.forecasting.models import DEFAULT, MODELS, Model
from benchmarks.forecasting.peers import NotAvailableError
from benchmarks.forecasting.splits import FORECASTS
from benchmarks.forecasting.store import keep, merged, publish, signature, stored

SHOWN = {
    "split": "split",
    "metric": "metric",
    "model": "model",
    "n": "n",
    "rmsle": "RMSLE",
    "mae": "MAE",
    "crps": "CRPS",
    "cover_50": "in 50%",
    "cover_90": "in 90%",
    "width_90": "width 90%",
    "status": "status",
}


def main(arguments: list[str]) -> None:
    """Run what is asked for and is not there, print the table and write the document."""
    asked = _parse(arguments)
    # One attempt each: the whole benchmark is to be done in an hour.
    sampler, start, results = Sampler(seed=asked.seed, retries=0), time.perf_counter(), []
    for name in asked.splits:
        split = FORECASTS[name].make()
        own = replace(sampler, **FORECASTS[name].sampling)
        for model in asked.models:
            key = signature(MODELS[model], split, own)
            result = None if asked.again else stored(model, name, key)
            if result is None:
                result = {"split": name, "model": model, "key": key, **run(MODELS[model], split, own)}
                keep(result)
            results.append(result)
            print(f"{name}, {model}: {result['record']['status']}", file=sys.stderr, flush=True)
    document = {
        "interval": "equal-tailed, of new measurements",
        "splits": {name: each.about for name, each in FORECASTS.items()},
        "models": {name: each.about for name, each in MODELS.items()},
        "seconds": round(time.perf_counter() - start),
        **{k: v for k, v in record(sampler, Priors(), {}, "", {}).items() if k in ("versions", "created")},
        "sampler": asdict(sampler),
        "results": merged(results, (list(FORECASTS), list(MODELS))),
    }
    publish(document)
    print(table(results).to_string(index=False, na_rep="-"))


def run(model: Model, split: Split, sampler: Sampler) -> dict[str, Any]:
    """Return the scores of a model on a split, or why there are none.

    Parameters
    ----------
    model : Model
        The model.
    split : Split
        What is fitted and forecast.
    sampler : Sampler
        Settings of models that sample, and the seed of all.
    """
    start = time.perf_counter()
    try:
        with threadpool_limits(1, user_api="blas"):
            rows, found = model.run(split, sampler)
    except NotAvailableError as reason:
        rows, found = pd.DataFrame(), {"status": str(reason)}
    scores = pooled(rows, ["metric"], list(split.train.curve_columns)) if len(rows) else pd.DataFrame()
    return {
        "seconds": round(time.perf_counter() - start, 1),
        "record": found,
        "held": split.held.groupby("metric").size().to_dict(),
        "scores": plain_records(scores),
    }


def table(results: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the scores of results for people, by split and metric.

    Parameters
    ----------
    results : list of dict
        As in the document.
    """
    rows = [
        {"split": each["split"], "model": each["model"], "status": each["record"]["status"], **scores}
        for each in results
        for scores in (each["scores"] or [{"metric": "-"}])
    ]
    frame = pd.DataFrame(rows).reindex(columns=list(SHOWN)).rename(columns=SHOWN)
    order = {name: place for place, name in enumerate(FORECASTS)}
    frame = frame.sort_values(
        ["split", "metric"], key=lambda c: c.map(order) if c.name == "split" else c, kind="stable"
    )
    for name in ("RMSLE", "MAE", "CRPS", "width 90%"):
        frame[name] = frame[name].map("{:.4g}".format, na_action="ignore")
    for name in ("in 50%", "in 90%"):
        frame[name] = frame[name].map("{:.0%}".format, na_action="ignore")
    return frame.astype({"n": "Int64"})


def _parse(arguments: list[str]) -> argparse.Namespace:
    """Return what is asked for, with the names that patterns stand for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--splits", nargs="+", default=list(FORECASTS), metavar="NAME", help="may have * in it"
    )
    parser.add_argument("--models", nargs="+", default=list(DEFAULT), metavar="NAME", help="may have * in it")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", action="store_true", help="run what was run before as well")
    parser.add_argument("--list", action="store_true", help="print the names of splits and models")
    asked = parser.parse_args(arguments)
    if asked.list:
        lines = [f"{name}: {each.about}" for group in (FORECASTS, MODELS) for name, each in group.items()]
        parser.exit(message="\n".join(lines) + "\n")
    for kind, known in (("splits", FORECASTS), ("models", MODELS)):
        patterns = getattr(asked, kind)
        if missing := [each for each in patterns if not fnmatch.filter(known, each)]:
            parser.error(f"no {kind} named {missing[0]!r}; there are {', '.join(known)}")
        setattr(asked, kind, [name for name in known if any(fnmatch.fnmatch(name, p) for p in patterns)])
    return asked


if __name__ == "__main__":
    main(sys.argv[1:])
