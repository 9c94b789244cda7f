"""How fast is the fit, and does it scale? `bayesscale fit` at its defaults, timed as a user does.

Each fit is a process of its own: wall seconds from its start to its end, and its largest memory, beside the
seconds by phase that the fit itself has written down. The bundled example, and SIMULATED tables of
`bayesscale.simulate` with curves x metrics x checkpoints; 224 x 3 x 4 has standard errors. The first fit
after an installation compiles the sampler; the others find it compiled.

Run: python -m benchmarks.fit_speed [name ...]
Every fit is written to results/fit_speed.json when it is done.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from bayesscale.inference import load
from bayesscale.simulate import Regime, simulate, sized, to_csv
from benchmarks.store import RESULTS, publish, say

EXAMPLE, FIRST = "bundled example", "bundled example, first fit"
CASES: dict[str, Regime | None] = {
    FIRST: None,
    EXAMPLE: None,
    "60 x 2 x 20": replace(sized(60), checkpoints=20),
    "224 x 3 x 4": replace(
        sized(224), metrics=("bleu", "chrf", "comet"), checkpoints=4, standard_errors=True
    ),
    "960 x 2 x 10": sized(960),
}


def main(names: list[str]) -> None:
    """Make the named fits, print all that were made so far and write them down."""
    document = RESULTS / "fit_speed.json"
    rows: dict[str, Any] = json.loads(document.read_text()).get("fits", {}) if document.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        if set(names) != {FIRST}:
            _run(EXAMPLE, Path(folder), {})  # compiles what is not yet compiled
        for name in names:
            cache = {"NUMBA_CACHE_DIR": f"{folder}/compiled"} if name == FIRST else {}
            rows[name] = _run(name, Path(folder), cache)
            say(f"{name}: {rows[name]}")
            ordered = {case: rows[case] for case in CASES if case in rows}
            publish("fit_speed", {"simulated": True, "fits": ordered})
    table = pd.DataFrame([{"table": name, **row} for name, row in rows.items()])
    print(table.drop(columns="phases").to_string(index=False))
    print(pd.DataFrame({name: row["phases"] for name, row in rows.items()}).T.to_string())


def _run(name: str, folder: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """Fit once in a process of its own, and return what it took."""
    output, regime = folder / "fit.nc", CASES[name]
    source = ["--example", "isik-simulated"]
    if regime is not None:
        source = [str(folder / "table.csv")]
        Path(source[0]).write_text(to_csv(simulate(regime, 0).frame))
    command = [sys.executable, "-m", "bayesscale", "fit", *source, "-o", str(output), "--force"]
    start = time.perf_counter()
    silent = subprocess.DEVNULL
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=silent, stderr=silent)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = code = os.waitstatus_to_exitcode(status)
    if code not in (0, 4):  # 4: not converged
        raise SystemExit(f"{name}: exit code {code}")
    found = load(output)
    own = found.provenance["diagnostics"]
    return {
        "curves": len(found.curves),
        "scores": len(found.metrics.frame),
        "seconds": round(seconds, 1),
        "peak GiB": round(usage.ru_maxrss / 2**20, 2),
        "file MiB": round(output.stat().st_size / 2**20, 1),
        "R-hat": round(own["rhat"], 4),
        "ESS": round(own["ess_bulk"]),
        "sweeps": own["sweeps"],
        "status": found.status.label,
        "phases": found.provenance["timings"],
    }


if __name__ == "__main__":
    main(sys.argv[1:] or list(CASES))
