"""Does a plan keep its promise? Expected reductions against those of actual refits.

A simulated set is fitted and asked which measurement would most reduce the variance of a forecast. For the
best, a middle and the worst candidate, the measurement is then simulated from the truth behind the set,
several times, and the model is fitted anew to the set with it. What the plan promises is an average over
outcomes that the model expects, not over repeated noise around one truth: several sets are needed to compare
them. Fits are short, see `SAMPLER`: a variance needs fewer effective draws than the limits of convergence.
All numbers are SIMULATED.

Run: python -m benchmarks.plan_check [sets] [--again]
A run that was cut goes on with the next set; `0` reports what is there.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd

from bayesscale.inference import Fit, Sampler, fit
from bayesscale.metrics.read import read_metrics
from bayesscale.questions.plan.answer import Plan
from bayesscale.questions.plan.ask import plan
from bayesscale.questions.plan.quantities import Query, quantities
from bayesscale.questions.select import Selection
from bayesscale.simulate import SMALL, Simulated, simulate
from benchmarks.store import options, publish, resume

SETS, REPLICATIONS = 4, 4
SAMPLER = Sampler(draws=500, longest=8, cores=1)
ASKED = Query(
    "forecast",
    Selection(tasks=["en-fr"], mixtures=["en50-fr50"], other_sizes=[42_000_000.0]),
    at=1e12,
    metric="bleu",
)
KEY = ("task", "mixture", "finetune_tokens", "pretrain_tokens")
Row = dict[str, Any]


def main(arguments: list[str]) -> None:
    """Plan, measure and fit again where it is not yet done; print what came of it and write it down."""
    asked = options(__doc__, SETS, "sets").parse_args(arguments)
    found = resume(
        "plan_check", check_set, {str(seed): seed for seed in range(asked.count)}, again=asked.again
    )
    rows = [row for own in found.values() for row in own]
    if rows:
        report(pd.DataFrame(rows))
        publish("plan_check", {"simulated": True, "sampler": asdict(SAMPLER), "rows": rows})


def check_set(seed: int, sampler: Sampler = SAMPLER, replications: int = REPLICATIONS) -> list[Row]:
    """Return a row a measurement: what was promised of it, and what one outcome brought.

    Parameters
    ----------
    seed : int
        The set.
    sampler : Sampler
        Settings of its fits.
    replications : int
        Outcomes of each measurement.
    """
    own, simulated, rows = replace(sampler, seed=seed), simulate(SMALL, seed), []
    before = fit(read_metrics(simulated.frame), sampler=own)
    for rank, candidate in chosen(plan(before, ASKED)):
        for replication in range(replications):
            extra = measured(simulated, candidate, np.random.default_rng([seed, rank, replication]))
            table = read_metrics(pd.concat([simulated.frame, extra], ignore_index=True))
            rows.append(row(seed, rank, candidate, before, fit(table, sampler=own)))
    return rows


def chosen(answer: Plan) -> list[tuple[int, pd.Series]]:
    """Return the best candidate, one with about half its reduction, and the worst, by their ranks."""
    reduction = answer.table["reduction"].to_numpy()
    middle = int(np.abs(reduction - reduction[0] / 2).argmin())
    return [(rank, answer.table.iloc[rank]) for rank in dict.fromkeys([0, middle, len(reduction) - 1])]


def measured(simulated: Simulated, candidate: pd.Series, rng: np.random.Generator) -> pd.DataFrame:
    """Return the rows of a measurement, simulated from the truth: all metrics of the curve."""
    task, mixture, finetune, size = (candidate[name] for name in KEY)
    frame = simulated.frame
    same = frame[
        (frame["task"] == task) & (frame["mixture"] == mixture) & (frame["finetune_tokens"] == finetune)
    ]
    rows: pd.DataFrame = same.drop_duplicates("metric").reset_index(drop=True)
    rows["pretrain_tokens"] = int(size)
    for place, metric in enumerate(rows["metric"]):
        truth = simulated.truth.curve((task, mixture, int(finetune)), metric)
        value = float(truth.value(size, simulated.truth.axis)) + truth.noise * rng.standard_normal()
        rows.loc[place, "value"] = np.clip(value, truth.low, truth.high)
    return rows


def row(seed: int, rank: int, candidate: pd.Series, before: Fit, after: Fit) -> Row:
    """Return what was promised, and what one outcome brought."""
    now, then = (quantities(each, ASKED, None).unknown.now.sum() for each in (before, after))
    return {
        "set": seed,
        "rank": rank,
        **{name: candidate[name] for name in KEY},
        "place": candidate["place"],
        "promised": candidate["reduction"],
        "error": candidate["reduction_error"],
        "actual": 1 - then / now,
        "rhat": max(each.provenance["diagnostics"]["rhat"] for each in (before, after)),
    }


def report(rows: pd.DataFrame) -> None:
    """Print promised and average actual reductions."""
    by = rows.groupby(["set", "rank", *KEY, "place"], sort=False)
    table = by.agg(
        promised=("promised", "first"),
        error=("error", "first"),
        actual=("actual", "mean"),
        actual_se=("actual", lambda values: values.std() / np.sqrt(len(values))),
        refits=("actual", "size"),
        rhat=("rhat", "max"),
    ).reset_index()
    print("SIMULATED: reduction of the variance of a forecast at D_p 1T by one measurement")
    print(table.round(3).to_string(index=False))


if __name__ == "__main__":
    main(sys.argv[1:])
