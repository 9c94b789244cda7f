"""Tables of known curves, and a forecaster that samples nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from bayesscale.errors import DataError
from bayesscale.evaluation.forecasters import FitOptions, Forecaster
from bayesscale.evaluation.scores import score_draws
from bayesscale.evaluation.split import Split
from bayesscale.metrics.read import read_metrics
from bayesscale.metrics.table import Metrics

LENGTHS: Mapping[str, int] = {"a": 10, "b": 5, "c": 3}


def frame(
    lengths: Mapping[str, int] = LENGTHS, metrics: tuple[str, ...] = ("bleu",), repeats: int = 1
) -> pd.DataFrame:
    """Return curves of the given lengths; each size is twice the one before, measured `repeats` times."""
    return pd.DataFrame(
        [
            {"task": "t", "mixture": mixture, "pretrain_tokens": 1e9 * 2.0**place, "metric": metric}
            | {"value": 20.0 + place + 0.1 * again, "seed": again}
            for mixture, length in lengths.items()
            for metric in metrics
            for place in range(length)
            for again in range(repeats)
        ]
    )


def baseline(metric: str = "bleu") -> pd.DataFrame:
    """Return a row of the non-pretrained baseline."""
    return pd.DataFrame(
        [{"task": "t", "mixture": "none", "pretrain_tokens": 0.0, "metric": metric, "value": 10.0}]
    )


def read(*parts: pd.DataFrame) -> Metrics:
    """Return the metrics of tables."""
    return read_metrics(pd.concat(parts, ignore_index=True))


def sizes(rows: pd.DataFrame, mixture: str) -> list[int]:
    """Return the places of a curve's sizes, from 0, each row's own."""
    own = rows[rows["mixture"] == mixture]
    return sorted(np.log2(own["pretrain_tokens"] / 1e9).round().astype(int).tolist())


def remembering(forecaster: Forecaster, asked: list[FitOptions]) -> Forecaster:
    """Return the forecaster, which now keeps the options with which it was asked."""

    def remember(split: Split, options: FitOptions) -> tuple[pd.DataFrame, dict[str, Any]]:
        asked.append(options)
        return forecaster(split, options)

    return remember


def fake(shift: float = 0.0, status: str = "converged", fails_below: int = 0) -> Forecaster:
    """Return a forecaster of normal draws around the true value plus a shift.

    It fails, as a real one may, where fewer than `fails_below` rows are left to fit.
    """

    def forecast(split: Split, options: FitOptions) -> tuple[pd.DataFrame, dict[str, Any]]:
        if len(split.train.frame) < fails_below:
            raise DataError(f"no fit of {len(split.train.frame)} rows")
        if options.report:
            options.report(f"forecasting {len(split.held)} rows")
        value = split.held["value"].to_numpy(float)
        rng = np.random.default_rng(options.sampler.seed)
        draws = value[:, None] + shift + rng.standard_normal((len(value), 4000))
        found = {"status": status, "rhat": 1.5, "ess_bulk": 10.0, "timings": {"sample": 1.0}}
        return split.held.assign(**score_draws(value, draws)), found

    return forecast
