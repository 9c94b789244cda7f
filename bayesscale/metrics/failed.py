"""Values that look like failed runs: far worse than what was measured just before and just after them."""

from __future__ import annotations

import pandas as pd

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import unit_labels
from bayesscale.metrics.table import Metrics
from bayesscale.units import format_tokens

# A score below this share of both neighbours, or a loss above so many times both; and by more than so many
# times the metric's typical noise, since BLEU near zero comes and goes.
_SHARE, _TIMES, _NOISES = 1 / 3, 2.0, 2.0
_SHOWN = 5


def failed_runs(metrics: Metrics) -> pd.DataFrame:
    """Return the rows that look like failed runs, with the mean values of the sizes `before` and `after`.

    A score below a third of those at both neighbouring sizes of its curve, or a loss above twice both, and
    worse than both by more than twice the metric's typical noise. The first and the last size of a curve
    have one neighbour and are never among them: a fall at the end may be what there is to find.
    """
    frame = metrics.frame[~metrics.is_baseline]
    keys = [*metrics.curve_columns, "metric"]
    means = frame.groupby([*keys, metrics.axis], dropna=False)["value"].mean()
    curves = means.groupby(level=keys, dropna=False, sort=False)
    around = pd.DataFrame({"before": curves.shift(1), "after": curves.shift(-1)}).reset_index()
    rows = frame.merge(around, on=[*keys, metrics.axis], how="left")
    least, most = rows[["before", "after"]].min(axis=1), rows[["before", "after"]].max(axis=1)
    up = rows["metric"].map(lambda name: CATALOGUE[name].improves == "up")
    worse = (rows["value"] < _SHARE * least).where(up, rows["value"] > _TIMES * most)
    gap = (least - rows["value"]).where(up, rows["value"] - most)
    worse &= gap > _NOISES * rows["metric"].map(lambda name: CATALOGUE[name].noise)
    return rows[worse & rows[["before", "after"]].notna().all(axis=1)].reset_index(drop=True)


def failed_text(metrics: Metrics, rows: pd.DataFrame) -> list[str]:
    """Return what to say of the rows from `failed_runs`; nothing if there are none."""
    if rows.empty:
        return []
    labels = unit_labels(rows, metrics.curve_columns)
    told = [
        f"  line {row['line']}: {row['metric']} {row['value']:.4g} at {format_tokens(row[metrics.axis])} of "
        f"{label}, between {row['before']:.4g} and {row['after']:.4g}"
        for label, row in zip(labels, rows.to_dict("records"), strict=True)
    ]
    more = [f"  and {len(told) - _SHOWN} more; --json has all"] if len(told) > _SHOWN else []
    first = (
        "note: values that look like failed runs (a score below a third of both neighbours, a loss above "
        "twice both): look at the runs, and leave out what failed; a fit takes them for rare outliers"
    )
    return [first, *told[:_SHOWN], *more]
