"""How the effects of curves depend on the other size: linear in its logarithm, or as a joint law says.

Along D_p every curve has one D_f. By default level, gain and shape are expected to be linear in log D_f, each
with a slope of its own. A joint law in D_p and D_f says more: curves of one task and mixture are slices of
one surface, and a single exponent says how they differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.laws.slices import additive_slice, multiplicative_slice
from bayesscale.metrics.curves import Curves
from bayesscale.metrics.design import Covariate
from bayesscale.models.distributions import Normal
from bayesscale.models.effects import Effects, with_slopes
from bayesscale.models.forms import SHARPNESS
from bayesscale.models.laws import POWER, SATURATING, Followed

LINEAR, MULTIPLICATIVE, ADDITIVE = "linear", "multiplicative", "additive"
SURFACES = (LINEAR, MULTIPLICATIVE, ADDITIVE)
"""Ways in which effects depend on the other size."""
RATE, PART = "joint_rate", "joint_part"
"""Variables of joint laws, one value a metric: exponent, and share of the floor that is the other size's."""
# Beside a joint law the effects have no slopes of their own: what is left is less than any data can see.
_NO_SLOPE = Normal(mean=0.0, sd=1e-3)
_SIZES = ("finetune_tokens", "pretrain_tokens")


def joined(followed: Followed, scores: int, losses: int) -> NDArray[np.float64]:
    """Return 1 for the metrics that can follow a joint law, shape (metrics,), scores first.

    The power law of losses can, and the saturating law, which is the power law of 1 / f.

    Parameters
    ----------
    followed : Followed
        The laws.
    scores, losses : int
        How many metrics there are of each.
    """
    own = [followed.score == SATURATING] * scores + [followed.loss == POWER] * losses
    return np.array(own, dtype=float)


def other_size(curves: Curves) -> Covariate | None:
    """Return the covariate of the size that is not along the curves; None where it does not vary."""
    return next((each for each in curves.covariates if each.name in _SIZES), None)


def scaled_size(curves: Curves) -> NDArray[np.float64]:
    """Return log10 of the other size of every curve, centred; zeros where it does not vary."""
    covariate = other_size(curves)
    return np.zeros(len(curves)) if covariate is None else covariate.values


@dataclass(frozen=True)
class Surface:
    """A joint law in both sizes, for the metrics that can follow it.

    Parameters
    ----------
    kind : str
        'multiplicative' or 'additive'.
    scores : int
        How many metrics are scores; these come first.
    on : array, shape (..., metrics)
        1 where the joint law holds, from `joined`.
    variables : dict of str to array, shape (..., metrics)
        `RATE`, for 'additive' also `PART`, and 'sharpness' if it is estimated.
    """

    kind: str
    scores: int
    on: Any
    variables: dict[str, Any]


def without_slopes(effects: Effects, on: NDArray[np.float64]) -> Effects:
    """Return effects whose slopes in the other size are nothing for metrics that follow a joint law.

    Parameters
    ----------
    effects : Effects
        The effects.
    on : array, shape (metrics,)
        From `joined`.
    """
    places = [int(column) for metric in np.flatnonzero(on) for column in effects.columns(int(metric))]
    return with_slopes(effects, places, _NO_SLOPE)


def on_surface(surface: Surface, expected: Any, scaled: Any, order: Effects, xp: Any = np) -> Any:
    """Return the effects that are expected of curves at their own other size, from those at a typical one.

    Parameters
    ----------
    surface : Surface
        The joint law.
    expected : array, shape (..., curves, effects)
        At the other size to which the covariate's zero belongs.
    scaled : array, shape (curves,)
        log10 of the other size, centred, as in `Covariate.values`.
    order : Effects
        Order of the effects.
    xp : module
        NumPy or `pytensor.tensor`.
    """
    count = len(order.names) // 3
    level, gain, shape = (expected[..., column] for column in order.columns(np.arange(count)))
    # A saturating score is the power law of 1 / f.
    sign = np.where(np.arange(count) < surface.scores, -1.0, 1.0)
    at = {name: values[..., None, :] for name, values in surface.variables.items()}
    reach = -np.log(10.0) * scaled[:, None] * at[RATE]
    sharpness = at.get(SHARPNESS, 1.0)
    before = (sign * level, gain, shape)
    moved = (
        multiplicative_slice(before, reach, sharpness, xp)
        if surface.kind == MULTIPLICATIVE
        else additive_slice(before, reach, at[PART], sharpness, xp)
    )
    held = surface.on[..., None, :] > 0
    parts = [xp.where(held, new, old) for new, old in zip(moved, before, strict=True)]
    pairs = xp.stack([sign * parts[0], parts[1]], axis=-1)
    whole = [expected.shape[place] for place in range(expected.ndim - 1)]
    return xp.concatenate([pairs.reshape((*whole, 2 * count)), parts[2]], axis=-1)
