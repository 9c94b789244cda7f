"""Do the intervals cover? Simulated tables in the regime of the paper, fitted one after the other.

Two parts, both SIMULATED (15 curves x 2 metrics x 10 checkpoints a table), equal-tailed intervals:

laws: the papers' laws hold exactly, and are what is fitted (`--law paper`, no breaks, no discrepancy). Are
their parameters covered, and the law and a new measurement at ten times the largest D_p?
forecasts: some curves break as in the paper, and the default model is fitted. Are the law and a new
measurement covered at 2 and at 10 times the largest D_p?

Fits are short, see `SAMPLER`; those that did not converge are counted.

Run: python -m benchmarks.recovery [sets] [--parts NAME ...] [--again]
A run that was cut goes on; `0` reports what is there.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bayesscale.inference import Fit, Sampler, fit
from bayesscale.laws import LAWS
from bayesscale.metrics.read import read_metrics
from bayesscale.questions.forecast import forecast
from bayesscale.simulate import SMALL, CurveTruth, Regime, Simulated, simulate
from benchmarks.store import options, publish, resume

SETS = 50
PROBS = (0.5, 0.9)
ANCHORED = ("level", "gain", "shape")
SAMPLER = Sampler(draws=500, longest=8, cores=1)
Row = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """What is simulated, the laws that are fitted, and the multiples of the largest D_p that are forecast."""

    regime: Regime
    law: str
    beyond: tuple[float, ...]


PARTS = {
    "laws": Part(replace(SMALL, breaks="none"), "paper", (10.0,)),
    "forecasts": Part(SMALL, "all", (2.0, 10.0)),
}


def main(arguments: list[str]) -> None:
    """Fit what is not yet fitted, print the coverage and write it down."""
    parser = options(__doc__, SETS, "sets of each part")
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=list(PARTS))
    asked = parser.parse_args(arguments)
    jobs = {f"{part} {seed}": (part, seed) for part in asked.parts for seed in range(asked.count)}
    found = resume("recovery", fit_set, jobs, again=asked.again)
    parts = {}
    for part in PARTS:
        if sets := [value for key, value in found.items() if key.split()[0] == part]:
            parts[part] = report(part, sets)
    if parts:
        publish("recovery", {"simulated": True, "sampler": asdict(SAMPLER), "parts": parts})


def fit_set(job: tuple[str, int], sampler: Sampler = SAMPLER) -> Row:
    """Return one row for each interval of a set: whether it holds the truth.

    Parameters
    ----------
    job : (str, int)
        The part, and the set's number.
    sampler : Sampler
        Its settings.
    """
    part, seed = PARTS[job[0]], job[1]
    simulated = simulate(part.regime, seed)
    found = fit(read_metrics(simulated.frame), sampler=replace(sampler, seed=seed), law=part.law)
    rows = forecasts(found, simulated, part.beyond, np.random.default_rng([seed, 2]))
    rows += parameters(found, simulated) if part.law == "paper" else []
    rhat, seconds = found.provenance["diagnostics"]["rhat"], sum(found.provenance["timings"].values())
    return {"set": seed, "ok": found.status.ok, "rhat": rhat, "seconds": seconds, "rows": rows}


def truth_of(simulated: Simulated, row: Any, metric: str) -> CurveTruth:
    """Return the truth of a row of a table of curves."""
    return simulated.truth.curve((row.task, row.mixture, int(row.finetune_tokens)), metric)


def forecasts(
    found: Fit, simulated: Simulated, beyond: tuple[float, ...], rng: np.random.Generator
) -> list[Row]:
    """Return one row for each forecast: whether its intervals hold the law and a new measurement."""
    sizes = [times * found.curves.axis.hi for times in beyond]
    tables = {prob: forecast(found, sizes, prob=prob).table for prob in PROBS}
    named: list[Any] = list(tables[PROBS[0]].itertuples(index=False))
    rows: list[Row] = []
    for number, row in enumerate(named):
        truth = truth_of(simulated, row, row.metric)
        true = float(truth.value(row.pretrain_tokens, simulated.truth.axis))
        measured = float(np.clip(true + truth.noise * rng.normal(), truth.low, truth.high or np.inf))
        at = f"at {row.pretrain_tokens / found.curves.axis.hi:g} x"
        for what, value, prefix in (("law", true, "law_"), ("measurement", measured, "")):
            ends = {
                p: table.iloc[number][[f"{prefix}lower", f"{prefix}upper"]] for p, table in tables.items()
            }
            rows.append(
                _row(truth, f"{what} {at}", value, {p: tuple(map(float, e)) for p, e in ends.items()})
            )
    return rows


def parameters(found: Fit, simulated: Simulated) -> list[Row]:
    """Return one row for each parameter of a curve: whether its intervals hold the truth."""
    coefficients = found.tree["coefficients"].to_dataset()
    rows = []
    for curve, row in enumerate(found.curves.table.itertuples(index=False)):
        for place, metric in enumerate(found.curves.names):
            truth = truth_of(simulated, row, metric)
            law = LAWS[truth.law]
            draws = {name: found.draws(name)[:, curve, place] for name in ANCHORED}
            true = dict(zip(ANCHORED, law.anchored(truth.coefficients, found.curves.axis), strict=True))
            for name, value in truth.coefficients.items():
                own = coefficients[f"{law.option}_{name}"].sel({f"{law.option}_metric": metric})
                draws[name], true[name] = own.isel(curve=curve).to_numpy().ravel(), value
            for name, array in draws.items():
                ends = {p: tuple(np.quantile(array, [0.5 - p / 2, 0.5 + p / 2])) for p in PROBS}
                rows.append(_row(truth, name, float(true[name]), ends))
    return rows


def _row(truth: CurveTruth, quantity: str, value: float, ends: dict[float, tuple[float, ...]]) -> Row:
    """Return whether the intervals hold a value, and how wide the widest is."""
    inside: Row = {f"covered {p:.0%}": bool(low <= value <= high) for p, (low, high) in ends.items()}
    low, high = ends[PROBS[-1]]
    broken = truth.break_tokens is not None
    return {"metric": truth.metric, "quantity": quantity, "broken": broken, **inside, "width": high - low}


def report(part: str, sets: list[Row]) -> Row:
    """Print coverage with its standard error over sets, and return it."""
    rows = pd.DataFrame([{"set": each["set"], **row} for each in sets for row in each["rows"]])
    table: list[Row] = []
    for keys, group in rows.groupby(["metric", "quantity", "broken"], sort=False):
        entry: Row = dict(zip(("metric", "quantity", "broken"), keys, strict=True))
        entry["intervals"] = len(group)
        for prob in PROBS:
            by_set = group[f"covered {prob:.0%}"].astype(float).groupby(group["set"]).mean()
            entry[f"covered {prob:.0%}"] = round(float(group[f"covered {prob:.0%}"].mean()), 3)
            entry[f"s.e. {prob:.0%}"] = round(float(by_set.std() / np.sqrt(len(by_set))), 3)
        entry["median 90% width"] = float(f"{group['width'].median():.3g}")
        table.append(entry)
    document = {
        "sets": len(sets),
        "not converged": sum(not each["ok"] for each in sets),
        "R-hat, median and largest": [
            round(float(of([each["rhat"] for each in sets])), 4) for of in (np.median, np.max)
        ],
        "median seconds": round(float(np.median([each["seconds"] for each in sets])), 1),
    }
    print(
        f"SIMULATED: {part}, 15 curves x 2 metrics x 10 checkpoints a set, equal-tailed intervals; {document}"
    )
    print(pd.DataFrame(table).to_string(index=False), flush=True)
    return {**document, "rows": table}


if __name__ == "__main__":
    main(sys.argv[1:])
