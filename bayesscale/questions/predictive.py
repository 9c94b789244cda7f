"""Posterior predictive distributions: the laws of curves at given sizes, and new measurements around them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.models.breaks import with_break
from bayesscale.models.effects import noise_scales
from bayesscale.models.measurement import FEWEST_DEGREES, RESOLUTION, total_sd
from bayesscale.questions.baseline import TargetBaseline
from bayesscale.questions.effects import TargetEffects
from bayesscale.questions.laws import DrawnLaw
from bayesscale.questions.random import keyed_rng
from bayesscale.questions.strayed import strayed

FloatArray = NDArray[np.float64]
COLUMNS = ("median", "mean", "lower", "upper", "law_median", "law_lower", "law_upper", "p_break")
"""What is said of each size: of a new measurement, of the law, and P(break before it), NaN if none can be."""
# Numbers in one array; a few such arrays are held at a time.
_CHUNK = 2_000_000


def described(law: FloatArray, predicted: FloatArray, prob: float) -> FloatArray:
    """Return median, mean and equal-tailed interval of predictions, then median and interval of the law.

    Parameters
    ----------
    law, predicted : array, shape (..., draws)
        Draws of the law's value and of a new measurement.
    prob : float
        Probability of the intervals.

    Returns
    -------
    array, shape (..., 7)
        In the order of `COLUMNS`, without the last.
    """
    tail = (1 - prob) / 2
    lower, median, upper = np.quantile(predicted, [tail, 0.5, 1 - tail], axis=-1)
    law_lower, law_median, law_upper = np.quantile(law, [tail, 0.5, 1 - tail], axis=-1)
    return np.stack(
        [median, predicted.mean(axis=-1), lower, upper, law_median, law_lower, law_upper], axis=-1
    )


@dataclass(frozen=True)
class Predictive:
    """Posterior predictive distribution of measurements on curves.

    Parameters
    ----------
    effects : TargetEffects
        The curves.
    prob : float
        Probability of the intervals.
    chunk : int
        Numbers that one array may hold; bounds the memory, changes no result.
    """

    effects: TargetEffects
    prob: float
    chunk: int = _CHUNK

    @cached_property
    def _draws(self) -> int:
        return len(self.effects.fit.draws("noise_sd"))

    def describe(self, sizes: FloatArray, metrics: Sequence[int]) -> FloatArray:
        """Return what is said of each curve, metric and size.

        Parameters
        ----------
        sizes : array, shape (targets, sizes)
            Sizes of each curve; 0 is the baseline.
        metrics : sequence of int
            Positions of the metrics.

        Returns
        -------
        array, shape (targets, metrics, sizes, columns)
            In the order of `COLUMNS`.
        """
        found = np.empty((len(sizes), len(metrics), sizes.shape[1], len(COLUMNS)))
        baseline = TargetBaseline(self.effects) if (sizes == 0).any() else None
        for rows in self._chunks(sizes.shape[1]):
            effects = self.effects.effects(rows)
            for place, metric in enumerate(metrics):
                found[rows, place] = self._law(effects, rows, sizes[rows], metric)
                if baseline is not None:
                    self._replace_baseline(found[rows, place], baseline, rows, sizes[rows], metric)
        return found

    def _chunks(self, sizes: int) -> Iterator[slice]:
        """Yield the targets in chunks."""
        step = max(1, self.chunk // (self._draws * sizes))
        for start in range(0, len(self.effects.targets), step):
            yield slice(start, min(start + step, len(self.effects.targets)))

    def _law(self, effects: FloatArray, rows: slice, sizes: FloatArray, metric: int) -> FloatArray:
        """Return what is said of one metric at sizes on curves, shape (targets, sizes, columns)."""
        law, broken = self._values(effects, rows, sizes, metric)
        predicted = self._measured(law, self._own_noise(rows, metric), self.effects.labels[rows], metric)
        return np.concatenate([described(law, predicted, self.prob), broken[..., None]], axis=-1)

    def measured(self, sizes: FloatArray, metric: int, rows: slice) -> FloatArray:
        """Return draws of new measurements on targets, shape (targets, sizes, draws).

        Parameters
        ----------
        sizes : array, shape (targets, sizes)
            Sizes of each chosen target, above 0.
        metric : int
            Position of the metric.
        rows : slice
            Which targets.
        """
        law = self.law(sizes, metric, rows)
        return self._measured(law, self._own_noise(rows, metric), self.effects.labels[rows], metric)

    def _own_noise(self, rows: slice, metric: int) -> FloatArray:
        """Return the scale of the noise of targets, shape (draws, targets)."""
        factor = np.exp(self.effects.noise_factor(rows, metric))
        return np.asarray(self.effects.fit.draws("noise_sd")[:, metric, None] * factor)

    def law(self, sizes: FloatArray, metric: int, rows: slice | None = None) -> FloatArray:
        """Return draws of the laws of targets at sizes, with their breaks and without noise.

        Parameters
        ----------
        sizes : array, shape (targets, sizes)
            Sizes of each chosen target, above 0.
        metric : int
            Position of the metric.
        rows : slice, optional
            Which targets. Default: all.

        Returns
        -------
        array, shape (targets, sizes, draws)
            Within the metric's range.
        """
        rows = rows if rows is not None else slice(None)
        return self._values(self.effects.effects(rows), rows, sizes, metric)[0]

    def _values(
        self, effects: FloatArray, rows: slice, sizes: FloatArray, metric: int
    ) -> tuple[FloatArray, FloatArray]:
        """Return draws of the laws, (targets, sizes, draws), and the share of them broken by each size."""
        fit = self.effects.fit
        # The anchor stands in for size 0, which is not on the curve.
        u = fit.curves.axis.u(np.where(sizes > 0, sizes, fit.curves.axis.hi))[..., None]
        level, gain, shape = (
            np.ascontiguousarray(effects[..., column].T)[:, None]
            for column in self.effects.order.columns(metric)
        )
        name = fit.curves.names[metric]
        broken = np.full(sizes.shape, np.nan)
        law = DrawnLaw(fit, metric).value(u, level, gain, shape)
        if (drawn := self.effects.breaks(rows, metric)) is not None:
            position, slope = (np.ascontiguousarray(part.T)[:, None] for part in drawn)
            law = with_break(law, name, level, slope, u - position)
            broken = (position < u).mean(axis=-1)
        if fit.has("discrepancy_scale"):
            law = law + strayed(self.effects, rows, metric, u[..., 0], (level[:, 0], gain[:, 0]))
        return np.clip(law, CATALOGUE[name].low, CATALOGUE[name].high), broken

    def _replace_baseline(
        self, found: FloatArray, baseline: TargetBaseline, rows: slice, sizes: FloatArray, metric: int
    ) -> None:
        """Put what is said of the baseline where the size is 0."""
        level = baseline.value(rows, metric)
        own = np.broadcast_to(self.effects.fit.draws("noise_sd")[:, metric, None], level.shape)
        never = np.full((len(level.T), 1), np.nan)
        law = level.T[:, None]
        of_baseline = described(law, self._measured(law, own, baseline.labels[rows], metric), self.prob)
        of_baseline = np.concatenate([of_baseline, never[..., None]], axis=-1)
        found[...] = np.where((sizes == 0)[..., None], of_baseline, found)

    def _measured(self, law: FloatArray, own: FloatArray, labels: Sequence[str], metric: int) -> FloatArray:
        """Return draws of a law, shape (targets, sizes, draws), with the noise of a measurement.

        One draw of the noise serves all sizes of a curve: each interval is about one measurement.
        """
        fit, name = self.effects.fit, self.effects.fit.curves.names[metric]
        independent = fit.draws("se_independent")[:, metric, None] if fit.has("se_independent") else None
        floor = RESOLUTION * noise_scales((name,), fit.priors)[0]
        scale = total_sd(own, self._typical_se(metric), independent, floor=floor)
        degrees = FEWEST_DEGREES + fit.draws("noise_tails")[:, metric]
        noise = [
            keyed_rng(self.effects.seed, "measurement", name, label).standard_t(degrees) for label in labels
        ]
        spec = CATALOGUE[name]
        return np.asarray(np.clip(law + (scale.T * np.array(noise))[:, None], spec.low, spec.high))

    def _typical_se(self, metric: int) -> float:
        """Return the median standard error of a metric's scores; 0 where nobody gave one."""
        curves = self.effects.fit.curves
        scores = len(curves.scores.metrics)
        rows, own = (curves.scores, metric) if metric < scores else (curves.losses, metric - scores)
        known = rows.se[(rows.metric == own) & (rows.se > 0)]
        return float(np.median(known)) if known.size else 0.0
