"""Do forecasts cover, and who forecasts best? Real curves that nobody here made, models side by side.

Every model is fitted to the first part of each curve and forecasts new measurements on the rest; splits are
in `forecasting/splits.py`, models in `forecasting/models.py`. For each split and metric: RMSLE (mean over
curves), mean absolute error, CRPS, coverage and width of equal-tailed 50%, 80% and 90% intervals. Point
estimates have no intervals; their CRPS is the absolute error. `n` counts the held-out values that a model
forecasts: some fit no curve that is too short for them, or that has values of 0. 'old default' is what the
default model forecast when NUTS drew from it, with two laws of scores in turn.

Fits are rough, see `SAMPLER`, so that the whole takes ten minutes. Results are in results/forecast.json, each
as soon as it is made; one is made anew when its data, settings or sources have changed.

Run: python -m benchmarks.forecast [--splits NAME ...] [--models NAME ...] [--again] [--list]
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import json
import sys
import time
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from bayesscale.evaluation import Split
from bayesscale.evaluation.scores import PROBS, pooled
from bayesscale.inference.sampler import Sampler
from bayesscale.metrics.table import data_hash
from bayesscale.questions.answer import plain_records
from benchmarks.forecasting.models import DEFAULT, MODELS, Model
from benchmarks.forecasting.peers import NotAvailableError
from benchmarks.forecasting.splits import FORECASTS
from benchmarks.store import RESULTS, code_hash, publish, say

SAMPLER = Sampler(draws=250, longest=8, rough=True)
OURS, OLD = "joint", "old default"
ORDER = [OURS, OLD, *(name for name in MODELS if name != OURS)]
Result = dict[str, Any]


def main(arguments: list[str]) -> None:
    """Run what is asked for and is not there, print the tables and write the document."""
    asked = _parse(arguments)
    found, start = _stored(), time.perf_counter()
    for name in asked.splits:
        split = FORECASTS[name].make()
        for model in asked.models:
            key = signature(MODELS[model], split)
            if asked.again or found.get((name, model), {}).get("key") != key:
                try:
                    result = run(MODELS[model], split)
                except NotAvailableError as reason:
                    say(f"{name}, {model}: {reason}")
                    continue
                found[name, model] = {"split": name, "model": model, "key": key, **result}
                say(f"{name}, {model}: {result['record']['status']}, {result['seconds']} s")
                _publish(found)
    chosen = {key: result for key, result in found.items() if key[0] in asked.splits}
    print(table(chosen, asked.models).to_string(index=False, na_rep="-"))
    print(summary(found).to_string(index=False, na_rep="-"))
    for line in conclusions(found):
        print(line)
    print(f"{SAMPLER.chains} x {SAMPLER.draws} draws, longest {SAMPLER.longest}", end="; ")
    print(f"{time.perf_counter() - start:.0f} s")


def signature(model: Model, split: Split) -> str:
    """Return what a result depends on: the data, the split, the settings, and the sources of the model.

    Parameters
    ----------
    model : Model
        The model.
    split : Split
        What is fitted and forecast.
    """
    settings = asdict(SAMPLER) if model.ours else {"seed": SAMPLER.seed}
    parts = [split.train.data_hash, data_hash(split.held), json.dumps(settings, sort_keys=True)]
    return hashlib.sha256("\n".join([*parts, code_hash(model.sources)]).encode()).hexdigest()[:16]


def run(model: Model, split: Split) -> Result:
    """Return the scores of a model on a split.

    Parameters
    ----------
    model : Model
        The model.
    split : Split
        What is fitted and forecast.
    """
    start = time.perf_counter()
    with threadpool_limits(1, user_api="blas"):
        rows, found = model.run(split, SAMPLER)
    scores = pooled(rows, ["metric"], list(split.train.curve_columns)) if len(rows) else pd.DataFrame()
    return {
        "seconds": round(time.perf_counter() - start, 1),
        "record": found,
        "held": split.held.groupby("metric").size().to_dict(),
        "scores": plain_records(scores),
    }


def _stored() -> dict[tuple[str, str], Result]:
    """Return the results of earlier runs by split and model."""
    document = RESULTS / "forecast.json"
    results = json.loads(document.read_text())["results"] if document.exists() else []
    return {(result["split"], result["model"]): result for result in results}


def _publish(found: dict[tuple[str, str], Result]) -> None:
    """Write all results, in order, and what they come to."""
    ordered = [found[split, model] for split in FORECASTS for model in ORDER if (split, model) in found]
    document = {
        "interval": "equal-tailed, of new measurements",
        "splits": {name: each.about for name, each in FORECASTS.items()},
        "models": {OLD: "the default when NUTS drew", **{name: each.about for name, each in MODELS.items()}},
        "sampler": asdict(SAMPLER),
        "conclusions": conclusions(found),
        "summary": plain_records(summary(found)),
        "results": ordered,
    }
    publish("forecast", document)


def _rows(found: dict[tuple[str, str], Result]) -> pd.DataFrame:
    """Return one row a split, model and metric."""
    rows = [
        {"split": split, "model": model, "status": each["record"]["status"], **scores}
        for split in FORECASTS
        for model in ORDER
        if (each := found.get((split, model)))
        for scores in each["scores"]
    ]
    return pd.DataFrame(rows)


def summary(found: dict[tuple[str, str], Result]) -> pd.DataFrame:
    """Return our CRPS by split and metric, beside the old default's and the best rival's of the same values.

    Parameters
    ----------
    found : dict
        Results by split and model.
    """
    rows, compared = _rows(found), []
    ours = rows[rows["model"] == OURS] if len(rows) else rows
    for own in ours.to_dict("records"):
        # Rivals that leave out what is hard for them are not compared.
        key = ["split", "metric", "n"]
        same = rows[(rows[key] == [own[name] for name in key]).all(axis=1)]
        old = same.loc[same["model"] == OLD, "crps"]
        rivals = same[same["model"].isin([n for n, model in MODELS.items() if not model.ours])]
        best = rivals.sort_values("crps").iloc[0] if len(rivals) else None
        compared.append(
            {name: own[name] for name in ("split", "metric", "n", "crps")}
            | {"to old": own["crps"] / old.iloc[0] if len(old) else np.nan}
            | {"best rival": None if best is None else best["model"]}
            | {"to rival": np.nan if best is None else own["crps"] / best["crps"]}
            | {f"in {prob:.0%}": own[f"cover_{100 * prob:.0f}"] for prob in PROBS}
            | {"seconds": found[own["split"], OURS]["seconds"], "status": own["status"]}
        )
    return pd.DataFrame(compared).round(4)


def conclusions(found: dict[tuple[str, str], Result]) -> list[str]:
    """Return in sentences how our forecasts compare, and whether they cover.

    Parameters
    ----------
    found : dict
        Results by split and model.
    """
    rows = summary(found)
    if rows.empty:
        return []
    lines = []
    for column, than in (("to old", "the old default"), ("to rival", "the best rival of each")):
        known = rows.dropna(subset=[column])
        # Every split counts once, whatever its number of metrics.
        logs = pd.Series(np.log(known[column].astype(float)))
        by_split = logs.groupby(known["split"]).mean()
        ratio, better = np.exp(by_split.mean()), int((by_split < 0).sum())
        lines.append(f"CRPS {ratio:.3f} times that of {than} (better on {better} of {len(by_split)} splits)")
    covered = [
        f"{prob:.0%} intervals hold {np.average(rows[f'in {prob:.0%}'], weights=rows['n']):.1%} of values, "
        f"{rows.groupby('split')[f'in {prob:.0%}'].mean().mean():.1%} on the mean split"
        for prob in PROBS
    ]
    seconds = sum(found[split, OURS]["seconds"] for split in rows["split"].unique())
    return [*lines, *covered, f"{rows['split'].nunique()} splits fitted in {seconds:.0f} s"]


def table(found: dict[tuple[str, str], Result], models: list[str]) -> pd.DataFrame:
    """Return the scores of some models, by split and metric.

    Parameters
    ----------
    found : dict
        Results by split and model.
    models : list of str
        Names of models.
    """
    rows = _rows(found)
    names = ["split", "metric", "model", "n", "rmsle", "mae", "crps", "cover_50", "cover_90", "width_90"]
    chosen = rows[rows["model"].isin([*models, OLD])].reindex(columns=[*names, "status"])
    order = {name: place for place, name in enumerate([*FORECASTS, *ORDER])}
    chosen = chosen.sort_values(
        ["split", "metric", "model"], key=lambda column: column.map(lambda name: order.get(name, name))
    )
    for name in names[4:]:
        chosen[name] = chosen[name].map("{:.4g}".format, na_action="ignore")
    return chosen


def _parse(arguments: list[str]) -> argparse.Namespace:
    """Return what is asked for, with the names that patterns stand for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--splits", nargs="+", default=list(FORECASTS), metavar="NAME", help="may have * in it"
    )
    parser.add_argument("--models", nargs="+", default=list(DEFAULT), metavar="NAME", help="may have * in it")
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
