"""The non-pretrained baseline of the curves that a question is about."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.errors import QuestionError
from bayesscale.metrics.curves import unit_keys
from bayesscale.models.scale import log_near_zero, log_value
from bayesscale.posterior.curves import DrawnCurves
from bayesscale.posterior.local import gauge_of, scale
from bayesscale.posterior.noise import typical_se
from bayesscale.posterior.random import keyed_rng

FloatArray = NDArray[np.float64]


class TargetBaseline:
    """The model that was not pretrained, in the cell (task, D_f, ...) of each target.

    Data without a baseline are a QuestionError.
    """

    def __init__(self, drawn: DrawnCurves) -> None:
        if not len(drawn.curves.baseline):
            raise QuestionError(
                "size 0 is the non-pretrained baseline; the data of this fit have none; "
                "ask for sizes above 0, or fit a table with rows of pretrain_tokens 0"
            )
        self._draws, self._seed, self._table = drawn.draws, drawn.seed, drawn.targets.table

    @cached_property
    def _cells(self) -> pd.DataFrame:
        """The cell of each target."""
        return self._table[list(self._draws.curves.cells.columns)]

    @cached_property
    def _position(self) -> NDArray[np.int64]:
        """Row of each target's cell in `Curves.cells`; -1 where it was not measured."""
        cells = self._draws.curves.cells
        merged = self._cells.merge(
            cells.assign(position=np.arange(len(cells))), how="left", on=list(cells.columns)
        )
        return merged["position"].fillna(-1).to_numpy(np.int64)

    @cached_property
    def keys(self) -> list[str]:
        """One key a target: that of its cell."""
        return unit_keys(self._cells, tuple(map(str, self._cells.columns)))

    def value(self, rows: slice, metric: int) -> FloatArray:
        """Return the value of one metric without pretraining, shape (targets, draws)."""
        return np.exp(self._each("level", rows, metric))

    def scale(self, rows: slice, metric: int) -> FloatArray:
        """Return the scale of a new measurement of it, shape (targets, draws)."""
        share = self._each("se_share", rows, metric) if "se_share_mean" in self._draws else None
        se = typical_se(self._draws.curves, metric)
        value, noise = self.value(rows, metric), self._each("noise", rows, metric)
        return scale(value, noise, share, se, gauge_of(self._draws, metric))

    def _each(self, what: str, rows: slice, metric: int) -> FloatArray:
        """Return draws of a parameter in the cells of targets, drawn anew where they were not measured."""
        position = self._position[rows]
        found = np.array(self._draws[f"baseline_{what}"][:, np.maximum(position, 0), metric].T, np.float64)
        for place in np.flatnonzero(position < 0):
            target = int(np.arange(len(self._position))[rows][place])
            mean, spread = self._population(what, target, metric)
            # A cell, not a target, has a baseline: targets in one cell share it.
            name = self._draws.curves.names[metric]
            rng = keyed_rng(self._seed, f"baseline {what}", name, self.keys[target])
            drawn = mean + spread * rng.standard_normal(len(mean))
            found[place] = log_value(drawn, self._log_near(metric)) if what == "level" else drawn
        return found

    def _log_near(self, metric: int) -> float:
        """Return the log of the value below which the scale of levels is linear."""
        return float(log_near_zero((self._draws.curves.names[metric],), self._draws.priors)[0])

    def _population(self, what: str, target: int, metric: int) -> tuple[FloatArray, FloatArray]:
        """Return mean and spread of a parameter in a cell; of the level, along the line in log D_f."""
        draws = self._draws
        if what != "level":
            return draws[f"{what}_mean"][:, metric], draws[f"{what}_spread"][:, metric]
        expected = draws["baseline_mean"][:, metric]
        if "baseline_slope" in draws:
            (covariate,) = (
                c for c in draws.curves.covariates if c.name in ("finetune_tokens", "pretrain_tokens")
            )
            cell = self._cells.iloc[[target]]
            expected = (
                expected + covariate.scaled(cell[covariate.name])[0] * draws["baseline_slope"][:, metric]
            )
        return expected, draws["baseline_sd"][:, metric]

    def notes(self) -> list[str]:
        """Say what the numbers at size 0 are."""
        notes = ["size 0 is the non-pretrained baseline, the same for every mixture"]
        if (self._position < 0).any():
            notes.append("where no baseline was measured, it is drawn from the spread of the measured ones")
        return notes
