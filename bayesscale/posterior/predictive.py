"""Posterior predictive distributions: curves at given sizes, and new measurements around them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.posterior.baseline import TargetBaseline
from bayesscale.posterior.curves import DrawnCurves
from bayesscale.posterior.local import Local
from bayesscale.posterior.noise import typical_se, within
from bayesscale.posterior.random import keyed_rng

FloatArray = NDArray[np.float64]
COLUMNS = ("median", "mean", "lower", "upper", "law_median", "law_lower", "law_upper", "p_break")
"""What is said of each size: of a new measurement, of the law, and P(break before it), NaN if none can be."""
# Numbers in one array; a few such arrays are held at a time.
_CHUNK = 2_000_000


def described(law: FloatArray, predicted: FloatArray, prob: float) -> FloatArray:
    """Return median, mean and equal-tailed interval of predictions, then median and interval of the law.

    `law` and `predicted` are draws of the law's value and of a new measurement, shape (..., draws). The
    result, shape (..., 7), is in the order of `COLUMNS`, without the last.
    """
    tail = (1 - prob) / 2
    lower, median, upper = np.quantile(predicted, [tail, 0.5, 1 - tail], axis=-1)
    law_lower, law_median, law_upper = np.quantile(law, [tail, 0.5, 1 - tail], axis=-1)
    return np.stack(
        [median, predicted.mean(axis=-1), lower, upper, law_median, law_lower, law_upper], axis=-1
    )


@dataclass(frozen=True)
class Predictive:
    """Posterior predictive distribution of measurements on curves, with intervals of a probability.

    `chunk` is how many numbers one array may hold; it bounds the memory and changes no result.
    """

    drawn: DrawnCurves
    prob: float
    chunk: int = _CHUNK

    def describe(self, sizes: FloatArray, metrics: Sequence[int]) -> FloatArray:
        """Return what is said of each curve, metric and size, shape (targets, metrics, sizes, columns).

        Columns are in the order of `COLUMNS`. Sizes have the shape (targets, sizes); 0 is the baseline.
        """
        found = np.empty((len(sizes), len(metrics), sizes.shape[1], len(COLUMNS)))
        baseline = TargetBaseline(self.drawn) if (sizes == 0).any() else None
        for rows in self._chunks(sizes.shape[1]):
            for place, metric in enumerate(metrics):
                found[rows, place] = self._described(rows, sizes[rows], metric)
                if baseline is not None:
                    of_baseline = self._baseline(baseline, rows, metric)[:, None]
                    found[rows, place] = np.where(
                        (sizes[rows] == 0)[..., None], of_baseline, found[rows, place]
                    )
        return found

    def _chunks(self, sizes: int) -> Iterator[slice]:
        """Yield the targets in chunks."""
        step = max(1, self.chunk // (self.drawn.draws.count * sizes))
        for start in range(0, len(self.drawn.targets), step):
            yield slice(start, min(start + step, len(self.drawn.targets)))

    def _described(self, rows: slice, sizes: FloatArray, metric: int) -> FloatArray:
        """Return what is said of one metric at sizes on curves, shape (targets, sizes, columns)."""
        # The anchor stands in for size 0, which is not on the curve.
        safe = np.where(sizes > 0, sizes, self.drawn.curves.axis.hi)
        local = self.drawn.local(rows, metric)
        law = within(self.drawn.values(rows, metric, safe, local), local.metric)
        found = described(law, self._measured(law, local, rows, metric), self.prob)
        if not np.isfinite(CATALOGUE[local.metric].high):
            # The level of a curve that was not measured is Student-t in logs: its value has no mean.
            found[~self.drawn.targets.measured[rows], :, COLUMNS.index("mean")] = np.nan
        broken = local.broken(self.drawn.curves.axis.u(safe))
        p_break = np.full(sizes.shape, np.nan) if broken is None else broken.mean(axis=-1)
        return np.concatenate([found, p_break[..., None]], axis=-1)

    def _baseline(self, baseline: TargetBaseline, rows: slice, metric: int) -> FloatArray:
        """Return what is said of the baseline of targets, shape (targets, columns)."""
        law = baseline.value(rows, metric)
        scale = baseline.scale(rows, metric)[:, None]
        predicted = self._noisy(law[:, None], scale, baseline.keys[rows], metric)
        found = described(law, predicted[:, 0], self.prob)
        return np.concatenate([found, np.full((len(law), 1), np.nan)], axis=-1)

    def law(self, sizes: FloatArray, metric: int, rows: slice | None = None) -> FloatArray:
        """Return draws of the laws of targets at sizes, with their breaks and without noise.

        Sizes, shape (targets, sizes), are above 0; `rows` are the targets, by default all. The result, shape
        (targets, sizes, draws), is within the metric's range.
        """
        rows = rows if rows is not None else slice(None)
        return within(self.drawn.values(rows, metric, sizes), self.drawn.curves.names[metric])

    def measured(self, sizes: FloatArray, metric: int, rows: slice) -> FloatArray:
        """Return draws of new measurements on targets, as `law` does of their laws."""
        local = self.drawn.local(rows, metric)
        law = within(self.drawn.values(rows, metric, sizes, local), local.metric)
        return self._measured(law, local, rows, metric)

    def _measured(self, law: FloatArray, local: Local, rows: slice, metric: int) -> FloatArray:
        """Return draws of laws, shape (targets, sizes, draws), with the noise of a measurement."""
        scale = local.scale(law, typical_se(self.drawn.curves, metric))
        return self._noisy(law, scale, self.drawn.keys[rows], metric)

    def _noisy(self, law: FloatArray, scale: FloatArray, keys: Sequence[str], metric: int) -> FloatArray:
        """Return draws of shape (targets, sizes, draws) with noise of a scale of that shape.

        One draw of the noise serves all sizes of a curve: each interval is about one measurement.
        """
        draws = self.drawn.draws
        name, count = draws.curves.names[metric], draws.count
        rngs = (keyed_rng(self.drawn.seed, "measurement", name, key) for key in keys)
        noise = np.array([rng.standard_t(draws.priors.degrees, size=count) for rng in rngs])
        return within(law + scale * noise[:, None], name)
