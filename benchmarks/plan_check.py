"""Does a plan keep its promise? Expected reductions against those of actual refits.

A simulated set is fitted and asked which measurement would most reduce the variance of a forecast. For the
best, a middle and the worst candidate, the measurement is then simulated from the truth behind the set,
several times, and the model is fitted anew to the set with it. What the plan promises is an average over
outcomes that the model expects, not over repeated noise around one truth: several sets are needed to compare
them. One attempt at sampling each: a variance needs fewer effective draws than the limits of convergence.
All numbers are SIMULATED. The results are written down after every set.

Run: python benchmarks/plan_check.py [sets] [replications]
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayesscale.inference import Fit, Sampler, fit
from bayesscale.metrics.read import read_metrics
from bayesscale.questions.plan import Plan, plan
from bayesscale.questions.quantities import Asked, quantities
from bayesscale.questions.targets import Selection
from bayesscale.simulate import SMALL, Simulated, simulate

RESULTS = Path(__file__).parent / "results"
SETS, REPLICATIONS = 3, 4
ASKED = Asked(
    "forecast",
    Selection(tasks=["en-fr"], mixtures=["en50-fr50"], other_sizes=[42_000_000.0]),
    at=1e12,
    metric="bleu",
)
KEY = ("task", "mixture", "finetune_tokens", "pretrain_tokens")


def main(sets: int, replications: int) -> None:
    """Fit, plan, measure, fit again; print promised and actual variances and write them down."""
    rows, start = [], time.perf_counter()
    for seed in range(sets):
        simulated = simulate(SMALL, seed)
        before = fitted(simulated.frame, seed)
        answer = plan(before, ASKED)
        for rank, candidate in chosen(answer):
            for replication in range(replications):
                extra = measured(simulated, candidate, np.random.default_rng([seed, rank, replication]))
                after = fitted(pd.concat([simulated.frame, extra], ignore_index=True), seed)
                rows.append(row(seed, rank, candidate, before, after))
                spent = time.perf_counter() - start
                print(f"set {seed}, candidate {rank}, {spent:.0f} s", file=sys.stderr, flush=True)
        report(pd.DataFrame(rows), time.perf_counter() - start)


def fitted(frame: pd.DataFrame, seed: int) -> Fit:
    """Return the fit of a table."""
    return fit(read_metrics(frame), sampler=Sampler(seed=seed, retries=0))


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


def row(seed: int, rank: int, candidate: pd.Series, before: Fit, after: Fit) -> dict[str, Any]:
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


def report(rows: pd.DataFrame, seconds: float) -> None:
    """Print promised and average actual reductions, and write them as JSON."""
    by = rows.groupby(["set", "rank", *KEY, "place"], sort=False)
    table = by.agg(
        promised=("promised", "first"),
        error=("error", "first"),
        actual=("actual", "mean"),
        actual_se=("actual", lambda values: values.std() / np.sqrt(len(values))),
        refits=("actual", "size"),
        rhat=("rhat", "max"),
    ).reset_index()
    print(f"SIMULATED: reduction of the variance of a forecast at D_p 1T by one measurement; {seconds:.0f} s")
    print(table.round(3).to_string(index=False))
    RESULTS.mkdir(exist_ok=True)
    document = {"simulated": True, "seconds": round(seconds), "rows": rows.to_dict("records")}
    text = json.dumps(document, indent=1, default=lambda value: value.item())
    (RESULTS / "plan_check.json").write_text(text + "\n")


if __name__ == "__main__":
    given = [int(text) for text in sys.argv[1:3]]
    main(*(given + [SETS, REPLICATIONS][len(given) :]))
