"""The metrics table that the analysis works with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Metrics:
    """Scores of finetuned checkpoints, validated and tidy; made by `read_metrics`.

    Parameters
    ----------
    frame : pandas.DataFrame
        A row for each score, sorted, index 0 to n - 1. Always there: the curve columns, `task` and
        `mixture` ('all' where the file has none), the column of the axis, `metric`, `value` and `line`.
        Where the file has them: the other size, `se`, `n` (how many values a mean is of), `run`, `seed`,
        `model_params`, `signature`, `alignment`, `share_<language>`. Numbers are float64, NaN where unknown;
        labels are text, empty where unknown. On the axis `pretrain_tokens`, rows with 0 are the
        non-pretrained baseline, and their mixture is 'none'.
    axis : str
        The size along a curve: 'pretrain_tokens' or 'finetune_tokens'.
    curve_columns : tuple of str
        Columns whose values define a curve.
    source : str
        Name of the file as given.
    data_hash : str
        SHA-256 of the frame without `line`: the same for a file with other order, format or headers.
    notes : tuple of str
        What is worth knowing and no violation.
    """

    frame: pd.DataFrame
    axis: str
    curve_columns: tuple[str, ...]
    source: str
    data_hash: str
    notes: tuple[str, ...] = ()

    @property
    def is_baseline(self) -> pd.Series:
        """Where a row is the non-pretrained baseline, which is no point of a curve."""
        if self.axis == "pretrain_tokens":
            return self.frame["pretrain_tokens"].eq(0)
        return pd.Series(False, index=self.frame.index)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics, sorted."""
        return tuple(sorted(self.frame["metric"].unique()))

    def curves(self) -> pd.DataFrame:
        """Return the curves: their columns, one row each, without the baseline."""
        curves = self.frame.loc[~self.is_baseline, list(self.curve_columns)]
        return curves.drop_duplicates(ignore_index=True)

    def __str__(self) -> str:
        curves = len(self.curves())
        counts = f"{curves:,} curve{'s' if curves > 1 else ''} in {self.axis}, {len(self.frame):,} scores"
        return f"{self.source}: {counts} of {', '.join(self.metrics)}"


def tidy_frame(data: pd.DataFrame, axis: str, curve_columns: tuple[str, ...]) -> pd.DataFrame:
    """Return rows and columns in the order of `Metrics.frame`."""
    first = [*curve_columns, "task", "mixture", "pretrain_tokens", "finetune_tokens", "metric", "value", "se"]
    known = [*first, "n", "run", "seed", "model_params", "signature", "alignment"]
    shares = sorted(name for name in data.columns if name.startswith("share_"))
    columns = [name for name in dict.fromkeys([*known, *shares, "line"]) if name in data.columns]
    order = dict.fromkeys([*curve_columns, axis, *columns])
    labels = {name: str for name in columns if not pd.api.types.is_numeric_dtype(data[name])}
    return data[columns].astype(labels).sort_values(list(order), ignore_index=True)


def data_hash(frame: pd.DataFrame) -> str:
    """Return the SHA-256 of a frame's content, whatever the order of rows and columns, without `line`."""
    columns = sorted(name for name in frame.columns if name != "line")
    text = frame[columns].sort_values(columns).to_csv(index=False, lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()
