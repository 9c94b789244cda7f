"""The truth behind a simulated table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pydantic import TypeAdapter

from bayesscale.errors import QuestionError
from bayesscale.laws import LAWS, LogAxis

CurveKey = tuple[str, str, int]
"""Task, mixture and D_f."""


@dataclass(frozen=True)
class CurveTruth:
    """The law of one metric on one curve, its noise and its break.

    Level, gain and shape are anchored on the truth's `lowest_tokens` and `highest_tokens`; the coefficients
    are those that papers print. `noise` is the standard deviation of one run around the law, in the metric's
    unit; the true value never leaves the range from `low` to `high`. `break_tokens` is the D_p at which the
    law breaks, None if it does not, and `slope_change` that of the slope beyond, in the metric's unit per
    e-fold of D_p.
    """

    task: str
    mixture: str
    finetune_tokens: int
    metric: str
    law: str
    alignment: float
    level: float
    gain: float
    shape: float
    coefficients: dict[str, float]
    noise: float
    low: float
    high: float | None
    break_tokens: float | None = None
    slope_change: float = 0.0

    @property
    def key(self) -> CurveKey:
        """Task, mixture and D_f."""
        return self.task, self.mixture, self.finetune_tokens

    def law_value(self, size: ArrayLike, axis: LogAxis) -> NDArray[np.float64]:
        """Return the law at sizes D_p, as if it never broke."""
        u = axis.u(np.asarray(size, dtype=float))
        return np.asarray(LAWS[self.law].value(u, self.level, self.gain, self.shape))

    def value(self, size: ArrayLike, axis: LogAxis) -> NDArray[np.float64]:
        """Return the noise-free value at sizes D_p, with the break."""
        value = self.law_value(size, axis)
        if self.break_tokens is not None:
            beyond = np.log(np.asarray(size, dtype=float) / self.break_tokens)
            value = value + self.slope_change * np.maximum(beyond, 0.0)
        return np.asarray(np.clip(value, self.low, self.high))


@dataclass(frozen=True)
class BaselineTruth:
    """The value of the non-pretrained model on one task and D_f."""

    task: str
    finetune_tokens: int
    metric: str
    value: float


@dataclass(frozen=True)
class Truth:
    """All that a simulated table was made from: a row for each curve and metric, and for each baseline.

    `source` is always 'simulated', so that the file says what its numbers are. The laws are anchored at the
    lowest and the highest tokens, in D_p.
    """

    source: str
    regime: str
    seed: int
    lowest_tokens: float
    highest_tokens: float
    curves: tuple[CurveTruth, ...]
    baselines: tuple[BaselineTruth, ...] = ()

    @property
    def axis(self) -> LogAxis:
        """The axis on which all laws are anchored."""
        return LogAxis(self.lowest_tokens, self.highest_tokens)

    @cached_property
    def _by_key(self) -> dict[tuple[CurveKey, str], CurveTruth]:
        """Curves by task, mixture, D_f and metric."""
        return {(curve.key, curve.metric): curve for curve in self.curves}

    def curve(self, key: CurveKey, metric: str) -> CurveTruth:
        """Return the truth of a curve (task, mixture, D_f) and metric; QuestionError if there is none."""
        try:
            return self._by_key[key, metric]
        except KeyError:
            raise QuestionError(f"no curve {key!r} with metric {metric!r} was simulated") from None

    def true_value(self, key: CurveKey, metric: str, size: ArrayLike) -> NDArray[np.float64]:
        """Return the noise-free value of a curve at sizes D_p, with its break if it has one."""
        return self.curve(key, metric).value(size, self.axis)

    def frame(self) -> pd.DataFrame:
        """Return one row for each curve and metric: parameters, coefficients, noise and break."""
        rows: list[dict[str, Any]] = []
        for curve in self.curves:
            row = {name: value for name, value in vars(curve).items() if name != "coefficients"}
            rows.append(row | curve.coefficients)
        return pd.DataFrame(rows)

    def to_json(self) -> str:
        """Return the truth as an indented JSON document."""
        return _ADAPTER.dump_json(self, indent=2).decode() + "\n"

    @staticmethod
    def from_json(text: str) -> Truth:
        """Return the truth of a document that `to_json` wrote."""
        return _ADAPTER.validate_json(text)


_ADAPTER = TypeAdapter(Truth)
