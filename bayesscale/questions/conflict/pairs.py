"""Pairs of mixtures and of checkpoints, and whether a loss and a score agree on which of a pair is better."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.metrics.curves import Curves
from bayesscale.posterior.curves import Targets
from bayesscale.posterior.predictive import Predictive
from bayesscale.questions.select import answer_columns, last_of_targets, sizes_on

FloatArray = NDArray[np.float64]
MIXTURES, CHECKPOINTS = "mixtures", "checkpoints"
KINDS = (MIXTURES, CHECKPOINTS)
Point = tuple[int, float]
"""A size on a curve: which of the targets, and the size in tokens."""
Pair = tuple[str, Point, Point]
"""One of `KINDS`, and two points that a user may have to choose between."""


def cell_columns(curves: Curves) -> list[str]:
    """Return the columns in which two mixtures must agree to be compared: all that name a curve but one."""
    return [name for name in answer_columns(curves) if name != "mixture"]


def pairs_of(
    curves: Curves, targets: Targets, metrics: Sequence[int], kinds: Sequence[str], size: float | None
) -> Iterator[Pair]:
    """Yield pairs of mixtures at a size, by default the last that both reach, and of checkpoints."""
    if MIXTURES in kinds:
        last = last_of_targets(curves, targets)[:, list(metrics)].min(axis=1)
        cells = targets.table.groupby(cell_columns(curves), sort=False, dropna=False).indices.values()
        for a, b in (pair for members in cells for pair in combinations(map(int, members), 2)):
            at = float(min(last[a], last[b]) if size is None else size)
            yield MIXTURES, (a, at), (b, at)
    if CHECKPOINTS in kinds:
        for target, position in enumerate(targets.position):
            # The later one first: it is what a falling loss prefers.
            for earlier, later in pairwise(sizes_on(curves, position, metrics).tolist()):
                yield CHECKPOINTS, (target, later), (target, earlier)


def at_points(predictive: Predictive, points: Sequence[Point], metric: int) -> dict[Point, FloatArray]:
    """Return draws of a metric's laws at points, each of shape (draws,)."""
    found: dict[Point, FloatArray] = {}
    for target, own in _by_target(points):
        law = predictive.law(np.array([own]), metric, slice(target, target + 1))[0]
        found |= {(target, size): draws for size, draws in zip(own, law, strict=True)}
    return found


def broken_at(predictive: Predictive, points: Sequence[Point], metric: int) -> dict[Point, float]:
    """Return the probability that a metric's law broke before each point; NaN where it cannot."""
    found: dict[Point, float] = {}
    for target, own in _by_target(points):
        u = predictive.drawn.curves.axis.u(np.array([own]))
        broken = predictive.drawn.local(slice(target, target + 1), metric).broken(u)
        share = np.full(len(own), np.nan) if broken is None else broken[0].mean(axis=-1)
        found |= {(target, size): p for size, p in zip(own, share.tolist(), strict=True)}
    return found


def _by_target(points: Sequence[Point]) -> list[tuple[int, list[float]]]:
    """Return each target of some points with its sizes, each once."""
    sizes: dict[int, list[float]] = {}
    for target, size in dict.fromkeys(points):
        sizes.setdefault(target, []).append(size)
    return list(sizes.items())


def compare(pair: Pair, score: FloatArray, loss: FloatArray, prob: float) -> tuple[Pair, dict[str, Any]]:
    """Return a pair with the point first that the loss prefers, and what draws of A minus B say of it."""
    a_lower, b_lower = float(np.mean(loss < 0)), float(np.mean(loss > 0))
    if b_lower > a_lower:
        kind, a, b = pair
        return compare((kind, b, a), -score, -loss, prob)
    # Better in one and worse in the other: both differences have the same sign, as a lower loss is better.
    conflict = np.sign(score) * np.sign(loss) > 0
    lost = np.where(conflict, np.abs(score), 0.0)
    tail = (1 - prob) / 2
    lower, upper = np.quantile(lost, [tail, 1 - tail])
    return pair, {
        "p_conflict": float(conflict.mean()),
        "p_a_better_loss": a_lower,
        "p_a_better_score": float(np.mean(score > 0)),
        "regret": float(lost.mean()),
        "regret_lower": float(lower),
        "regret_upper": float(upper),
    }
