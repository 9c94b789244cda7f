"""Fit every table in shared/data at the defaults: whether it converges, and how long it takes.

For each: the command of a user, curves, pairs of curve and metric, seconds by phase, status, R-hat, effective
sample sizes and sweeps. Every table is written to results/real_fits.json when it is done. Results of tables
that are not named stay as they are.

Run: python -m benchmarks.real_fits [name ...]
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import pandas as pd

from bayesscale.inference import Sampler, fit
from benchmarks.store import RESULTS, publish, say
from benchmarks.tables import TABLES

SHOWN = ("table", "curves", "metrics", "pairs", "scores", "seconds", "R-hat", "ESS", "sweeps", "status")


def main(names: list[str]) -> None:
    """Fit the named tables and print those that were fitted so far."""
    document = RESULTS / "real_fits.json"
    rows: dict[str, Any] = json.loads(document.read_text())["tables"] if document.exists() else {}
    for name in names:
        say(name)
        rows[name] = fitted(name)
        ordered = {table: rows[table] for table in TABLES if table in rows}
        publish("real_fits", {"sampler": "default", "tables": ordered})
    shown = pd.DataFrame([{"table": name, **row} for name, row in rows.items()])
    shown["status"] = shown["status"].str.partition(":")[0]
    print(shown[list(SHOWN)].to_string(index=False))


def fitted(name: str, sampler: Sampler | None = None) -> dict[str, Any]:
    """Return what is to be said of the fit of a table.

    Parameters
    ----------
    name : str
        A name in `TABLES`.
    sampler : Sampler, optional
        Default: that of `fit`.
    """
    begun, metrics = time.perf_counter(), TABLES[name].read()
    read = time.perf_counter() - begun
    found = fit(metrics, sampler=sampler, report=lambda line: say(f"  {line}"))
    own = found.provenance["diagnostics"]
    pairs = metrics.frame[~metrics.is_baseline].groupby([*metrics.curve_columns, "metric"]).ngroups
    return {
        "command": TABLES[name].command,
        "curves": len(found.curves),
        "metrics": ", ".join(found.curves.names),
        "pairs": pairs,
        "scores": len(metrics.frame),
        "seconds": round(time.perf_counter() - begun, 1),
        "phases": {"read": round(read, 3), **found.provenance["timings"]},
        "status": str(found.status),
        "R-hat": round(own["rhat"], 4),
        "R-hat of": own["rhat_of"],
        "ESS": round(own["ess_bulk"]),
        "ESS of": own["ess_bulk_of"],
        "tail ESS": round(own["ess_tail"]),
        "curve R-hat": round(own["curve_rhat"], 4),
        "curve ESS": round(own["curve_ess"]),
        "bad curves": len(own["bad_curves"]),
        "sweeps": own["sweeps"],
    }


if __name__ == "__main__":
    main(sys.argv[1:] or list(TABLES))
