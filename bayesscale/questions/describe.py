"""What every answer says of itself: status, interval, draws, units, source."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.names import SIZES
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    from bayesscale.inference import Fit

SHORT = {
    "pretrain_tokens": "D_p",
    "finetune_tokens": "D_f",
    "law_lower": "law lower",
    "law_upper": "law upper",
    "efolds_beyond": "beyond",
    "p_break": "P(break)",
}
"""Headings in tables for people, which have to fit a terminal."""
TOKENS = (*SIZES, "model_params", "D_p", "D_f")
"""Columns of sizes, written as 130B."""


def is_simulated(fit: Fit) -> bool:
    """Return whether the data say that they were simulated: by their runs or by the name of their file."""
    frame = fit.metrics.frame
    runs = frame["run"].astype(str) if "run" in frame else pd.Series(dtype=str)
    return bool(runs.str.startswith("simulated").any()) or "simulated" in _source_name(fit)


def _source_name(fit: Fit) -> str:
    """Return the name of the data's file or example, without its folder."""
    return Path(str(fit.provenance.get("source", "data"))).name


def record(fit: Fit) -> dict[str, Any]:
    """Return where the numbers of an answer come from, for programs."""
    kept = ("source", "data_hash", "seed", "versions")
    return {
        "status": fit.status.label,
        "problems": list(fit.status.problems),
        "remedy": fit.status.remedy,
        "draws": fit.count,
        "laws": list(fit.laws),
        "simulated": is_simulated(fit),
        **{name: fit.provenance.get(name) for name in kept},
    }


def warning(fit: Fit) -> list[str]:
    """Return what a reader must see first: nothing, or that the numbers should not be trusted."""
    return [] if fit.status.ok else [f"DO NOT RELY ON THESE NUMBERS - {fit.status}"]


def interval_text(fit: Fit, prob: float) -> str:
    """Return kind and probability of intervals, and from how many draws."""
    return f"{100 * prob:.10g}% equal-tailed intervals from {fit.count:,} posterior draws"


def source_text(fit: Fit) -> str:
    """Return what the data are."""
    simulated = " - SIMULATED data, not measured" if is_simulated(fit) else ""
    return f"{_source_name(fit)}: {len(fit.curves):,} curve{'s' if len(fit.curves) > 1 else ''}{simulated}"


def units_text(metrics: Sequence[str]) -> str:
    """Return the units of metrics and sizes."""
    return f"{', '.join(f'{name} in {CATALOGUE[name].unit}' for name in metrics)}; sizes in tokens"


def reading(fit: Fit, prob: float, metrics: Sequence[str]) -> list[str]:
    """Return the lines above an answer: a warning if there is one, data, intervals, units.

    Parameters
    ----------
    fit : Fit
        The draws.
    prob : float
        Probability of the intervals.
    metrics : sequence of str
        The metrics in the answer.
    """
    return [*warning(fit), source_text(fit), f"{interval_text(fit, prob)}; {units_text(metrics)}"]


def probability_text(value: float) -> str:
    """Return a probability in two digits; none is certain because all draws agree."""
    if value < 0.005:
        return "<0.01"
    return ">0.99" if value > 0.995 else f"{value:.2f}"


def plain_records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table as plain Python values, None for what is not known."""
    return [{str(name): _plain(value) for name, value in row.items()} for row in table.to_dict("records")]


def _plain(value: Any) -> Any:
    """Return a value that JSON has; numbers that are not finite are not known."""
    return None if pd.isna(value) or (isinstance(value, float) and math.isinf(value)) else value


def table_text(table: pd.DataFrame) -> str:
    """Return a table as people read it: four significant digits, sizes with a suffix."""
    shown = table.copy()
    for name in [name for name in TOKENS if name in shown]:
        shown[name] = [format_tokens(size) for size in shown[name]]
    return shown.to_string(index=False, float_format="{:.4g}".format, na_rep="-")
