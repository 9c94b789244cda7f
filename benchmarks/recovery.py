"""Do the intervals cover? Simulated tables in the regime of the paper, fitted one after the other.

For each law's coefficients and for forecasts at ten times the largest D_p: how often the equal-tailed
50% and 90% intervals hold the truth of the simulation. All numbers are SIMULATED; breaks are off, since
the joint model follows unbroken laws.

Run: python benchmarks/recovery.py [sets]
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayesscale.inference import Sampler
from bayesscale.inference.derived import coefficients
from bayesscale.inference.sampler import compile_model, sample_compiled
from bayesscale.inference.status import diagnose, judge
from bayesscale.laws import LAWS
from bayesscale.metrics.curves import Curves, build_curves
from bayesscale.metrics.read import read_metrics
from bayesscale.models.effects import joint_effects
from bayesscale.models.joint import JointModel
from bayesscale.models.packing import pack
from bayesscale.simulate import SMALL, Simulated, simulate

RESULTS = Path(__file__).parent / "results"
REGIME = replace(SMALL, breaks="none")
BEYOND = 10.0
SETS = 50
PROBS = (0.5, 0.9)
ANCHORED = ("level", "gain", "shape")


def main(sets: int) -> None:
    """Fit the sets, print the coverage and write it down."""
    model, compiled, rows, statuses, start = JointModel(), None, [], [], time.perf_counter()
    for seed in range(sets):
        simulated = simulate(REGIME, seed)
        curves = build_curves(read_metrics(simulated.frame))
        compiled = compiled or compile_model(model.build(curves), model.start(curves))
        refit = compiled.with_data(**pack(model.data(curves)))
        sampler = Sampler(seed=seed)
        draws = sample_compiled(refit, sampler, progress=False, report=lambda _: None)
        status = judge(diagnose(draws.posterior[["curve_effect", "mean"]], draws.stats, sampler.max_depth))
        statuses.append(status)
        rows += checks(model, draws.posterior, curves, simulated, seed)
        print(f"set {seed}: {status.label}, {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    report(pd.DataFrame(rows), sets, sum(s.ok for s in statuses), time.perf_counter() - start)


def checks(
    model: JointModel, posterior: Any, curves: Curves, simulated: Simulated, seed: int
) -> list[dict[str, Any]]:
    """Return one row a quantity of a curve: where the truth lies among the draws."""
    effects = joint_effects(curves.scores.metrics, curves.losses.metrics, model.priors)
    derived = coefficients(posterior, curves, model.priors)
    values = posterior["curve_effect"].transpose("chain", "draw", ...).to_numpy()
    values = values.reshape(-1, *values.shape[2:])
    rng, rows = np.random.default_rng([seed, 2]), []
    for curve, row in enumerate(curves.table.itertuples(index=False)):
        for place, metric in enumerate(curves.names):
            truth = simulated.truth.curve((row.task, row.mixture, int(row.finetune_tokens)), metric)
            law = LAWS[truth.law]
            draws = [values[:, curve, column] for column in effects.columns(place)]
            kind = "score" if law.improves == "up" else "loss"
            found = dict(zip(ANCHORED, draws, strict=True))
            true = dict(zip(ANCHORED, law.anchored(truth.coefficients, curves.axis), strict=True))
            for name, value in truth.coefficients.items():
                array = derived[f"{kind}_{name}"].isel(curve=curve).sel({kind: metric})
                found[name], true[name] = array.to_numpy().ravel(), value
            size = BEYOND * curves.axis.hi
            found["forecast of the law"] = law.value(curves.axis.u(size), *draws)
            true["forecast of the law"] = float(truth.value(size, simulated.truth.axis))
            noise = noise_draws(posterior, curve, place, rng)
            found["forecast of a measurement"] = found["forecast of the law"] + noise
            true["forecast of a measurement"] = true["forecast of the law"] + truth.noise * rng.normal()
            for name in found:
                rank, width = (
                    float(np.mean(found[name] < true[name])),
                    np.ptp(np.quantile(found[name], [0.05, 0.95])),
                )
                rows.append({"law": truth.law, "quantity": name, "rank": rank, "width": width, "set": seed})
    return rows


def noise_draws(posterior: Any, curve: int, metric: int, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Return one draw of the noise for each posterior draw."""
    sd = posterior["noise_sd"].isel(metric=metric) * np.exp(
        posterior["noise_factor"].isel(curve=curve, metric=metric)
    )
    degrees = 2.0 + posterior["noise_tails"].isel(metric=metric).transpose("chain", "draw").to_numpy()
    return np.ravel(sd.transpose("chain", "draw").to_numpy() * rng.standard_t(degrees))


def report(rows: pd.DataFrame, sets: int, converged: int, seconds: float) -> None:
    """Print coverage with its standard error over sets, and write it as JSON."""
    table = []
    for (law, quantity), group in rows.groupby(["law", "quantity"], sort=False):
        entry: dict[str, Any] = {"law": law, "quantity": quantity, "intervals": len(group)}
        for prob in PROBS:
            inside = (group["rank"] - 0.5).abs() <= prob / 2
            by_set = inside.groupby(group["set"]).mean()
            entry[f"covered {prob:.0%}"] = round(float(inside.mean()), 3)
            entry[f"s.e. {prob:.0%}"] = round(float(by_set.std() / np.sqrt(sets)), 3)
        entry["median 90% width"] = float(f"{group['width'].median():.3g}")
        table.append(entry)
    frame = pd.DataFrame(table)
    print(f"SIMULATED: {sets} sets of 15 curves x 2 metrics x 10 checkpoints, {converged} converged,")
    print(f"forecasts at {BEYOND:g} x the largest D_p; equal-tailed intervals; {seconds:.0f} s")
    print(frame.to_string(index=False))
    RESULTS.mkdir(exist_ok=True)
    document = {
        "simulated": True,
        "sets": sets,
        "converged": converged,
        "seconds": round(seconds),
        "rows": table,
    }
    (RESULTS / "recovery.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SETS)
