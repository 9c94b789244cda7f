"""Slices of joint laws: the power law in one size that a joint law is where the other size is held.

At any D_f the joint laws are power laws in D_p with the same exponent. These functions say how level, gain
and shape of `bayesscale.laws.PowerLaw` go from one D_f to another. A gain that is not positive stays: where
pretraining does not help there is nothing for D_f to scale.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bayesscale.laws.power_law import PowerLaw

Effects = tuple[Any, Any, Any]
_STEEPEST, _LONGEST = 250.0, 500.0
# Smaller gains are as good as none.
_LEAST = 1e-6


def multiplicative_slice(effects: Effects, reach: Any, sharpness: Any = 1.0, xp: Any = np) -> Effects:
    """Return the power law of L^p = E^p + (A / (D_p^a D_f^b))^p at another D_f.

    With c = p a span and the share s = (exp(p gain) - 1) / (exp(c) - 1) of L1^p above the floor, the values
    (L / L1)^p at the two anchors are 1 + s (exp(K) - 1) and 1 + s (exp(c + K) - 1), K = p b log(D_f / other
    D_f); E and a stay. Source of the law: Zhang et al., arXiv 2402.17193, eq. 1, with p as in
    `bayesscale.laws.PowerLaw`.

    Parameters
    ----------
    effects : tuple of array
        Level, gain and shape at the first D_f.
    reach : array
        b log(D_f / other D_f): positive where the other D_f is smaller.
    sharpness : array
        p > 0.
    xp : module
        NumPy or `pytensor.tensor`.
    """
    _, share, c = _parts(effects, sharpness, xp)
    far = sharpness * xp.where(effects[1] > 0, reach, 0.0)
    high, low = share * xp.expm1(far), share * xp.expm1(xp.minimum(far + c, _LONGEST))
    return _moved(effects, xp.log1p(high), xp.log1p(low), c, sharpness, xp)


def additive_slice(effects: Effects, reach: Any, part: Any, sharpness: Any = 1.0, xp: Any = np) -> Effects:
    """Return the power law of L^p = E^p + (A / D_p^a)^p + (B / D_f^b)^p at another D_f.

    With c, s and K as in `multiplicative_slice`, `part` of the floor (1 - s) L1^p at the first D_f is what
    finetuning data lack: (L / L1)^p grows by part (1 - s) (exp(K) - 1) everywhere; A and a stay. Source of
    the law: Hoffmann et al., arXiv 2203.15556, eq. 2, with D_f for parameters.

    Parameters
    ----------
    effects : tuple of array
        Level, gain and shape at the first D_f.
    reach : array
        b log(D_f / other D_f).
    part : array
        Between 0 and 1.
    sharpness : array
        p > 0.
    xp : module
        NumPy or `pytensor.tensor`.
    """
    gain, share, c = _parts(effects, sharpness, xp)
    more = part * (1.0 - share) * xp.expm1(xp.minimum(sharpness * reach, _LONGEST))
    low = xp.log(xp.exp(sharpness * gain) + more)
    return _moved(effects, xp.log1p(more), low, c, sharpness, xp)


def _parts(effects: Effects, sharpness: Any, xp: Any) -> tuple[Any, Any, Any]:
    """Return the gain, if it is one, the share of L1^p above the floor, and c."""
    gain = xp.maximum(effects[1], _LEAST)
    c = xp.minimum(PowerLaw(sharpness).rate(gain, effects[2], xp), _STEEPEST)
    return gain, xp.expm1(sharpness * gain) / xp.expm1(c), c


def _moved(effects: Effects, high: Any, low: Any, c: Any, sharpness: Any, xp: Any) -> Effects:
    """Return effects whose (L / L1)^p has these logarithms at the upper and the lower anchor, and rate c."""
    level, gain, shape = effects
    new = xp.maximum((low - high) / sharpness, _LEAST)
    bent = PowerLaw(sharpness).shape_of(new, c, xp)
    return level + high / sharpness, xp.where(gain > 0, new, gain), xp.where(gain > 0, bent, shape)
