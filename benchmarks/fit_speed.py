"""How fast is the fit, and does it scale? The same model by nutpie, by PyMC's own NUTS and by NumPyro.

Each fit runs in its own process on SIMULATED tables (2 metrics x 10 checkpoints a curve): wall seconds
apart for import, compilation and sampling, seconds to 400 effective samples of the slowest parameter,
leapfrog steps a draw, effective samples per thousand gradients (which do not depend on the machine), and
peak memory. The model is the default one with the log-law; the largest tables get short chains, enough for
memory and for the seconds of a gradient.

Run: python benchmarks/fit_speed.py [seconds allowed for one fit]
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
CURVES = {"nutpie": (5, 15, 60, 240, 960), "pymc": (5, 15), "numpyro": (5, 15)}
CHAINS, TARGET = 4, 0.97
CORES = min(CHAINS, os.cpu_count() or 1)
TUNE_AND_DRAWS, SHORT = (500, 500), {240: (200, 200), 960: (100, 100)}
NEEDED = 400


def main(limit: float) -> None:
    """Run all fits, print the table and write it down."""
    rows = []
    for curves in CURVES["nutpie"]:
        for method in (m for m, sizes in CURVES.items() if curves in sizes):
            rows.append(_process(method, curves, limit))
            print(rows[-1], file=sys.stderr, flush=True)
            write_document(rows)
    import pandas as pd

    print(f"SIMULATED tables, 2 metrics x 10 checkpoints a curve; {CHAINS} chains")
    print(pd.DataFrame(rows).to_string(index=False, na_rep="-"))


def write_document(rows: list[dict[str, Any]]) -> None:
    """Write down what has been measured so far."""
    RESULTS.mkdir(exist_ok=True)
    document = {"simulated": True, "chains": CHAINS, "target_accept": TARGET, "rows": rows}
    (RESULTS / "fit_speed.json").write_text(json.dumps(document, indent=1) + "\n")


def _process(method: str, curves: int, limit: float) -> dict[str, Any]:
    """Run one fit in a process of its own."""
    command = [sys.executable, __file__, "--one", method, str(curves)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=True)
    except subprocess.TimeoutExpired:
        return {"method": method, "curves": curves, "remark": f"more than {limit:.0f} s"}
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no message"])[-1]
        return {"method": method, "curves": curves, "remark": last[:80]}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def one(method: str, curves: int) -> None:
    """Fit once and print the figures as one line of JSON."""
    warnings.simplefilter("ignore")
    start = time.perf_counter()
    from bayesscale.inference import Sampler
    from bayesscale.inference.sampler import compile_model, sample_compiled
    from bayesscale.metrics.curves import build_curves
    from bayesscale.metrics.read import read_metrics
    from bayesscale.models.joint import JointModel
    from bayesscale.simulate import simulate, sized

    arrays = build_curves(read_metrics(simulate(sized(curves), 0).frame))
    imported = time.perf_counter()
    joint = JointModel()
    model, begin = joint.build(arrays), joint.start(arrays)
    tune, kept = SHORT.get(curves, TUNE_AND_DRAWS)
    if method == "nutpie":
        compiled = compile_model(model, begin)
        middle = time.perf_counter()
        sampler = Sampler(draws=kept, tune=tune, chains=CHAINS, target_accept=TARGET)
        draws = sample_compiled(compiled, sampler, progress=False, report=lambda _: None)
        posterior, stats, compile_s, sample_s = (
            draws.posterior,
            draws.stats,
            middle - imported,
            draws.seconds["sample"],
        )
    else:
        posterior, stats, compile_s, sample_s = _other(method, model, begin, tune, kept)
    memory = (
        max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        / 2**20
    )
    import_s = imported - start
    figures = _figures(method, len(arrays), tune, posterior, stats, import_s, compile_s, sample_s, memory)
    print(json.dumps(figures))


def _other(
    method: str, model: Any, begin: dict[str, Any], tune: int, kept: int
) -> tuple[Any, Any, float, float]:
    """Sample with PyMC or through it; compilation is inside the sampling time of these."""
    import pymc as pm

    start = time.perf_counter()
    with model:
        trace = pm.sample(
            kept, tune=tune, chains=CHAINS, random_seed=0, target_accept=TARGET, progressbar=False,
            nuts_sampler=method, initvals=begin, compute_convergence_checks=False,
        )  # fmt: skip
    groups = [trace[name] for name in ("posterior", "sample_stats")]
    posterior, stats = (g.to_dataset() if hasattr(g, "to_dataset") else g for g in groups)
    return posterior, stats, float("nan"), time.perf_counter() - start


def _figures(
    method: str,
    curves: int,
    tune: int,
    posterior: Any,
    stats: Any,
    import_s: float,
    compile_s: float,
    sample_s: float,
    gib: float,
) -> dict[str, Any]:
    """Return the row of a fit."""
    import arviz as az
    import numpy as np

    names = [n for n in map(str, posterior.data_vars) if not n.endswith("__")]
    ess = az.ess(posterior[names])
    ess = ess.to_dataset() if hasattr(ess, "to_dataset") and not hasattr(ess, "data_vars") else ess
    smallest = min(float(np.nanmin(ess[name])) for name in ess.data_vars)
    steps = stats["n_steps" if "n_steps" in stats else "num_steps"]
    kept = posterior.sizes["draw"]
    gradients = float(steps.sum()) * (tune + kept) / kept
    return {
        "method": method,
        "curves": curves,
        "draws": f"{tune} + {kept}",
        "import s": round(import_s, 1),
        "compile s": None if np.isnan(compile_s) else round(compile_s, 1),
        "sample s": round(sample_s, 1),
        "s to ESS 400": round(sample_s * max(NEEDED / smallest, tune / (tune + kept)), 1),
        "steps a draw": round(float(steps.mean()), 1),
        "smallest ESS": round(smallest),
        "ESS per 1000 gradients": round(1000 * smallest / gradients, 2),
        "ms a gradient": round(1000 * CORES * sample_s / gradients, 3),
        "divergences": int(stats["diverging"].sum()),
        "peak GiB": round(gib, 2),
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], int(sys.argv[3]))
    else:
        main(float(sys.argv[1]) if len(sys.argv) > 1 else 900.0)
