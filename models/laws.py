"""Which law each metric follows, in models and in draws: losses one, scores one of two.

Isik et al. found that translation scores follow the log-law, which rises for ever. Scores of other curves
turn into a ceiling. What was measured often cannot tell the two apart where they agree, inside the data,
while they differ beyond: a fit therefore follows both, one after the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bayesscale.laws import LOG_LAW, Law, PowerLaw, SaturatingLaw

LOG, SATURATING = "log-law", "saturating-law"
SCORE_LAWS = (LOG, SATURATING)
"""Laws that scores may follow."""
CHOICES = ("stack", "log", "saturating", "paper")
"""Laws of a fit: both laws of scores; one of them; or the log-law with the power law of sharpness 1."""
# What stands in for a law that is not the one in force: any values that make no infinity.
_IDLE = 0.1


def law_of(score: bool, law: str, sharpness: Any = 1.0) -> Law:
    """Return the law of a score or of a loss.

    Parameters
    ----------
    score : bool
        Whether the metric is a score.
    law : str
        The law of scores, one of `SCORE_LAWS`.
    sharpness : array
        Sharpness of laws with a floor or a ceiling.
    """
    if not score:
        return PowerLaw(sharpness)
    return LOG_LAW if law == LOG else SaturatingLaw(sharpness)


def score_laws(choice: str, scores: bool) -> tuple[str, ...]:
    """Return the laws of scores that a choice of `CHOICES` fits one after the other.

    Parameters
    ----------
    choice : str
        The choice.
    scores : bool
        Whether there are any scores; without, there is nothing to choose.
    """
    if not scores or choice in ("log", "paper"):
        return (LOG,)
    return (SATURATING,) if choice == "saturating" else SCORE_LAWS


def either(saturating: Any, u: Any, effects: tuple[Any, Any, Any], sharpness: Any, xp: Any = np) -> Any:
    """Return scores under the law in force, without that of the other one in their gradient.

    Parameters
    ----------
    saturating : scalar tensor
        1 if the saturating law is in force, 0 if the log-law is.
    u : tensor
        Positions.
    effects : tuple of tensor
        Level, gain and shape.
    sharpness : tensor
        Sharpness of the saturating law.
    xp : module
        NumPy or `pytensor.tensor`.
    """
    level, gain, shape = effects
    on = saturating > 0
    bent = SaturatingLaw(sharpness).value(
        u, level, xp.where(on, gain, _IDLE), xp.where(on, shape, _IDLE), xp=xp
    )
    straight = LOG_LAW.value(u, level, xp.where(on, _IDLE, gain), xp.where(on, _IDLE, shape), xp=xp)
    return xp.where(on, bent, straight)
