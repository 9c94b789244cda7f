"""Simulation-based calibration of model and engine, breaks and laws too (Talts et al., arXiv 1804.06788).

Parameters and values are drawn from the prior, the default fit is made of the values, and the rank of each
parameter among its posterior draws is noted: uniform if model, sampler and derived quantities are right. The
priors are narrower than the defaults, so that the simulated curves are curves; the fit uses the same. Two
tables of 12 curves and 8 sizes: one score; and a score with its loss, standard errors, baseline and
alignment. Parameters of curves are pooled; their tests take one curve a fit, since the curves of a table
share its luck. All numbers are SIMULATED.

Run: python -m benchmarks.calibration [fits] [--tables NAME ...] [--again]
A run that was cut goes on; `0` reports what is there. Draws the ranks to docs/pictures/.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.inference import Sampler, fit
from bayesscale.inference.prior import prior_draws
from bayesscale.metrics.curves import build_curves
from bayesscale.metrics.read import read_metrics
from bayesscale.metrics.table import Metrics
from bayesscale.models.model import Model
from bayesscale.models.priors import Priors, change_priors
from bayesscale.posterior.draws import FOLLOWED
from bayesscale.simulate import SMALL, Regime, simulate
from benchmarks.store import ROOT, options, publish, resume
from benchmarks.uniformity import BINS, RANKED, draw, parameter, probability_bins, ranks

FloatArray = NDArray[np.float64]
FITS = 300
# Draws from the prior are made so many at a time, whatever is asked for: fit 7 stays the same.
_TOGETHER = 500
_ALPHA = 0.05
_SCORE = replace(
    SMALL, mixtures=SMALL.mixtures[:4], metrics=("bleu",), checkpoints=8, breaks="none", baseline=False
)
TABLES: dict[str, Regime] = {
    "score": _SCORE,
    "whole": replace(_SCORE, metrics=("bleu", "cross_entropy"), baseline=True, standard_errors=True),
}


def _narrow_effects() -> dict[str, Any]:
    """Return changes that make the priors of level and gain narrower."""
    spreads = {f"{name}_sd": {"spread": 0.3} for name in ("task", "mixture", "size", "curve")}
    slopes = {f"{name}_slope": {"sd": 0.15} for name in ("size", "params", "alignment")}
    return {name: {"mean": {"sd": 0.25}, **spreads, **slopes} for name in ("level", "gain")}


def _narrow(sd: float) -> dict[str, Any]:
    """Return changes that make the prior of a pooled parameter narrower."""
    return {"mean": {"sd": sd}, "curve_sd": {"spread": 0.3}}


PRIORS = change_priors(
    Priors(),
    {
        "score": _narrow_effects(),
        "loss": _narrow_effects(),
        "shape": {law: _narrow(0.4) for law in ("log", "saturating", "rising", "power")},
        "sharpness": _narrow(0.3),
        "noise_scale": _narrow(0.4),
        "se_share": _narrow(0.7),
        "discrepancy": _narrow(0.5),
        "breaks": {"hazard": {"median": 0.08, "spread": 0.5}, "scale": {"spread": 0.4}},
        "baseline_level": {"sd": 0.3},
        "baseline_slope": {"sd": 0.15},
        "baseline_sd": {"spread": 0.3},
    },
)
MODEL = Model(PRIORS)


@dataclass(frozen=True)
class Job:
    """One fit: its table, its number, and what was drawn from the prior."""

    table: str
    number: int
    truth: Mapping[str, NDArray[Any]]


def main(arguments: list[str]) -> None:
    """Make the fits that are missing, print how uniform the ranks are, draw them and write them down."""
    parser = options(__doc__, FITS, "fits of each table")
    parser.add_argument("--tables", nargs="+", default=list(TABLES), choices=list(TABLES))
    asked = parser.parse_args(arguments)
    document = {}
    for name in TABLES:
        count, again = (asked.count, asked.again) if name in asked.tables else (0, False)
        rows = resume(f"calibration_{name}", calibrate, jobs(name, count), again=again)
        if rows:
            document[name] = report(name, list(rows.values()))
            draw(document[name], ROOT / "docs" / "pictures" / f"calibration_{name}.png")
    about = {"simulated": True, "draws ranked": RANKED, "bins": BINS, "priors": PRIORS.model_dump()}
    if document:
        publish("calibration", {**about, "tables": document})


def table(name: str) -> Metrics:
    """Return a table, of which the values do not matter."""
    frame = simulate(TABLES[name], 0).frame
    shares = [column for column in frame.columns if str(column).startswith("share_")]
    return read_metrics(frame.drop(columns=shares) if name == "score" else frame)


def jobs(name: str, count: int) -> dict[str, Job]:
    """Return the fits of a table, each with its own draw from the prior."""
    found = {}
    curves = build_curves(table(name)) if count else None
    for first in range(0, count, _TOGETHER):
        assert curves is not None
        drawn = prior_draws(curves, MODEL, seed=first // _TOGETHER, draws=_TOGETHER)
        arrays = {str(name): variable.to_numpy()[0] for name, variable in drawn.data_vars.items()}
        for place in range(min(_TOGETHER, count - first)):
            truth = {variable: array[place] for variable, array in arrays.items()}
            found[str(first + place)] = Job(name, first + place, truth)
    return found


def with_values(metrics: Metrics, value: FloatArray) -> Metrics:
    """Return a table with other values, in the order of `Curves.blocks`."""
    # The arrays of a table whose values are its row numbers say where each row goes.
    frame = metrics.frame
    numbered = build_curves(replace(metrics, frame=frame.assign(value=np.arange(len(frame), dtype=float))))
    place = np.concatenate([rows.value for rows in numbered.blocks.values()]).astype(int)
    values = np.empty(len(frame))
    values[place] = value
    return replace(metrics, frame=frame.assign(value=values))


def calibrate(job: Job, sampler: Sampler | None = None) -> dict[str, Any]:
    """Return the ranks of the truth in the default fit of its values, and probabilities beside the truth."""
    metrics = with_values(table(job.table), job.truth["value"])
    sampler = sampler or Sampler(cores=1, seed=job.number)
    found = fit(metrics, priors=PRIORS, sampler=sampler)
    posterior = found.tree["posterior"].to_dataset()
    last = metrics.frame["pretrain_tokens"].max()
    draws, true = found.draws("break_at"), job.truth["break_at"]
    law, own = found.draws(FOLLOWED), job.truth[FOLLOWED]
    places = [found.laws.index(name) for name in found.allowed("bleu")]
    return {
        "ranks": ranks(posterior, job.truth, np.random.default_rng([job.number, 3])),
        "broken": _pairs((draws <= last).mean(axis=0), true <= last),
        **{f"law {found.laws[k]}": _pairs((law[..., 0] == k).mean(axis=0), own[:, 0] == k) for k in places},
        "ok": found.status.ok,
        "rhat": found.provenance["diagnostics"]["rhat"],
        "seconds": sum(found.provenance["timings"].values()),
    }


def _pairs(probability: FloatArray, holds: NDArray[Any]) -> list[list[float]]:
    """Return probabilities beside whether what they are of is true."""
    pairs = zip(probability.ravel().tolist(), holds.ravel().tolist(), strict=True)
    return [[round(each, 5), float(true)] for each, true in pairs]


def report(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of a table's fits, and print them."""
    parameters = [parameter(label, [row["ranks"][label] for row in rows]) for label in rows[0]["ranks"]]
    keys = [key for key in rows[0] if key.startswith(("broken", "law "))]
    bins = {f"P({key})": probability_bins([row[key] for row in rows]) for key in keys}
    tests = {f"{each['parameter']}, {p}": each[p] for each in parameters for p in ("p uniform", "p within")}
    tests |= {
        f"{key} from {each['from']} to {each['to']}": each["p"]
        for key, own in bins.items()
        for each in own
        if "p" in each
    }
    worst, limit = min(tests, key=lambda test: tests[test]), _ALPHA / len(tests)
    document = {
        "fits": len(rows),
        "not converged": sum(not row["ok"] for row in rows),
        "largest R-hat": round(max(row["rhat"] for row in rows), 4),
        "median seconds": round(float(np.median([row["seconds"] for row in rows])), 1),
        "within 90%, all parameters": round(float(np.mean([each["within 90%"] for each in parameters])), 4),
        "tests": len(tests),
        "limit (Bonferroni)": float(f"{limit:.2g}"),
        "smallest p": f"{tests[worst]:.2g}, {worst}",
        "rejected": [test for test, p in tests.items() if p < limit],
    }
    print(f"\nSIMULATED, table {name}:", *(f"{key}: {value}" for key, value in document.items()), sep="\n  ")
    print(pd.DataFrame(parameters).drop(columns="ranks").to_string(index=False))
    for key, own in bins.items():
        print(f"{key}:\n{pd.DataFrame(own).to_string(index=False)}", flush=True)
    return {**document, "parameters": parameters, "probabilities": bins}


if __name__ == "__main__":
    main(sys.argv[1:])
