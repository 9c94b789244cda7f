"""What was understood of a metrics table, for a person to check before anything is fitted."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bayesscale.metrics.failed import failed_runs, failed_text
from bayesscale.metrics.table import Metrics


def curve_table(metrics: Metrics) -> pd.DataFrame:
    """Return a row for each curve and metric: how many sizes and scores, their ranges, and the baseline.

    `smallest` and `largest` are sizes on the axis, `lowest` and `highest` scores; `with_se` counts the scores
    that have a standard error. `baseline` is the mean score without pretraining, NaN if there is none.
    """
    key = [*metrics.curve_columns, "metric"]
    groups = metrics.frame[~metrics.is_baseline].groupby(key, sort=False)
    size, value = groups[metrics.axis], groups["value"]
    table = pd.DataFrame(
        {
            "sizes": size.nunique(),
            "smallest": size.min(),
            "largest": size.max(),
            "scores": value.size(),
            "lowest": value.min(),
            "highest": value.max(),
            "with_se": groups["se"].count() if "se" in metrics.frame else 0,
        }
    ).reset_index()
    return _with_baseline(table, metrics)


def _with_baseline(table: pd.DataFrame, metrics: Metrics) -> pd.DataFrame:
    """Add the baseline's mean score to the curves that it belongs to; on the other axis there is none."""
    if metrics.axis != "pretrain_tokens":
        return table
    key = [name for name in (*metrics.curve_columns, "metric") if name != "mixture"]
    baseline = metrics.frame[metrics.is_baseline].groupby(key)["value"].mean().rename("baseline")
    return table.merge(baseline.reset_index(), on=key, how="left")


def sentences(metrics: Metrics) -> list[str]:
    """Return what there is besides the curves: baseline, standard errors, alignment, notes."""
    frame = metrics.frame
    shares = [str(name).removeprefix("share_") for name in frame if str(name).startswith("share_")]
    lines = [str(metrics), f"a curve is one value of {', '.join(metrics.curve_columns)}"]
    if metrics.axis == "pretrain_tokens":
        lines.append(f"baseline without pretraining: {_some(int(metrics.is_baseline.sum()), 'scores')}")
    lines.append(f"standard errors: {_some(_filled(frame, 'se'), f'of {len(frame):,} scores')}")
    alignment = _some(_filled(frame, "alignment"), "scores")
    if shares and not _filled(frame, "alignment"):
        alignment = "from the shares, where tasks name their languages"
    lines.append(f"alignment of mixture and task: {alignment}")
    lines.append(f"language shares of the mixtures: {', '.join(shares) if shares else 'none'}")
    notes = [f"note: {note}" for note in metrics.notes]
    return [*lines, *notes, *failed_text(metrics, failed_runs(metrics))]


def document(metrics: Metrics) -> dict[str, Any]:
    """Return the same as `curve_table` and `sentences`, for programs."""
    return {
        "status": "ok",
        "source": metrics.source,
        "data_hash": metrics.data_hash,
        "axis": metrics.axis,
        "curve_columns": list(metrics.curve_columns),
        "metrics": list(metrics.metrics),
        "scores": len(metrics.frame),
        "baseline_scores": int(metrics.is_baseline.sum()),
        "scores_with_se": _filled(metrics.frame, "se"),
        "scores_with_alignment": _filled(metrics.frame, "alignment"),
        "shares": [name for name in metrics.frame if str(name).startswith("share_")],
        "notes": list(metrics.notes),
        "may have failed": failed_runs(metrics).to_dict(orient="records"),
        "curves": curve_table(metrics).to_dict(orient="records"),
    }


def _filled(frame: pd.DataFrame, column: str) -> int:
    """Return how many cells of a column have content; 0 if there is no such column."""
    return int(frame[column].notna().sum()) if column in frame else 0


def _some(count: int, unit: str) -> str:
    """Return a count with its unit, or that there is none."""
    return f"{count:,} {unit}" if count else "none"
