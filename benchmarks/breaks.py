"""Are breaks found where there are some? Simulated tables with known breaks, fitted one after the other.

SIMULATED in the regime of the paper: 15 curves of BLEU and cross-entropy a set, each broken with probability
one half, three quarters of the breaks as falls of 1 to 8 BLEU by the last checkpoint, the rest plateaus; the
noise of BLEU is drawn for each set between 0.3 and 0.7 and varies by 15% between its curves.
For P(break) and for the rivals of `classical_breaks.py`: ROC, false alarms, detection. For P(break) its
calibration, and for the position given a break the coverage of equal-tailed intervals.
The fits are short (2 chains of 300 draws); the largest R-hat of break_probability of each set is reported.

Run: python benchmarks/breaks.py [sets] [--checkpoints 6 10 20] [--resume]
Every fitted set is written at once; a run that was cut goes on with --resume, and `0 --resume` reports again.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from break_scores import OURS, calibration, groups, overall_calibration, positions, score_rule, share
from classical_breaks import RULES, Rule, evidence

from bayesscale.inference import Sampler
from bayesscale.inference.integrated import draw_integrated
from bayesscale.inference.sampler import compile_model, sample_compiled
from bayesscale.inference.status import diagnose
from bayesscale.metrics.curves import Curves, build_curves
from bayesscale.metrics.read import read_metrics
from bayesscale.models.joint import JointModel
from bayesscale.models.packing import pack
from bayesscale.simulate import SMALL, Regime, Simulated, simulate
from bayesscale.simulate.population import POPULATION

RESULTS = Path(__file__).parent / "results"
ROWS, DOCUMENT = RESULTS / "breaks_curves.csv", RESULTS / "breaks.json"
SETS, CHECKPOINTS = 200, (10, 6, 20)
NOISE = (0.3, 0.7)
SAMPLER = Sampler(draws=300, tune=300, chains=2, cores=2, target_accept=0.95, retries=0)
ALL_RULES = (Rule(OURS, (0.5, 0.9)), *RULES)


def regime(checkpoints: int, seed: int) -> Regime:
    """Return what the set of a seed is simulated from."""
    noise = np.random.default_rng([seed, 5]).uniform(*NOISE) / POPULATION["bleu"].noise
    return replace(SMALL, breaks=0.5, checkpoints=checkpoints, noise=float(noise))


def main(sets: int, checkpoints: tuple[int, ...], resume: bool) -> None:
    """Fit what is not yet fitted, each set at all numbers of checkpoints in turn; report after every set."""
    RESULTS.mkdir(exist_ok=True)
    if not resume:
        ROWS.unlink(missing_ok=True)
    done = _done()
    compiled: dict[int, Any] = {}
    for seed in range(sets):
        for count in checkpoints:
            if (count, seed) not in done:
                start = time.perf_counter()
                rows = fit_set(compiled, count, seed)
                _append([row | {"seconds": round(time.perf_counter() - start, 1)} for row in rows])
                worst = rows[0]["rhat"]
                print(
                    f"set {seed}, {count} checkpoints: {time.perf_counter() - start:.0f} s,", file=sys.stderr
                )
                print(f"  R-hat of break_probability {worst:.3f}", file=sys.stderr, flush=True)
        write_document()
    report(write_document())


def write_document() -> dict[str, Any]:
    """Return the figures of all sets fitted so far, and write them down."""
    document = summarise(pd.read_csv(ROWS))
    DOCUMENT.write_text(json.dumps(document, indent=1) + "\n")
    return document


def _done() -> set[tuple[int, int]]:
    """Return (checkpoints, set) of the sets that were fitted before."""
    if not ROWS.exists():
        return set()
    return {(int(count), int(seed)) for count, seed in pd.read_csv(ROWS)[["checkpoints", "set"]].to_numpy()}


def _append(rows: list[dict[str, Any]]) -> None:
    """Write the rows of one set behind those of the others."""
    fresh = not ROWS.exists()
    with ROWS.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        if fresh:
            writer.writeheader()
        writer.writerows(rows)


def fit_set(compiled: dict[int, Any], checkpoints: int, seed: int) -> list[dict[str, Any]]:
    """Return a row a curve of one set: its truth, P(break), the position's draws in brief, and the rivals."""
    simulated = simulate(regime(checkpoints, seed), seed)
    curves = build_curves(read_metrics(simulated.frame))
    model = JointModel()
    if checkpoints not in compiled:
        compiled[checkpoints] = compile_model(model.build(curves), model.start(curves))
    refit = compiled[checkpoints].with_data(**pack(model.data(curves)))
    sampler = replace(SAMPLER, seed=seed)
    draws = sample_compiled(refit, sampler, progress=False, report=lambda _: None)
    breaks = draw_integrated(draws.posterior, curves, model.priors, seed).isel(break_metric=0)
    found = diagnose(breaks[["break_probability"]], draws.stats, sampler.max_depth)
    state = {
        "rhat": round(found.rhat, 4),
        "ess": round(found.ess_bulk),
        "divergences": found.divergences,
        "steps": round(found.steps, 1),
    }
    size, value = scores(curves)
    rivals = pd.DataFrame(evidence(size, value)).round(5).to_dict("records")
    last = float(size[-1])
    return [
        {"checkpoints": checkpoints, "set": seed, **state}
        | {**truth_of(simulated, curves, curve, last), **break_of(breaks, simulated, curves, curve, last)}
        | {str(name): number for name, number in rivals[curve].items()}
        for curve in range(len(curves))
    ]


def scores(curves: Curves) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the sizes, which all curves have in common, and BLEU, shape (curves, sizes)."""
    rows = curves.scores
    frame = pd.DataFrame({"unit": rows.unit, "tokens": rows.size, "value": rows.value})
    table = frame.pivot_table(index="unit", columns="tokens", values="value")
    return table.columns.to_numpy(float), table.to_numpy(float)


def _truth(simulated: Simulated, curves: Curves, curve: int) -> Any:
    """Return the truth of the BLEU of a curve."""
    task, mixture, tokens = (curves.table[name][curve] for name in ("task", "mixture", "finetune_tokens"))
    return simulated.truth.curve((str(task), str(mixture), int(tokens)), "bleu")


def truth_of(simulated: Simulated, curves: Curves, curve: int, last: float) -> dict[str, Any]:
    """Return what a curve is: its noise, whether it breaks, where, how far it falls, its loss to its law."""
    truth, axis = _truth(simulated, curves, curve), simulated.truth.axis
    broken = truth.break_tokens is not None
    fall = float(truth.value(truth.break_tokens, axis) - truth.value(last, axis)) if broken else 0.0
    return {
        "curve": curves.labels[curve],
        "noise": round(truth.noise, 4),
        "broken": broken,
        "break_at": truth.break_tokens,
        "fall": round(fall, 4),
        "loss": round(float(truth.law_value(last, axis) - truth.value(last, axis)), 4),
    }


def break_of(breaks: Any, simulated: Simulated, curves: Curves, curve: int, last: float) -> dict[str, Any]:
    """Return P(break), the rank of the true position among the draws of a break in the data, their width."""
    own = breaks.isel(curve=curve)
    at = own["break_at"].to_numpy().ravel()
    at, truth = at[at <= last], _truth(simulated, curves, curve)
    true = truth.break_tokens
    return {
        OURS: round(float(own["break_probability"].mean()), 5),
        "break_draws": len(at),
        "position_rank": round(float(np.mean(at < true)), 4) if true and len(at) else None,
        "position_width": round(float(np.ptp(np.log10(np.quantile(at, [0.05, 0.95])))), 4)
        if len(at)
        else None,
    }


def summarise(rows: pd.DataFrame) -> dict[str, Any]:
    """Return all figures, by number of checkpoints."""
    return {
        "simulated": True,
        "what": (__doc__ or "").split("\n\n")[1],
        "sampler": {"chains": SAMPLER.chains, "draws": SAMPLER.draws, "tune": SAMPLER.tune},
        "checkpoints": {str(count): _of_count(own) for count, own in rows.groupby("checkpoints")},
    }


def _of_count(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the figures of one number of checkpoints."""
    first = rows.groupby("set").first()
    return {
        "sets": len(first),
        "curves": len(rows),
        "broken": int(rows["broken"].sum()),
        "median seconds": float(first["seconds"].median()),
        "R-hat of break_probability, median and largest": [
            float(first["rhat"].median()),
            float(first["rhat"].max()),
        ],
        "sets with R-hat above 1.05": share(first["rhat"] > 1.05),
        "divergences": int(first["divergences"].sum()),
        "rules": [score_rule(rows, rule.name, rule.thresholds) for rule in ALL_RULES],
        "calibration": _calibration(rows),
        # A plateau on a curve that hardly rises is a break that nobody can see.
        "calibration without plateaus": _calibration(rows[~groups(rows)["plateaus"]]),
        "position given a break": positions(rows),
    }


def _calibration(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the calibration of P(break) as a whole and by its bins."""
    return {**overall_calibration(rows), "bins": calibration(rows)}


def report(document: dict[str, Any]) -> None:
    """Print the figures."""
    for count, part in document["checkpoints"].items():
        print(f"\nSIMULATED: {part['sets']} sets, {part['curves']} curves, {count} checkpoints")
        print(pd.DataFrame(_table(part["rules"])).to_string(index=False))
        for name in ("calibration", "calibration without plateaus"):
            print(f"{name}:", {key: value for key, value in part[name].items() if key != "bins"})
            print(pd.json_normalize(part[name]["bins"]).to_string(index=False))
        print(pd.json_normalize(part["position given a break"]).to_string(index=False))


def _table(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
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
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="?", type=int, default=SETS)
    parser.add_argument("--checkpoints", nargs="+", type=int, default=CHECKPOINTS)
    parser.add_argument("--resume", action="store_true", help="keep the sets that were fitted before")
    given = parser.parse_args()
    main(given.sets, tuple(given.checkpoints), given.resume)
