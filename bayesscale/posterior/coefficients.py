"""The coefficients that papers print, of every curve, in the draws that follow their law."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayesscale.laws import LAWS
from bayesscale.posterior.draws import FOLLOWED, Draws

FloatArray = NDArray[np.float64]


def coefficients(draws: Draws, law: str) -> dict[str, FloatArray]:
    """Return the coefficients of one law, each of shape (draws, curves, metrics); NaN in draws of other laws.

    The metrics are `draws.followers(law)`.
    """
    own = list(draws.followers(law))
    level, gain, shape = (draws[name][..., own].astype(np.float64) for name in ("level", "gain", "shape"))
    sharpness = np.exp(draws["sharpness"][..., own].astype(np.float64)) if "sharpness" in draws else 1.0
    follows = draws[FOLLOWED][..., own] == draws.laws.index(law)
    # In the draws of other laws the parameters need not make sense.
    with np.errstate(all="ignore"):
        found = LAWS[law].coefficients(level, gain, shape, draws.curves.axis, sharpness)
    return {name: np.where(follows, values, np.nan) for name, values in found.items()}
