"""Breaks: a score leaves its law at some size and from there on rises less, stays, or falls.

With ramp = max(u - tau, 0), a broken score is f(u) + slope * f(1) * ramp and a broken loss
L(u) - slope * L(1) * ramp, f and L being the unbroken laws.
A break comes with a constant hazard per e-fold of data, and its slope from a normal distribution, mostly
below zero. Both its position and its slope are integrated out. The position by sums: every gap between
checkpoints is cut into stretches, and tau is in the middle of one of them or beyond the data. The slope
exactly, see `bayesscale.models.gaussian`: the noise is normal once the weights of its Student-t distribution
are known. The sampler sees neither; `bayesscale.inference.integrated` draws both afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import Curves
from bayesscale.models.layout import lay_out

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
CHOICES = ("scores", "all", "none")
# The gaps of a curve with more are not cut: the noise hides where in a gap the break is.
_FEW_GAPS = 10
_STRETCHES = 2


def usual_breaks(axis: str) -> str:
    """Return the choice of `CHOICES` for curves along `axis` where nobody made one.

    Scores break along D_p where the mixture is not aligned with the task (Isik et al., arXiv 2402.04177).
    Along D_f a model sees more of the task itself: scores that level off there are near their ceiling.
    """
    return "scores" if axis == "pretrain_tokens" else "none"


def breakable(curves: Curves, breaks: str) -> tuple[str, ...]:
    """Return the metrics that may break under a choice of `CHOICES`; the first ones of all metrics."""
    return {"none": (), "scores": curves.scores.metrics, "all": curves.names}[breaks]


@dataclass(frozen=True)
class BreakPlaces:
    """Where curves may break: T pairs of curve and metric, at most J stretches each.

    Parameters
    ----------
    metrics : tuple of str
        The metrics that may break.
    curve, metric : array of int, shape (T,)
        Position of the curve, and of the metric among all metrics; the pairs are the first of the `Layout`.
    position : array, shape (T, J)
        The u of the break; 0 where a curve has fewer stretches.
    behind : array of int, shape (T, J)
        Position among the pair's values of the first behind the break; 0 where there is no such stretch.
    start, stop : array, shape (T, J)
        Ends of the stretch in e-folds after the curve's first size; 0 and 1 where there is none.
    real : array of bool, shape (T, J)
        Whether there is such a stretch.
    first, last : array, shape (T,)
        First and last size, in tokens.
    """

    metrics: tuple[str, ...]
    curve: IntArray
    metric: IntArray
    position: FloatArray
    behind: IntArray
    start: FloatArray
    stop: FloatArray
    real: NDArray[np.bool_]
    first: FloatArray
    last: FloatArray

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
            "break_position": self.position,
            "break_behind": self.behind,
            "break_start": self.start,
            "break_stop": self.stop,
            "break_real": self.real.astype(float),
            "break_length": self.length,
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
    layout = lay_out(curves)
    chosen = np.flatnonzero(layout.metric < len(metrics))
    sizes = [layout.sizes(int(pair)) for pair in chosen]
    stretches = [_stretches(each, cuts) for each in sizes]
    shape = len(chosen), max(1, *(len(each) for each in stretches))
    start, stop, position = np.zeros(shape), np.ones(shape), np.zeros(shape)
    real, behind = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=np.int64)
    for t, (own, ends) in enumerate(zip(sizes, stretches, strict=True)):
        middle = ends.mean(axis=1)
        start[t, : len(ends)], stop[t, : len(ends)] = ends.T - np.log(own.min())
        position[t, : len(ends)] = curves.axis.u(np.exp(middle))
        behind[t, : len(ends)] = np.searchsorted(np.log(own), middle)
        real[t, : len(ends)] = True
    return BreakPlaces(
        metrics=metrics,
        curve=layout.curve[chosen],
        metric=layout.metric[chosen],
        position=position,
        behind=behind,
        start=start,
        stop=stop,
        real=real,
        first=np.array([own.min() for own in sizes]),
        last=np.array([own.max() for own in sizes]),
    )


def sums_behind(terms: Sequence[Any], behind: Any, xp: Any = np) -> list[Any]:
    """Return for every stretch the sum of each of some terms over the values behind it, shape (..., T, J).

    The values behind a break are the last of its pair, so that sums from the end hold what all breaks need.

    Parameters
    ----------
    terms : sequence of array, shape (..., T, N)
        Numbers to be summed, 0 where a pair has fewer values.
    behind : array of int, shape (T, J)
        See `BreakPlaces`.
    xp : module
        NumPy or `pytensor.tensor`.
    """
    tails = xp.cumsum(xp.stack(terms)[..., ::-1], axis=-1)[..., ::-1]
    pairs, count = behind.shape[0], terms[0].shape[-1]
    flat = tails.reshape((*tails.shape[:-2], pairs * count))
    chosen = flat[..., xp.arange(pairs)[:, None] * count + behind]
    return [chosen[i] for i in range(len(terms))]


def ramp_sums(
    linear: Sequence[Any], square: Any, u: Any, behind: Any, position: Any, xp: Any = np
) -> tuple[list[Any], Any]:
    """Return the sums of ``values * ramp`` of some values, and of ``values * ramp**2`` of one, (..., T, J).

    Parameters
    ----------
    linear : sequence of array, shape (..., T, N)
        Values that are multiplied by the ramp.
    square : array, shape (..., T, N)
        Values that are multiplied by its square.
    u : array, shape (T, N)
        Positions, ascending.
    behind, position : array, shape (T, J)
        See `BreakPlaces`.
    xp : module
        NumPy or `pytensor.tensor`.
    """
    terms = [term for values in (*linear, square) for term in (values, values * u)]
    *found, second = sums_behind([*terms, terms[-1] * u], behind, xp)
    ramped = [found[i + 1] - position * found[i] for i in range(0, len(found), 2)]
    zero, one = found[-2:]
    return ramped[:-1], second - 2.0 * position * one + position**2 * zero


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
