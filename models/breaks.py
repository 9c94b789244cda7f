"""Breaks: a score leaves its law at some size and from there on rises less, stays, or falls.

With ramp = max(u - tau, 0), a broken score is f(u) + slope * f(1) * ramp and a broken loss
L(u) - slope * L(1) * ramp, f and L being the unbroken laws. A break comes with a constant hazard per e-fold
of data after the curve's first size, and its slope from a normal distribution, mostly below zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import Curves

CHOICES = ("scores", "all", "none")


def usual_breaks(axis: str) -> str:
    """Return the choice of `CHOICES` for curves along `axis` where nobody made one.

    Scores break along D_p where the mixture is not aligned with the task (Isik et al., arXiv 2402.04177).
    Along D_f a model sees more of the task itself: scores that level off there are near their ceiling.
    """
    return "scores" if axis == "pretrain_tokens" else "none"


def breakable(curves: Curves, breaks: str) -> tuple[str, ...]:
    """Return the metrics that may break under a choice of `CHOICES`; the first ones of all metrics."""
    return {"none": (), "scores": curves.scores.metrics, "all": curves.names}[breaks]


def sign_of(metric: str) -> float:
    """Return 1 for a score and -1 for a loss, for which worse is up."""
    return 1.0 if CATALOGUE[metric].improves == "up" else -1.0


def with_break(value: Any, sign: Any, level: Any, slope: Any, beyond: Any, xp: Any = np) -> Any:
    """Return the value of a law that broke, `beyond` its break in u.

    `sign` is from `sign_of`, `level` the log value of the unbroken law at the upper anchor. `slope` is the
    change in shares of that value per unit of u; negative is for the worse. `xp` is NumPy or
    `pytensor.tensor`.
    """
    return value + sign * xp.exp(level) * slope * xp.maximum(beyond, 0.0)
