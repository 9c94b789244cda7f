"""Are breaks found where there are some? Simulated tables with known breaks, and the default fit of each.

SIMULATED in the regime of the paper: 15 curves of BLEU and cross-entropy a set, each broken with probability
one half, three quarters of the breaks as falls of 1 to 8 BLEU by the last checkpoint, the rest plateaus; the
noise of BLEU is drawn for each set between 0.3 and 0.7 and varies by 15% between its curves.
For P(break) and for the rivals of `classical_breaks.py`: ROC, false alarms, detection. For P(break) its
calibration, and for the position given a break the coverage of equal-tailed intervals. Fits are short, see
`SAMPLER`; those that did not converge are counted.

Run: python -m benchmarks.breaks [sets] [--checkpoints 10 6 20] [--again]
A run that was cut goes on; `0` reports what is there.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.inference import Fit, Sampler, fit
from bayesscale.metrics.curves import Curves
from bayesscale.metrics.read import read_metrics
from bayesscale.simulate import SMALL, CurveTruth, Regime, Simulated, simulate
from bayesscale.simulate.population import POPULATION
from benchmarks.break_scores import (
    OURS,
    calibration,
    groups,
    overall_calibration,
    positions,
    score_rule,
)
from benchmarks.classical_breaks import RULES, Rule, evidence
from benchmarks.store import options, publish, resume

SETS, CHECKPOINTS = 100, (10,)
NOISE = (0.3, 0.7)
SAMPLER = Sampler(draws=500, longest=8, cores=1)
ALL_RULES = (Rule(OURS, (0.5, 0.9)), *RULES)
Row = dict[str, Any]


def regime(checkpoints: int, seed: int) -> Regime:
    """Return what the set of a seed is simulated from."""
    noise = np.random.default_rng([seed, 5]).uniform(*NOISE) / POPULATION["bleu"].noise
    return replace(SMALL, breaks=0.5, checkpoints=checkpoints, noise=float(noise))


def main(arguments: list[str]) -> None:
    """Fit what is not yet fitted, print the figures and write them down."""
    parser = options(__doc__, SETS, "sets of each number of checkpoints")
    parser.add_argument("--checkpoints", nargs="+", type=int, default=CHECKPOINTS)
    asked = parser.parse_args(arguments)
    jobs = {f"{count} {seed}": (count, seed) for seed in range(asked.count) for count in asked.checkpoints}
    found = resume("breaks", fit_set, jobs, again=asked.again)
    rows = pd.DataFrame([row for own in found.values() for row in own])
    if rows.empty:
        return
    parts = {str(count): _of_count(own) for count, own in rows.groupby("checkpoints")}
    what = (__doc__ or "").split("\n\n")[1]
    publish("breaks", {"simulated": True, "what": what, "sampler": asdict(SAMPLER), "checkpoints": parts})
    report(parts)


def fit_set(job: tuple[int, int], sampler: Sampler = SAMPLER) -> list[Row]:
    """Return a row a curve of one set: its truth, P(break), the position's draws in brief, and the rivals.

    Parameters
    ----------
    job : (int, int)
        Number of checkpoints, and the set's number.
    sampler : Sampler
        Its settings.
    """
    checkpoints, seed = job
    simulated = simulate(regime(checkpoints, seed), seed)
    found = fit(read_metrics(simulated.frame), sampler=replace(sampler, seed=seed))
    curves, state = found.curves, found.provenance["diagnostics"]
    about = {"checkpoints": checkpoints, "set": seed, "ok": found.status.ok, "rhat": round(state["rhat"], 4)}
    about["seconds"] = round(sum(found.provenance["timings"].values()), 1)
    size, value = scores(curves)
    rivals = pd.DataFrame(evidence(size, value)).round(5).to_dict("records")
    last, rows = float(size[-1]), []
    for curve, rival in enumerate(rivals):
        truth = _truth(simulated, curves, curve)
        named = {str(name): number for name, number in rival.items()}
        rows.append(
            about | _truth_row(truth, simulated, last) | _break_row(found, truth, curve, last) | named
        )
    return rows


def scores(curves: Curves) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sizes, which all curves have in common, and BLEU, shape (curves, sizes)."""
    rows = curves.scores
    frame = pd.DataFrame({"unit": rows.unit, "tokens": rows.size, "value": rows.value})
    table = frame.pivot_table(index="unit", columns="tokens", values="value")
    return table.columns.to_numpy(float), table.to_numpy(float)


def _truth(simulated: Simulated, curves: Curves, curve: int) -> CurveTruth:
    """Return the truth of the BLEU of a curve."""
    task, mixture, tokens = (curves.table[name][curve] for name in ("task", "mixture", "finetune_tokens"))
    return simulated.truth.curve((str(task), str(mixture), int(tokens)), "bleu")


def _truth_row(truth: CurveTruth, simulated: Simulated, last: float) -> Row:
    """Return what a curve is: its noise, whether it breaks, where, and how far it falls."""
    axis, fall = simulated.truth.axis, 0.0
    if truth.break_tokens is not None:
        fall = float(truth.value(truth.break_tokens, axis) - truth.value(last, axis))
    return {
        "noise": round(truth.noise, 4),
        "broken": truth.break_tokens is not None,
        "break_at": truth.break_tokens,
        "fall": round(fall, 4),
    }


def _break_row(found: Fit, truth: CurveTruth, curve: int, last: float) -> Row:
    """Return P(break), the rank of the true position among the draws of a break in the data, their width."""
    at = found.draws("break_at")[:, curve, 0]
    inside = at[at <= last]
    row: Row = {OURS: round(len(inside) / len(at), 5), "break_draws": len(inside)}
    row |= {"position_rank": None, "position_width": None}
    if len(inside):
        row["position_width"] = round(float(np.ptp(np.log10(np.quantile(inside, [0.05, 0.95])))), 4)
    if len(inside) and truth.break_tokens:
        row["position_rank"] = round(float(np.mean(inside < truth.break_tokens)), 4)
    return row


def _of_count(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the figures of one number of checkpoints."""
    first = rows.groupby("set").first()
    return {
        "sets": len(first),
        "curves": len(rows),
        "broken": int(rows["broken"].sum()),
        "median seconds": float(first["seconds"].median()),
        "sets that did not converge": int((~first["ok"]).sum()),
        "R-hat, median and largest": [float(first["rhat"].median()), float(first["rhat"].max())],
        "rules": [score_rule(rows, rule.name, rule.thresholds) for rule in ALL_RULES],
        "calibration": _calibration(rows),
        # A plateau on a curve that hardly rises is a break that nobody can see.
        "calibration without plateaus": _calibration(rows[~groups(rows)["plateaus"]]),
        "position given a break": positions(rows),
    }


def _calibration(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the calibration of P(break) as a whole and by its bins."""
    return {**overall_calibration(rows), "bins": calibration(rows)}


def report(parts: dict[str, Any]) -> None:
    """Print the figures."""
    for count, part in parts.items():
        print(f"\nSIMULATED: {part['sets']} sets, {part['curves']} curves, {count} checkpoints;", end=" ")
        print(
            f"{part['sets that did not converge']} did not converge; median {part['median seconds']} s a fit"
        )
        print(pd.DataFrame(_table(part["rules"])).to_string(index=False))
        for name in ("calibration", "calibration without plateaus"):
            print(f"{name}:", {key: value for key, value in part[name].items() if key != "bins"})
            print(pd.json_normalize(part[name]["bins"]).to_string(index=False))
        print(pd.json_normalize(part["position given a break"]).to_string(index=False))


def _table(rules: list[dict[str, Any]]) -> list[Row]:
    """Return a row a rule and threshold."""
    some, large = "falls of 1 to 8 BLEU", "falls of 3 BLEU or more"
    return [
        {
            "rule": f"{rule['rule']} > {at['threshold']:g}",
            "AUC": rule["auc"][some]["auc"],
            "AUC falls>=3": rule["auc"][large]["auc"],
            "AUC plateaus": rule["auc"]["plateaus"]["auc"],
            "false alarms": at["false alarms"]["share"],
            "detected": at["detected"][some]["share"],
            "falls>=3": at["detected"][large]["share"],
            "at 2% false alarms": rule["detected where as many are false alarms"]["2%"][some]["share"],
        }
        for rule in rules
        for at in rule["at thresholds"]
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
