"""The values that were measured, as every draw expects them: likelihoods and replicated data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bayesscale.models.discrepancy import MODES, modes
from bayesscale.models.layout import lay_out
from bayesscale.posterior.draws import Draws
from bayesscale.posterior.local import gauge_of, measured, scale
from bayesscale.posterior.noise import student_log_density, within

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# Observations evaluated at once; bounds the memory that large data sets take.
_CHUNK = 512


@dataclass(frozen=True)
class Observed:
    """The observations of a fit, in every draw."""

    draws: Draws

    @cached_property
    def _modes(self) -> dict[str, FloatArray]:
        """Effects of the discrepancy's modes at every value, (values, MODES), of scores and of losses."""
        curves = self.draws.curves
        layout = lay_out(curves)
        at = np.zeros((layout.count, MODES))
        at[layout.index[layout.real]] = modes(layout)[:, layout.real].T
        first = len(curves.scores)
        return {"score": at[:first], "loss": at[first:]}

    def location_scale(self, block: str, metric: int, rows: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return location and scale of observations of one metric, each of shape (observations, draws).

        `block` is 'score', 'loss' or 'baseline', see `Curves.blocks`; `metric` a position among all metrics;
        `rows` are positions in the block, of values of that metric.
        """
        draws, part = self.draws, self.draws.curves.blocks[block]
        unit, se = part.unit[rows], part.se[rows][:, None]
        if block == "baseline":
            names = ("level", "noise", "se_share")[: 3 if "se_share_mean" in draws else 2]
            level, noise, *share = (draws[f"baseline_{name}"][:, unit, metric].T for name in names)
            value = np.exp(level.astype(np.float64))
            return value, scale(value, noise, share[0] if share else None, se, gauge_of(draws, metric))
        local = measured(draws, metric, unit)
        path = None
        if local.straying is not None:
            coefficients = draws["discrepancy"][:, unit, metric]
            path = np.einsum("snm,nm->ns", coefficients, self._modes[block][rows])[:, None]
        u = draws.curves.axis.u(part.size[rows])[:, None]
        return local.value(u, path)[:, 0], local.scale(local.value(u), se[:, None])[:, 0]

    def chunks(self) -> Iterator[tuple[str, int, IntArray, IntArray]]:
        """Yield block, metric, rows in the block and positions among all observations, a chunk each."""
        first = 0
        for block, part in self.draws.curves.blocks.items():
            for own, name in enumerate(part.metrics):
                rows = np.flatnonzero(part.metric == own)
                for start in range(0, len(rows), _CHUNK):
                    chosen = rows[start : start + _CHUNK]
                    yield block, self.draws.curves.names.index(name), chosen, first + chosen
            first += len(part)


def replicate(draws: Draws, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the log likelihood of every observation and replicated data, each (draws, observations).

    Draws are of the posterior or of the prior; observations are in the order of `Curves.blocks`.
    """
    rng = np.random.default_rng([seed, 1])
    observed, blocks, degrees = Observed(draws), draws.curves.blocks, draws.priors.degrees
    shape = (draws.count, sum(len(part) for part in blocks.values()))
    density, drawn = np.empty(shape, np.float32), np.empty(shape, np.float32)
    for block, metric, rows, to in observed.chunks():
        location, spread = observed.location_scale(block, metric, rows)
        value = blocks[block].value[rows][:, None]
        density[:, to] = student_log_density(value, location, spread, degrees).T
        noisy = location + spread * rng.standard_t(degrees, size=location.shape)
        drawn[:, to] = within(noisy, draws.curves.names[metric]).T
    return density, drawn
