"""What does cross-entropy tell of scores? Forecasts from three checkpoints, with the loss of six and without.

Scores of every curve are known at its first three checkpoints and forecast at the rest, once with the loss of
the first six checkpoints and once without any loss. SIMULATED tables of 15 curves (BLEU and cross-entropy, 10
checkpoints, no breaks); and bigscience_1b3, ten checkpoints a corpus, accuracy of seven tasks with LAMBADA's
loss beside each. Told is the ratio of the CRPS with to that without: below 1 the loss helps.

Run: python -m benchmarks.information [tables] [--again]
A run that was cut goes on; `0` reports what is there.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd

from bayesscale.evaluation import Split, split_rows
from bayesscale.evaluation.forecasters import MODELS, FitOptions
from bayesscale.inference import Sampler
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.read import read_metrics
from bayesscale.metrics.table import Metrics
from bayesscale.questions.answer import plain_records
from bayesscale.simulate import SMALL, simulate
from benchmarks.store import options, publish, resume
from benchmarks.tables import file_rows, loss_everywhere

SIMULATED, REAL = 20, "bigscience_1b3"
SCORES, LOSSES, CHECKPOINTS = 3, 6, 10
SAMPLER = Sampler(draws=500, longest=8, cores=1)
REGIME = replace(SMALL, breaks="none", checkpoints=CHECKPOINTS)
Row = dict[str, Any]


def main(arguments: list[str]) -> None:
    """Make the forecasts that are missing, print the ratios and write them down."""
    asked = options(__doc__, SIMULATED, "simulated tables").parse_args(arguments)
    names = [REAL, *(f"simulated {seed}" for seed in range(asked.count))] if asked.count else []
    jobs = {f"{name}, loss {known}": (name, known) for name in names for known in (True, False)}
    found = resume("information", forecasts, jobs, again=asked.again)
    if not found:
        return
    parts = {}
    for part in ("simulated", REAL):
        rows = pd.DataFrame([row for key, own in found.items() if key.startswith(part) for row in own])
        if len(rows):
            parts[part] = compared(rows)
            print(f"\n{part}:", *(f"{key}: {value}" for key, value in parts[part].items()), sep="\n  ")
    publish("information", {"what": __doc__, "sampler": asdict(SAMPLER), "parts": parts})


def table(name: str) -> Metrics:
    """Return a table of curves of ten checkpoints."""
    if name != REAL:
        return read_metrics(simulate(REGIME, int(name.split()[1])).frame)
    rows = loss_everywhere(file_rows(REAL))
    return read_metrics(rows[_thinned(rows)])


def _thinned(rows: pd.DataFrame) -> pd.Series:
    """Return which rows are at ten checkpoints of their corpus, about evenly spaced in log D_p."""
    chosen = pd.Series(False, index=rows.index)
    for _, own in rows["pretrain_tokens"].astype(float).groupby(rows["mixture"]):
        sizes = np.unique(own)
        wanted = np.geomspace(sizes[0], sizes[-1], CHECKPOINTS)
        near = {float(sizes[np.abs(np.log(sizes / each)).argmin()]) for each in wanted}
        chosen |= own.isin(near).reindex(rows.index, fill_value=False)
    return chosen


def split(metrics: Metrics, loss: bool) -> Split:
    """Return the first checkpoints of a table, with or without the loss, and the scores to be forecast.

    Parameters
    ----------
    metrics : Metrics
        The table.
    loss : bool
        Whether its loss is known.
    """
    score = metrics.frame["metric"].map(lambda name: CATALOGUE[name].improves == "up")
    if not loss:
        metrics = replace(metrics, frame=metrics.frame[score].reset_index(drop=True))
        score = score[score].reset_index(drop=True)
    groups = metrics.frame[~metrics.is_baseline].groupby([*metrics.curve_columns, "metric"])
    place = groups[metrics.axis].rank(method="dense").reindex(metrics.frame.index)
    fitted = place <= score.map({True: SCORES, False: LOSSES})
    found = split_rows(metrics, metrics.frame.loc[fitted, "line"].tolist(), f"loss {loss}")
    held = found.held["metric"].map(lambda name: CATALOGUE[name].improves == "up")
    return replace(found, held=found.held[held].reset_index(drop=True))


def forecasts(job: tuple[str, bool], sampler: Sampler = SAMPLER) -> list[Row]:
    """Return a row a forecast score: its CRPS, and whether it lies in the 90% interval.

    Parameters
    ----------
    job : (str, bool)
        Name of the table, and whether the loss is known.
    sampler : Sampler
        Its settings.
    """
    own = split(table(job[0]), job[1])
    rows, record = MODELS["joint"](own, FitOptions(sampler))
    curve = rows[list(own.train.curve_columns)].astype(str).agg(" | ".join, axis=1)
    kept = rows[["crps", "inside_90", own.train.axis]].assign(table=job[0], loss=job[1], curve=curve)
    kept["width"] = rows["upper_90"] - rows["lower_90"]
    kept["ok"] = record["status"] == "converged"
    return plain_records(kept.rename(columns={own.train.axis: "size"}))


def compared(rows: pd.DataFrame) -> Row:
    """Return the mean CRPS with and without the loss, their ratio and its spread over tables or curves.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of `forecasts` of one part.
    """
    unit = "table" if rows["table"].nunique() > 1 else "curve"
    values = ["crps", "inside_90", "width"]
    both = rows.pivot_table(index=["table", "curve", "size"], columns="loss", values=values).dropna()
    crps = both["crps"].groupby(unit).mean()
    ratio = np.log(crps[True] / crps[False])
    mean = both.mean()
    return {
        f"{unit}s": len(crps),
        "forecasts": len(both),
        "CRPS with the loss": float(f"{mean['crps', True]:.4g}"),
        "CRPS without": float(f"{mean['crps', False]:.4g}"),
        "ratio": round(float(mean["crps", True] / mean["crps", False]), 4),
        f"ratio of the mean {unit}": round(float(np.exp(ratio.mean())), 4),
        "s.e. of its log": round(float(ratio.std() / np.sqrt(len(ratio))), 4),
        f"share of {unit}s below 1": round(float((ratio < 0).mean()), 3),
        "90% intervals hold, with and without": [
            round(float(mean["inside_90", k]), 3) for k in (True, False)
        ],
        "their mean width": [round(float(mean["width", k]), 4) for k in (True, False)],
        "forecasts of fits that did not converge": int((~rows["ok"]).sum()),
    }


if __name__ == "__main__":
    main(sys.argv[1:])
