"""How each law is fitted: its name on the command line, its prior, and parameters beyond its three effects.

What distinguishes a law from others with the same level, gain and shape (a sharpness, the place of a bend) is
one number a metric, which all curves have in common. Some of it is known beforehand, such as what guessing
scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from bayesscale.laws import LOG_LAW, POWER_LAW, SATURATING_LAW, Law
from bayesscale.laws.chance import ChanceLaw
from bayesscale.laws.exponential import EXPONENTIAL_LAW
from bayesscale.laws.m4 import M4Law
from bayesscale.laws.rising import RISING_POWER_LAW
from bayesscale.laws.shifted import ShiftedPowerLaw
from bayesscale.laws.smooth_break import SmoothBreakLaw
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import Curves
from bayesscale.models.law_priors import EffectPrior
from bayesscale.models.priors import Priors

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Form:
    """How a law is fitted.

    Parameters
    ----------
    law : Law
        The law, its fields with plain values.
    option : str
        Its name on the command line.
    shape : str
        Where `Priors` has the prior of its shape, a dotted name.
    per_efold : bool
        Whether that prior is of a rate per e-fold, so that the length of the axis is added to it.
    drawn : tuple of str
        Fields of the law that are sampled, one a metric; `Priors` has a prior of the same name for each.
    known : tuple of str
        Fields that are known, see `known_fields`.
    """

    law: Law
    option: str
    shape: str
    per_efold: bool = True
    drawn: tuple[str, ...] = ()
    known: tuple[str, ...] = ()

    def shape_prior(self, priors: Priors) -> EffectPrior:
        """Return the prior of the law's shape."""
        found: Any = priors
        for name in self.shape.split("."):
            found = getattr(found, name)
        return cast(EffectPrior, found)

    def with_fields(self, fields: dict[str, Any]) -> Law:
        """Return the law with values of its fields, of which others are ignored."""
        own = {name: fields[name] for name in (*self.drawn, *self.known) if name in fields}
        law: Any = self.law
        return cast(Law, replace(law, **own)) if own else self.law


SHARPNESS = "sharpness"
"""The field that laws of scores and of losses have in common."""
_SCORES = (
    Form(LOG_LAW, "log", "score.shape", per_efold=False),
    Form(SATURATING_LAW, "saturating", "saturating_shape", drawn=(SHARPNESS,)),
    Form(EXPONENTIAL_LAW, "exponential", "rate_shape"),
    Form(RISING_POWER_LAW, "rising", "rate_shape"),
    Form(ChanceLaw(), "chance", "share_shape", per_efold=False, known=("chance",)),
)
_LOSSES = (
    Form(POWER_LAW, "power", "loss.shape", drawn=(SHARPNESS,)),
    Form(ShiftedPowerLaw(), "shifted", "loss.shape", drawn=("shift",), known=("span",)),
    Form(SmoothBreakLaw(), "smooth-break", "loss.shape", drawn=("ratio", "tau", "width")),
    Form(M4Law(), "m4", "loss.shape", drawn=("bend",), known=("guess",)),
)
SCORE_FORMS: dict[str, Form] = {form.law.name: form for form in _SCORES}
"""Laws that scores may follow, by their names."""
LOSS_FORMS: dict[str, Form] = {form.law.name: form for form in _LOSSES}
"""Laws that losses may follow, by their names."""
FORMS: dict[str, Form] = {**SCORE_FORMS, **LOSS_FORMS}
"""All laws that models fit, by their names."""


def known_fields(form: Form, metrics: Sequence[str], priors: Priors, span: float) -> dict[str, FloatArray]:
    """Return the fields of a law that are known, each of shape (metrics,).

    Parameters
    ----------
    form : Form
        The law.
    metrics : sequence of str
        The metrics that follow it.
    priors : Priors
        What guessing scores (`chance`), and the error of guessing (`guess`): that of the catalogue's range
        where there is no other.
    span : float
        Length of the axis in e-folds.
    """
    values = {
        "span": [span] * len(metrics),
        "chance": [priors.chance.get(name, 0.0) for name in metrics],
        "guess": [priors.guess.get(name, CATALOGUE[name].high) for name in metrics],
    }
    return {name: np.array(values[name], dtype=float) for name in form.known}


def fields_at(
    form: Form, metric: Any, scores: int, known: Mapping[str, Any], drawn: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the fields of a law for some metrics.

    Parameters
    ----------
    form : Form
        The law.
    metric : int or array of int
        Positions among all metrics.
    scores : int
        How many of these are scores.
    known : mapping of str to array, shape (metrics of the law's direction,)
        Those of `known_fields`.
    drawn : mapping of str to array, shape (..., metrics)
        Sampled fields: sharpness of all metrics, others of losses. What is missing keeps the law's plain
        value.
    """
    own = metric - (0 if form.law.name in SCORE_FORMS else scores)
    found = {name: values[own] for name, values in known.items()}
    for name in form.drawn:
        if name in drawn:
            found[name] = drawn[name][..., metric if name == SHARPNESS else own]
    return found


def law_at(form: Form, metric: Any, curves: Curves, priors: Priors, drawn: Mapping[str, Any]) -> Law:
    """Return a law with the fields of some metrics, from draws.

    Parameters
    ----------
    form : Form
        The law.
    metric : int or array of int
        Positions among all metrics.
    curves, priors : Curves, Priors
        For the fields that are known.
    drawn : mapping of str to array, shape (..., metrics)
        As in `fields_at`.
    """
    names = curves.scores.metrics if form.law.name in SCORE_FORMS else curves.losses.metrics
    known = known_fields(form, names, priors, curves.axis.span)
    return form.with_fields(fields_at(form, metric, len(curves.scores.metrics), known, drawn))
