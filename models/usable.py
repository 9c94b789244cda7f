"""Whether laws can take the values of a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bayesscale.errors import DataError, UsageError, valid_names
from bayesscale.metrics.curves import SIZES, Curves
from bayesscale.models.forms import known_fields
from bayesscale.models.laws import Followed
from bayesscale.models.priors import Priors
from bayesscale.models.surface import LINEAR, SURFACES, joined, other_size


def check_values(curves: Curves, followed: Sequence[Followed], priors: Priors) -> None:
    """Refuse laws that cannot come near the values that they are to follow.

    Parameters
    ----------
    curves : Curves
        The data.
    followed : sequence of Followed
        The laws.
    priors : Priors
        What guessing scores.

    Raises
    ------
    DataError
        With every problem found.
    """
    problems: list[str] = []
    for form in dict.fromkeys(each.of(score) for each in followed for score in (True, False)):
        rows = curves.scores if form.law.improves == "up" else curves.losses
        known = known_fields(form, rows.metrics, priors, curves.axis.span)
        for place, name in enumerate(rows.metrics):
            largest = float(rows.value[rows.metric == place].max())
            if "guess" in known:
                problems += _guess(form.option, name, float(known["guess"][place]), largest)
            if "chance" in known:
                problems += _chance(name, float(known["chance"][place]), largest)
    if problems:
        raise DataError(
            "\n".join(["laws that cannot take these values:", *(f"  {each}" for each in problems)])
        )


def _chance(name: str, chance: float, largest: float) -> list[str]:
    """Return what is wrong with what guessing scores."""
    if largest > chance:
        return []
    return [f"no value of {name} is above what guessing scores, {chance:g}; the largest is {largest:g}"]


def _guess(option: str, name: str, guess: float, largest: float) -> list[str]:
    """Return what is wrong with the loss of guessing."""
    remedy = f"set it in the priors: [guess] {name} = ..., such as the logarithm of the vocabulary"
    if not np.isfinite(guess):
        return [f"{option} needs the {name} of guessing, which is not known; {remedy}"]
    if largest > guess:
        return [
            f"{option} holds {name} below that of guessing, {guess:g}; the largest is {largest:g}; {remedy}"
        ]
    return []


def check_joint(curves: Curves, followed: Sequence[Followed], joint: str) -> None:
    """Refuse a joint law where there is nothing that it could join.

    Parameters
    ----------
    curves : Curves
        The data.
    followed : sequence of Followed
        The laws.
    joint : str
        One of `bayesscale.models.surface.SURFACES`.

    Raises
    ------
    UsageError
        There is no such joint law.
    DataError
        The other size does not vary, or no metric follows a law that is part of a joint one.
    """
    if joint not in SURFACES:
        raise UsageError(f"the joint law is unknown; received {joint!r}; {valid_names(joint, SURFACES)}")
    if joint == LINEAR:
        return
    other = SIZES[curves.axis_name]
    if other_size(curves) is None:
        raise DataError(
            f"a joint law needs curves of several {other}; received one; leave out --joint {joint}"
        )
    counts = len(curves.scores.metrics), len(curves.losses.metrics)
    if not any(joined(each, *counts).any() for each in followed):
        raise DataError(
            f"the joint law {joint} is made of power laws (--loss-law power) and of saturating laws, the "
            "power laws of 1 / score (--law saturating); no metric of this fit follows one"
        )
