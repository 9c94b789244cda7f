"""Sizes of Metropolis steps and trajectories, and how they adapt during warm-up, compiled."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesscale.models.assembly import Assembly
from bayesscale.particles.compiled import compiled
from bayesscale.particles.places import LAW_COUNT, MIXED

_TARGET, _TARGET_OF_TRAJECTORIES = 0.44, 0.7
_FIRST, _REMEMBERED = 0.3, 0.04


class Steps(NamedTuple):
    """Logarithms of the sizes of steps, by what they change; named as in `Population` where they can be.

    Parameters
    ----------
    rate : array, shape (1,)
        How fast they adapt; 0 after warm-up.
    group_scale : array, shape (F, E)
        Of a factor's spread and the effects of its levels together.
    shift, stretch : array, shape (E,)
        Of means and spreads of levels and gains, with the curves that are left open.
    mixed : array, shape (M,)
        Of trajectories of a metric's population.
    width : array, shape (M, P, 3), P being MIXED + 2 (Q - 1)
        What its parameters range over, see `learn`; no logarithms.
    curvature, frame : array, shape (M, P, P)
        Mean of its curvature, and axes in which it is about round, see `bayesscale.particles.frame`.
    joint : array, shape (M,)
        Of trajectories of means and spreads with the curves.
    reach : array, shape (M, 2 (4 + K), 3)
        As `width`, of these means, then log spreads.
    glide : array, shape (C, M)
        Of trajectories of single curves.
    """

    rate: NDArray[np.float64]
    group_sd: NDArray[np.float64]
    group_scale: NDArray[np.float64]
    sd: NDArray[np.float64]
    partial: NDArray[np.float64]
    shift: NDArray[np.float64]
    stretch: NDArray[np.float64]
    cell: NDArray[np.float64]
    cell_sd: NDArray[np.float64]
    mixed: NDArray[np.float64]
    glide: NDArray[np.float64]
    joint: NDArray[np.float64]
    reach: NDArray[np.float64]
    width: NDArray[np.float64]
    curvature: NDArray[np.float64]
    frame: NDArray[np.float64]


def first_steps(data: Assembly) -> Steps:
    """Return the sizes of steps with which warm-up begins."""
    metrics, effects = len(data.sign), len(data.sd_prior)
    factors, cells = len(data.group_prior), len(data.cell_count)
    shapes: dict[str, tuple[int, ...]] = {
        "group_sd": (factors, effects), "group_scale": (factors, effects), "sd": (effects,),
        "partial": (len(data.partial),), "shift": (effects,), "stretch": (effects,),
        "cell": (cells, metrics), "cell_sd": (metrics,), "mixed": (metrics,),
        "glide": data.count.shape, "joint": (metrics,),
    }  # fmt: skip
    sizes = {name: np.full(shape, math.log(_FIRST)) for name, shape in shapes.items()}
    ranges, mixed = np.array([0.1, np.nan, 0.01]), MIXED + 2 * (len(data.group) - 1)
    return Steps(
        np.array([_FIRST]), **sizes, reach=np.tile(ranges, (metrics, 2 * (4 + LAW_COUNT), 1)),
        width=np.tile(ranges, (metrics, mixed, 1)), curvature=np.zeros((metrics, mixed, mixed)),
        frame=np.tile(0.1 * np.eye(mixed), (metrics, 1, 1)),
    )  # fmt: skip


@compiled
def learn(value: Any, least: Any, known: Any) -> None:
    """Learn the sd of a parameter from where it is, sweep by sweep; it is at least `least`.

    Changed is `known`: sd, mean, mean squared distance from the mean.
    """
    if math.isnan(known[1]):
        known[1] = value
    off = value - known[1]
    known[1] += _REMEMBERED * off
    known[2] += _REMEMBERED * (off * off - known[2])
    known[0] = max(math.sqrt(known[2]), least)


@compiled
def taken(change: Any, target: Any, steps: Any, place: Any, rate: Any) -> bool:
    """Return whether a proposal is taken, and adapt the size of its kind to an acceptance rate."""
    probability = math.exp(min(change, 0.0)) if not math.isnan(change) else 0.0
    steps[place] += rate * (probability - target)
    return np.random.random() < probability


@compiled
def accept(change: Any, steps: Any, place: Any, rate: Any) -> bool:
    """Return whether a step of one parameter is taken."""
    return taken(change, _TARGET, steps, place, rate)


@compiled
def arrive(change: Any, steps: Any, place: Any, rate: Any) -> bool:
    """Return whether the end of a trajectory is taken."""
    return taken(change, _TARGET_OF_TRAJECTORIES, steps, place, rate)


@compiled
def log_spread(log_sd: Any, prior: Any) -> float:
    """Return the log density of the logarithm of a spread under its log-normal prior."""
    off = (log_sd - prior[0]) / prior[1]
    return -0.5 * off * off
