"""Sizes of Metropolis steps and trajectories, and how they adapt during warm-up, compiled."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesscale.models.assembly import Assembly
from bayesscale.particles.compiled import compiled
from bayesscale.particles.state import LAW_COUNT

_TARGET, _TARGET_OF_TRAJECTORIES = 0.44, 0.7
_FIRST = 0.3


class Steps(NamedTuple):
    """Logarithms of the sizes of steps, by what they change; named as in `Population` where they can be.

    Parameters
    ----------
    rate : array, shape (1,)
        How fast they adapt; 0 after warm-up.
    group_scale : array, shape (F, E)
        Of a factor's spread and the effects of its levels together.
    mixed : array, shape (M, K)
        Of the shapes of laws, with the laws of the curves summed over.
    glide : array, shape (C, M)
        Of trajectories of single curves.
    joint : array, shape (M,)
        Of trajectories of what the curves of a metric have in common.
    width : array, shape (M, 2, 10)
        Conditional sds of means and log spreads on these trajectories; no logarithms.
    """

    rate: NDArray[np.float64]
    group_sd: NDArray[np.float64]
    group_scale: NDArray[np.float64]
    sd: NDArray[np.float64]
    partial: NDArray[np.float64]
    pooled_sd: NDArray[np.float64]
    shape_sd: NDArray[np.float64]
    log_hazard: NDArray[np.float64]
    hazard_alignment: NDArray[np.float64]
    fall: NDArray[np.float64]
    cell: NDArray[np.float64]
    cell_sd: NDArray[np.float64]
    mixed: NDArray[np.float64]
    glide: NDArray[np.float64]
    joint: NDArray[np.float64]
    width: NDArray[np.float64]


def first_steps(data: Assembly) -> Steps:
    """Return the sizes of steps with which warm-up begins."""
    metrics, effects = len(data.sign), len(data.sd_prior)
    factors, cells = len(data.group_prior), len(data.cell_count)
    shapes: dict[str, tuple[int, ...]] = {
        "group_sd": (factors, effects), "group_scale": (factors, effects), "sd": (effects,),
        "partial": (len(data.partial),), "pooled_sd": (4, metrics), "shape_sd": (metrics, LAW_COUNT),
        "log_hazard": (metrics,), "hazard_alignment": (metrics,), "fall": (metrics,),
        "cell": (cells, metrics), "cell_sd": (metrics,), "mixed": (metrics, LAW_COUNT),
        "glide": data.count.shape, "joint": (metrics,),
    }  # fmt: skip
    sizes = {name: np.full(shape, math.log(_FIRST)) for name, shape in shapes.items()}
    return Steps(np.array([_FIRST]), **sizes, width=np.ones((metrics, 2, 6 + LAW_COUNT)))


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
