"""Pairs of mixtures and of checkpoints, and whether a loss and a score agree on which of a pair is better."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.metrics.curves import Curves
from bayesscale.posterior.curves import Targets
from bayesscale.posterior.predictive import Predictive
from bayesscale.questions.select import answer_columns, last_sizes

FloatArray = NDArray[np.float64]

MIXTURES, CHECKPOINTS = "mixtures", "checkpoints"

KINDS = (MIXTURES, CHECKPOINTS)

PROBABILITIES = ("p_conflict", "p_a_better_loss", "p_a_better_score")

REGRET = ("regret", "regret_lower", "regret_upper")


@dataclass(frozen=True)
class Point:
    """A size on a curve: which of the targets, and the size in tokens."""

    target: int
    size: float


@dataclass(frozen=True)
class Pair:
    """Two points that a user may have to choose between, and whether they differ in mixture or checkpoint."""

    by: str
    a: Point
    b: Point


def cell_columns(curves: Curves) -> list[str]:
    """Return the columns in which two mixtures must agree to be compared: all that name a curve but one."""
    return [name for name in answer_columns(curves) if name != "mixture"]


def measured_sizes(curves: Curves, targets: Targets, metrics: Sequence[int]) -> list[FloatArray]:
    """Return the sizes at which any of some metrics was measured on each target, sorted.

    Parameters
    ----------
    curves : Curves
        The measured curves.
    targets : Targets
        The curves asked for; one that was not measured has no sizes.
    metrics : sequence of int
        Positions of the metrics.
    """
    units, sizes = [], []
    for rows, first in ((curves.scores, 0), (curves.losses, len(curves.scores.metrics))):
        own = np.isin(rows.metric + first, metrics)
        units.append(rows.unit[own])
        sizes.append(rows.size[own])
    unit, size = np.concatenate(units), np.concatenate(sizes)
    return [np.unique(size[unit == place]) for place in targets.position]


def pairs_of(
    curves: Curves, targets: Targets, metrics: Sequence[int], kinds: Sequence[str], size: float | None
) -> list[Pair]:
    """Return the pairs to be compared.

    Parameters
    ----------
    curves : Curves
        The measured curves.
    targets : Targets
        The curves asked for.
    metrics : sequence of int
        Positions of the score and the loss.
    kinds : sequence of str
        Of `KINDS`.
    size : float or None
        Where mixtures are compared; None: at the last size that both were measured up to.
    """
    found: list[Pair] = []
    if MIXTURES in kinds:
        found += _mixture_pairs(curves, targets, _last(curves, targets, metrics), size)
    if CHECKPOINTS in kinds:
        for target, sizes in enumerate(measured_sizes(curves, targets, metrics)):
            # The later one first: it is what a falling loss prefers.
            steps = [(Point(target, float(b)), Point(target, float(a))) for a, b in pairwise(sizes)]
            found += [Pair(CHECKPOINTS, later, earlier) for later, earlier in steps]
    return found


def _mixture_pairs(curves: Curves, targets: Targets, last: FloatArray, size: float | None) -> Iterator[Pair]:
    """Yield the pairs of curves that differ in nothing but the mixture."""
    cells = targets.table.groupby(cell_columns(curves), sort=False, dropna=False).indices.values()
    for members in cells:
        for a, b in combinations(map(int, members), 2):
            at = min(last[a], last[b]) if size is None else size
            yield Pair(MIXTURES, Point(a, float(at)), Point(b, float(at)))


def _last(curves: Curves, targets: Targets, metrics: Sequence[int]) -> FloatArray:
    """Return the size up to which all of some metrics are known on each target; else of its task."""
    last = last_sizes(curves)[:, list(metrics)].min(axis=1)
    of_task = pd.Series(last).groupby(curves.table["task"].to_numpy()).max()
    own_task = of_task.reindex(targets.table["task"]).to_numpy(float)
    return np.where(targets.measured, last[targets.position], own_task)


def _by_target(points: Sequence[Point]) -> dict[int, list[float]]:
    """Return the sizes of points by their targets, each once."""
    sizes: dict[int, list[float]] = {}
    for point in dict.fromkeys(points):
        sizes.setdefault(point.target, []).append(point.size)
    return sizes


def laws_at(predictive: Predictive, points: Sequence[Point], metric: int) -> dict[Point, FloatArray]:
    """Return draws of a metric's laws at points, each of shape (draws,).

    Parameters
    ----------
    predictive : Predictive
        The curves.
    points : sequence of Point
        May repeat.
    metric : int
        Position of the metric.
    """
    found: dict[Point, FloatArray] = {}
    for target, own in _by_target(points).items():
        law = predictive.law(np.array([own]), metric, slice(target, target + 1))[0]
        found |= {Point(target, size): draws for size, draws in zip(own, law, strict=True)}
    return found


@dataclass(frozen=True)
class Compared:
    """What the draws say of a pair; A is the one that the loss prefers.

    Parameters
    ----------
    pair : Pair
        The two.
    p_conflict : float
        P(score and loss disagree on which is better).
    p_a_better_loss, p_a_better_score : float
        P(A has the lower loss), P(A has the higher score).
    regret : tuple of float
        Score lost by choosing with the loss: mean and equal-tailed interval.
    """

    pair: Pair
    p_conflict: float
    p_a_better_loss: float
    p_a_better_score: float
    regret: tuple[float, float, float]


def compare(pair: Pair, score: FloatArray, loss: FloatArray, prob: float) -> Compared:
    """Return what draws say of a pair.

    Parameters
    ----------
    pair : Pair
        The two.
    score, loss : array, shape (draws,)
        Draws of A minus B.
    prob : float
        Probability of the interval.
    """
    a_lower, b_lower = float(np.mean(loss < 0)), float(np.mean(loss > 0))
    if b_lower > a_lower:
        return compare(replace(pair, a=pair.b, b=pair.a), -score, -loss, prob)
    # Better in one and worse in the other: both differences have the same sign, as a lower loss is better.
    conflict = np.sign(score) * np.sign(loss) > 0
    lost = np.where(conflict, np.abs(score), 0.0)
    tail = (1 - prob) / 2
    lower, upper = np.quantile(lost, [tail, 1 - tail])
    return Compared(
        pair,
        float(conflict.mean()),
        a_lower,
        float(np.mean(score > 0)),
        (float(lost.mean()), float(lower), float(upper)),
    )


def broken_at(predictive: Predictive, points: Sequence[Point], metric: int) -> dict[Point, float]:
    """Return the probability that a metric's law broke before each point; NaN where it cannot.

    Parameters
    ----------
    predictive : Predictive
        The curves.
    points : sequence of Point
        May repeat.
    metric : int
        Position of the metric.
    """
    axis = predictive.drawn.curves.axis
    found: dict[Point, float] = {}
    for target, own in _by_target(points).items():
        u = axis.u(np.array([own]))
        broken = predictive.drawn.local(slice(target, target + 1), metric).broken(u)
        share = np.full(len(own), np.nan) if broken is None else broken[0].mean(axis=-1)
        found |= {Point(target, size): p for size, p in zip(own, share.tolist(), strict=True)}
    return found


def pair_table(
    curves: Curves,
    targets: Targets,
    metrics: tuple[int, int],
    found: Sequence[Compared],
    broken: Mapping[Point, float],
) -> pd.DataFrame:
    """Return a row a pair, see `Conflict.frame`.

    Parameters
    ----------
    curves : Curves
        The measured curves.
    targets : Targets
        The curves asked for.
    metrics : tuple of int
        Positions of score and loss.
    found : sequence of Compared
        What the draws say of each pair.
    broken : mapping of Point to float
        P(the score's law broke before it), of both points of every pair.
    """
    names = cell_columns(curves)
    rows = []
    for one in found:
        a, b = one.pair.a, one.pair.b
        of_a, of_b = (targets.table.iloc[point.target] for point in (a, b))
        rows.append(
            {"by": one.pair.by, **{name: of_a[name] for name in names}}
            | {"mixture_a": of_a.get("mixture", "all"), "mixture_b": of_b.get("mixture", "all")}
            | {f"{curves.axis_name}_a": a.size, f"{curves.axis_name}_b": b.size}
            | {"metric": curves.names[metrics[0]], "loss": curves.names[metrics[1]]}
            | {name: getattr(one, name) for name in PROBABILITIES}
            | dict(zip(REGRET, one.regret, strict=True))
            | {"p_a_break": broken[a]}
            | {"measured": bool(targets.measured[[a.target, b.target]].all())}
        )
    return pd.DataFrame(rows)
