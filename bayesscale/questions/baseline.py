"""The non-pretrained baseline of the curves that a question is about."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.errors import QuestionError
from bayesscale.metrics.curves import unit_labels
from bayesscale.questions.effects import TargetEffects
from bayesscale.questions.random import keyed_rng

if TYPE_CHECKING:
    from bayesscale.inference import Fit

FloatArray = NDArray[np.float64]


class TargetBaseline:
    """Levels of the model that was not pretrained, in the cell (task, D_f, ...) of each target.

    Parameters
    ----------
    effects : TargetEffects
        The curves asked for.

    Raises
    ------
    QuestionError
        The data have no baseline.
    """

    def __init__(self, effects: TargetEffects) -> None:
        if not len(effects.fit.curves.baseline):
            raise QuestionError(
                "size 0 is the non-pretrained baseline; the data of this fit have none; "
                "ask for sizes above 0, or fit a table with rows of pretrain_tokens 0"
            )
        self._effects = effects

    @property
    def _fit(self) -> Fit:
        return self._effects.fit

    @cached_property
    def _cells(self) -> pd.DataFrame:
        """The cell of each target."""
        return self._effects.targets.table[list(self._fit.curves.cells.columns)]

    @cached_property
    def _position(self) -> NDArray[np.int64]:
        """Row of each target's cell in `Curves.cells`; -1 where it was not measured."""
        known = self._fit.curves.cells.assign(position=np.arange(len(self._fit.curves.cells)))
        merged = self._cells.merge(known, how="left", on=list(self._cells.columns))
        return merged["position"].fillna(-1).to_numpy(np.int64)

    @cached_property
    def labels(self) -> list[str]:
        """One label a target: that of its cell."""
        return unit_labels(self._cells, tuple(map(str, self._cells.columns)))

    def value(self, rows: slice, metric: int) -> FloatArray:
        """Return the value of one metric without pretraining, shape (draws, targets)."""
        position = self._position[rows]
        level = np.asarray(self._fit.draws("baseline_level")[:, np.maximum(position, 0), metric])
        for place in np.flatnonzero(position < 0):
            level[:, place] = self._unmeasured(np.arange(len(self._position))[rows][place], metric)
        return np.exp(level)

    def _unmeasured(self, target: int, metric: int) -> FloatArray:
        """Return the log level in a cell that was not measured: the line in log D_f and a residual."""
        cell = self._cells.iloc[[target]]
        expected = self._fit.draws("baseline_mean")[:, metric]
        if self._fit.has("baseline_slope"):
            (covariate,) = (
                c for c in self._fit.curves.covariates if c.name in ("finetune_tokens", "pretrain_tokens")
            )
            expected = (
                expected
                + covariate.scaled(cell[covariate.name])[0] * self._fit.draws("baseline_slope")[:, metric]
            )
        rng = keyed_rng(self._effects.seed, "baseline", self._fit.curves.names[metric], self.labels[target])
        residual = rng.standard_normal(len(expected))
        return np.asarray(expected + self._fit.draws("baseline_sd")[:, metric] * residual)

    def notes(self) -> list[str]:
        """Say what the numbers at size 0 are."""
        notes = ["size 0 is the non-pretrained baseline, the same for every mixture"]
        if (self._position < 0).any():
            notes.append("where no baseline was measured, it is drawn from the spread of the measured ones")
        return notes
