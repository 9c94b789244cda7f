"""Breaks: a score leaves its law at some size and from there on rises less, stays, or falls.

With ramp = max(u - tau, 0), a broken score is f(u) + slope * f(1) * ramp and a broken loss
L(u) - slope * L(1) * ramp, f and L being the unbroken laws.
A break comes with a constant hazard per e-fold of data, and its slope from a normal distribution, mostly
below zero. Both its position and its slope are integrated out. The position by sums: every gap between
checkpoints is cut into stretches, and tau is in the middle of one of them or beyond the data. The slope
exactly: the noise is normal once the weights of its Student-t distribution are known, and then the integral
has a closed form. The sampler sees neither; `bayesscale.inference.broken` draws both afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import Curves

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
CHOICES = ("scores", "all", "none")
# The gaps of a curve with more are not cut: the noise hides where in a gap the break is.
_FEW_GAPS = 10
_STRETCHES = 2


def breakable(curves: Curves, breaks: str) -> tuple[str, ...]:
    """Return the metrics that may break under a choice of `CHOICES`; the first ones of all metrics."""
    return {"none": (), "scores": curves.scores.metrics, "all": curves.names}[breaks]


@dataclass(frozen=True)
class BreakPlaces:
    """Where curves may break: T pairs of curve and metric, at most J stretches each, N observations of them.

    Parameters
    ----------
    metrics : tuple of str
        The metrics that may break.
    curve, metric : array of int, shape (T,)
        Position of the curve, and of the metric among all metrics.
    position : array, shape (T, J)
        The u of the break; 0 where a curve has fewer stretches.
    start, stop : array, shape (T, J)
        Ends of the stretch in e-folds after the curve's first size; 0 and 1 where there is none.
    real : array of bool, shape (T, J)
        Whether there is such a stretch.
    first, last : array, shape (T,)
        First and last size, in tokens.
    owner : array of int, shape (N,)
        The pair to which each observation belongs; the N are the first of all observations.
    pair_row, pair_place : array of int, shape (R,)
        An observation behind a possible break, and the stretch by its position in the flattened (T, J).
    ramp : array, shape (R,)
        How far behind, in u.
    """

    metrics: tuple[str, ...]
    curve: IntArray
    metric: IntArray
    position: FloatArray
    start: FloatArray
    stop: FloatArray
    real: NDArray[np.bool_]
    first: FloatArray
    last: FloatArray
    owner: IntArray
    pair_row: IntArray
    pair_place: IntArray
    ramp: FloatArray

    @property
    def length(self) -> FloatArray:
        """E-folds from the first to the last size, shape (T,)."""
        return np.log(self.last / self.first)

    @property
    def sign(self) -> FloatArray:
        """1 for scores and -1 for losses, for which worse is up, shape (T,)."""
        return np.array([sign_of(self.metrics[metric]) for metric in self.metric])

    def data(self) -> dict[str, Any]:
        """Return the arrays that the model is given as data, by name."""
        return {
            "break_index": np.column_stack([self.curve, self.metric]),
            "break_start": self.start,
            "break_stop": self.stop,
            "break_real": self.real.astype(float),
            "break_length": self.length,
            "break_owner": self.owner,
            "break_pair": np.column_stack([self.pair_row, self.pair_place]),
            "break_ramp": self.ramp,
        }


def break_places(curves: Curves, metrics: tuple[str, ...], cuts: int | None = None) -> BreakPlaces:
    """Return where the curves may break.

    Parameters
    ----------
    curves : Curves
        The data.
    metrics : tuple of str
        The metrics that may break, the first of `curves.names`.
    cuts : int, optional
        Stretches of each gap. Default: 2 on short curves, else 1, which is what the sampler works with.
    """
    blocks = [(0, curves.scores), (len(curves.scores.metrics), curves.losses)]
    chosen = [(first, rows) for first, rows in blocks if set(rows.metrics) & set(metrics)]
    pair = np.concatenate([rows.unit * len(curves.names) + rows.metric + first for first, rows in chosen])
    size = np.concatenate([rows.size for _, rows in chosen])
    pairs, owner = np.unique(pair, return_inverse=True)
    sizes = [size[owner == t] for t in range(len(pairs))]
    stretches = [_stretches(each, cuts) for each in sizes]
    shape = len(pairs), max(1, *(len(each) for each in stretches))
    start, stop, position, real = (
        np.zeros(shape),
        np.ones(shape),
        np.zeros(shape),
        np.zeros(shape, dtype=bool),
    )
    for t, (own, ends) in enumerate(zip(sizes, stretches, strict=True)):
        start[t, : len(ends)], stop[t, : len(ends)] = ends.T - np.log(own.min())
        position[t, : len(ends)] = curves.axis.u(np.exp(ends.mean(axis=1)))
        real[t, : len(ends)] = True
    behind = curves.axis.u(size)[:, None] - position[owner]
    row, place = np.nonzero((behind > 0) & real[owner])
    return BreakPlaces(
        metrics=metrics,
        curve=pairs // len(curves.names),
        metric=pairs % len(curves.names),
        position=position,
        start=start,
        stop=stop,
        real=real,
        first=np.array([own.min() for own in sizes]),
        last=np.array([own.max() for own in sizes]),
        owner=owner,
        pair_row=row,
        pair_place=owner[row] * shape[1] + place,
        ramp=behind[row, place],
    )


def _stretches(size: FloatArray, cuts: int | None) -> FloatArray:
    """Return the logarithms of both ends of every stretch between the sizes, shape (stretches, 2)."""
    ends = np.unique(np.log(size))
    gaps = len(ends) - 1
    cuts = cuts or (_STRETCHES if gaps <= _FEW_GAPS else 1)
    if gaps:
        ends = np.interp(np.arange(gaps * cuts + 1) / cuts, np.arange(gaps + 1), ends)
    return np.column_stack([ends[:-1], ends[1:]])


def sign_of(metric: str) -> float:
    """Return 1 for a score and -1 for a loss, for which worse is up."""
    return 1.0 if CATALOGUE[metric].improves == "up" else -1.0


def with_break(value: Any, metric: str, level: Any, slope: Any, beyond: Any) -> Any:
    """Return the value of a law that broke.

    Parameters
    ----------
    value : array
        Value of the unbroken law.
    metric : str
        Name of the metric.
    level : array
        Log value of the unbroken law at the upper anchor.
    slope : array
        Slope change in shares of that value per unit of u; negative is for the worse.
    beyond : array
        u minus that of the break.
    """
    return value + sign_of(metric) * np.exp(level) * slope * np.maximum(beyond, 0.0)


def log_states(log_hazard: Any, start: Any, stop: Any, length: Any, xp: Any = np) -> tuple[Any, Any]:
    """Return log P(break in a stretch), shape (..., T, J), and log P(none by the last size), shape (..., T).

    Parameters
    ----------
    log_hazard : array, shape (..., T)
        Log of the breaks per e-fold.
    start, stop : array, shape (T, J)
        Ends of the stretches in e-folds after the first size.
    length : array, shape (T,)
        E-folds from the first to the last size.
    xp : module
        NumPy or `pytensor.tensor`.
    """
    hazard = xp.exp(log_hazard)
    each = hazard[..., None]
    return -each * start + xp.log(-xp.expm1(-each * (stop - start))), -hazard * length


def log_ratio(first: Any, second: Any, mean: Any, sd: Any, xp: Any = np) -> Any:
    """Return log p(values | break) - log p(values | none) with the slope integrated out.

    With residuals r of the unbroken law, weights w = 1 / variance, b the effect of a unit slope and the
    slope from Normal(mean, sd): the integral over the slope of prod N(r; slope b, 1 / w) / N(r; 0, 1 / w).

    Parameters
    ----------
    first, second : array
        Sums over the values behind the break of w r b and of w b^2.
    mean, sd : array
        Prior of the slope.
    xp : module
        NumPy or `pytensor.tensor`.
    """
    precision = second + sd**-2.0
    return 0.5 * ((first + mean / sd**2) ** 2 / precision - (mean / sd) ** 2 - xp.log(sd**2 * precision))
