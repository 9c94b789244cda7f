"""The answer of an evaluation: scores pooled, by curve and by distance, and what went wrong on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from bayesscale.evaluation.rivals import CONFORMAL, NO_INTERVALS
from bayesscale.evaluation.scores import PROBS, pooled
from bayesscale.metrics.table import Metrics
from bayesscale.questions.answer import percent_text, plain_records
from bayesscale.tables import table_text

# What the status of a fit says if nothing is wrong with it.
FINE = ("converged", NO_INTERVALS, CONFORMAL)
_LISTED = 5
_SHORT = {
    "log_score": "log score",
    "miscalibration": "miscal.",
    "distance": "e-folds beyond",
    **{f"cover_{100 * p:.0f}": f"in {100 * p:.0f}%" for p in PROBS},
    f"width_{100 * PROBS[-1]:.0f}": "width",
}


@dataclass(frozen=True)
class Evaluation:
    """Scores of forecasts of held-out values.

    `rows` has a row a forecast: model, split, the curve, metric, size, value, the columns of `score_draws`,
    and efolds_beyond, the size in e-folds beyond the last fitted one of its curve and metric. `fits` has a
    row a fit: model, split, status, diagnostics, seconds, and timings, the seconds of each phase. `failures`
    are what could not be fitted: model, split, curve and metric ('all' for a fit of all curves), error.
    `short` are the labels of curves that no split could hold anything out of.
    """

    metrics: Metrics
    rows: pd.DataFrame = field(repr=False)
    fits: pd.DataFrame = field(repr=False)
    provenance: dict[str, Any] = field(repr=False)
    failures: tuple[dict[str, Any], ...] = ()
    short: tuple[str, ...] = ()

    def frame(self, by: Sequence[str] = ("metric",)) -> pd.DataFrame:
        """Return pooled scores, one row for each model, split and value of other columns; see `pooled`."""
        return pooled(self.rows, ["model", "split", *by], list(self.metrics.curve_columns))

    def curves(self) -> pd.DataFrame:
        """Return the scores of every curve and metric."""
        return self.frame([*self.metrics.curve_columns, "metric"])

    def distances(self) -> pd.DataFrame:
        """Return pooled scores by how many e-folds beyond the fitted sizes a forecast is."""
        return self.frame(["metric", "distance"])

    def document(self) -> dict[str, Any]:
        """Return everything for programs."""
        return {
            **self.provenance,
            "source": self.metrics.source,
            "data_hash": self.metrics.data_hash,
            "notes": list(self.metrics.notes),
            "interval": {"kind": "equal-tailed", "prob": list(PROBS)},
            "failures": list(self.failures),
            "too short": list(self.short),
            "fits": plain_records(self.fits),
            "pooled": plain_records(self.frame()),
            "by distance": plain_records(self.distances()),
            "curves": plain_records(self.curves()),
            "forecasts": plain_records(self.rows),
        }

    def sentences(self) -> list[str]:
        """Return what a reader has to know of the table."""
        bad = self.fits[~self.fits["status"].isin(FINE)]
        lines = [
            f"DO NOT RELY ON THESE NUMBERS - {row.model}, {row.split}: {row.status}, R-hat {row.rhat:.3g}, "
            f"ESS {row.ess_bulk:.0f}"
            for row in bad.itertuples()
        ]
        return [
            *lines,
            *self._failed(),
            *self._held(),
            f"{self.metrics}",
            *self.metrics.notes,
            *self._short(),
        ]

    def _held(self) -> list[str]:
        """Return how many held-out values lay inside the widest intervals, a line a model and split."""
        cover, lines = f"cover_{100 * PROBS[-1]:.0f}", []
        table = self.frame()
        for (model, split), own in table[table[cover].notna()].groupby(["model", "split"], sort=False):
            held = ", ".join(
                f"{round(row[cover] * row['n'])} of {row['n']} {row['metric']}"
                for row in own.to_dict("records")
            )
            lines.append(f"{model}, {split}: {percent_text(PROBS[-1])} intervals held {held}")
        return lines

    def notes(self) -> list[str]:
        """Return what the columns are."""
        return [
            "in P%: share of held-out values inside equal-tailed intervals of a new measurement; width: of "
            "the last; width, mae and crps in the metric's unit; rmsle: mean over curves; miscal.: 0 is best"
        ]

    def _failed(self) -> list[str]:
        """Say what failed; of many curves of one fit the first few."""
        lines = []
        for each in self.failures:
            of = "" if each["curve"] == "all" else f", {each['curve']}, {each['metric']}"
            lines.append(
                f"FAILED and not in the table - {each['model']}, {each['split']}{of}: {each['error']}"
            )
        more = len(lines) - _LISTED
        return [*lines[:_LISTED], f"... and {more} more failures, all in --json"] if more > 0 else lines

    def _short(self) -> list[str]:
        """Say how many curves are too short to be split."""
        if not self.short:
            return []
        named = "; ".join(self.short[:_LISTED]) + ("; ..." if len(self.short) > _LISTED else "")
        total = len(self.metrics.curves())
        return [
            f"{len(self.short)} of {total} curves are too short to be split and are not forecast: {named}"
        ]

    @property
    def converged(self) -> bool:
        """Whether no fit failed a diagnostic."""
        return bool(self.fits["status"].isin(FINE).all())

    @property
    def complete(self) -> bool:
        """Whether nothing failed: no fit and no diagnostic."""
        return self.converged and not self.failures

    def readable(self, by: str = "metric") -> pd.DataFrame:
        """Return scores by 'metric', 'curve' or 'distance' under short headings."""
        table = self.table(by)
        constant = [name for name in ("model", "split") if table[name].nunique() == 1]
        constant += ["curves"] * (by == "curve")
        widths = [f"width_{100 * p:.0f}" for p in PROBS[:-1]]
        shown = table.drop(columns=[*constant, *widths])
        rounded = shown.select_dtypes(float).map(lambda number: float(f"{number:.3g}"))
        return shown.assign(**rounded).rename(columns=_SHORT)

    def table(self, by: str = "metric") -> pd.DataFrame:
        """Return scores by 'metric', 'curve' or 'distance'; see `frame`, `curves` and `distances`."""
        return {"metric": self.frame, "curve": self.curves, "distance": self.distances}[by]()

    def __str__(self) -> str:
        return "\n".join([*self.sentences(), "", table_text(self.readable()), "", *self.notes()])
