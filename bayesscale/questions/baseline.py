"""The runs without pretraining that a table has, and those that it lacks."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.errors import QuestionError
from bayesscale.metrics.curves import Curves
from bayesscale.units import format_tokens

_MOST = 8


@dataclass(frozen=True)
class BaselineRuns:
    """Which baseline was measured."""

    curves: Curves

    @cached_property
    def _cells(self) -> pd.DataFrame:
        """One row a measured cell and metric."""
        pairs = pd.DataFrame({"unit": self.curves.baseline.unit, "place": self.curves.baseline.metric})
        pairs = pairs.drop_duplicates(ignore_index=True)
        cells = self.curves.cells.iloc[pairs["unit"]].reset_index(drop=True)
        return cells.assign(metric=[self.curves.names[place] for place in pairs["place"]])

    def of_metric(self, metric: str) -> pd.DataFrame:
        """Return the cells, (task, D_f, ...), in which a metric was measured."""
        return self._cells[self._cells["metric"] == metric].drop(columns="metric")

    def has(self, table: pd.DataFrame, metric: str) -> NDArray[np.bool_]:
        """Return for each row of a table of curves whether its cell was measured."""
        cells = self.of_metric(metric)
        keys = pd.MultiIndex.from_frame(table[list(cells.columns)])
        return np.asarray(keys.isin(pd.MultiIndex.from_frame(cells)))

    def has_trend(self, metric: str) -> bool:
        """Return whether something is known of how the baseline changes with D_f, and the curves with it."""
        cells = self.of_metric(metric)
        varies = "finetune_tokens" in [covariate.name for covariate in self.curves.covariates]
        return varies and "finetune_tokens" in cells and cells["finetune_tokens"].nunique() > 1

    def missing(self, table: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
        """Return the cells of curves that lack a metric's baseline, and the metrics that each lacks."""
        names = list(self.curves.cells.columns)
        parts = [table.loc[~self.has(table, m), names].drop_duplicates().assign(metric=m) for m in metrics]
        together = pd.concat(parts).groupby(names, sort=False)["metric"].agg(", ".join)
        return together.reset_index()

    def lacking(self, table: pd.DataFrame, metrics: Sequence[str]) -> QuestionError:
        """Return the error that no curve can be compared with a baseline; it names the runs."""
        missing = self.missing(table, metrics)
        return QuestionError(
            "what pretraining is worth is said against runs without pretraining (pretrain_tokens = 0); the "
            f"data of this fit have none that can be used; missing: {runs_text(missing)}; "
            f"{how_to_add(missing)}"
        )


def runs_text(lacking: pd.DataFrame) -> str:
    """Return a list of runs, such as 'en-fr at finetune_tokens 42M (bleu)', not endlessly long."""
    texts = [_run_text(row) for row in lacking.head(_MOST).to_dict("records")]
    more = len(lacking) - len(texts)
    return ", ".join(texts) + (f" and {more} more" if more > 0 else "")


def how_to_add(lacking: pd.DataFrame) -> str:
    """Return what to do to add runs, with the first one's row as an example."""
    row = {str(name): value for name, value in lacking.iloc[0].items() if str(name) != "metric"}
    metric = str(lacking.iloc[0]["metric"]).split(", ")[0]
    cells = ", ".join(f"{n} {v:.15g}" if isinstance(v, float) else f"{n} {v}" for n, v in row.items())
    return (
        f"finetune a randomly initialised model there, add one row for each score ({cells}, mixture none, "
        f"pretrain_tokens 0, metric {metric}, value its score) and fit again"
    )


def _run_text(row: Mapping[Hashable, object]) -> str:
    """Return one run."""
    sizes = ", ".join(
        f"{name} {format_tokens(value)}"
        for name, value in row.items()
        if isinstance(value, float) and not np.isnan(value)
    )
    labels = [str(v) for n, v in row.items() if n != "metric" and not isinstance(v, float)]
    return f"{' | '.join(labels)}{f' at {sizes}' if sizes else ''} ({row['metric']})"
