"""How often the laws of a population break, and what alignment has to do with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayesscale.questions.population import interval

if TYPE_CHECKING:
    from bayesscale.inference import Fit

FloatArray = NDArray[np.float64]


def hazard(fit: Fit, place: int) -> FloatArray:
    """Return draws of the breaks per factor of ten of data, of a typical curve.

    Parameters
    ----------
    fit : Fit
        A fit with breaks.
    place : int
        Position of the metric among those that may break.
    """
    return np.asarray(np.log(10.0) * np.exp(fit.draws("break_log_hazard")[:, place]))


def hazard_sentences(fit: Fit, prob: float) -> list[str]:
    """Return one sentence a metric on how often its laws break, and one on alignment where it varies."""
    lines = []
    for place, name in enumerate(fit.posterior.breakable):
        median, lower, upper = interval(hazard(fit, place), prob)
        lines.append(
            f"population: {name} of a typical curve breaks {median:.2g} times a factor of ten of data "
            f"({lower:.2g} to {upper:.2g})"
        )
        if fit.has("break_alignment"):
            trend = fit.draws("break_alignment")[:, place]
            median, lower, upper = interval(np.exp(trend), prob)
            lines.append(
                f"alignment 1 instead of 0 multiplies that by {median:.2g} ({lower:.2g} to {upper:.2g}); "
                f"P(alignment makes breaks rarer) {(trend < 0).mean():.2g}"
            )
    return lines
