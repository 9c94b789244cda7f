"""The quantities that a plan is about: a forecast, whether a curve broke, which mixture is better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.errors import QuestionError, UsageError, valid_names
from bayesscale.models.breaks import sign_of
from bayesscale.posterior.curves import DrawnCurves
from bayesscale.posterior.predictive import Predictive
from bayesscale.questions.plan.preposterior import Unknown
from bayesscale.questions.select import Selection, check_size, drawn_curves, last_sizes, metric_places
from bayesscale.tables import SHORT
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    from bayesscale.inference import Fit

FloatArray = NDArray[np.float64]
QUESTIONS = ("forecast", "break", "better")


@dataclass(frozen=True)
class Query:
    """What is to be known.

    Parameters
    ----------
    question : str
        One of `QUESTIONS`.
    selection : Selection
        The curves that it is about.
    at : float, optional
        The size D; only the question 'break' does without.
    metric : str, optional
        Default: the first metric of the fit.
    versus : str, optional
        For 'better': the mixture with which the chosen one is compared.
    """

    question: str
    selection: Selection
    at: float | None = None
    metric: str | None = None
    versus: str | None = None


@dataclass(frozen=True)
class Quantities:
    """Draws of what is to be known, one row a curve (or pair of curves), with what each is in words.

    `until` is the size of the question, up to which it pays to measure.
    """

    unknown: Unknown
    labels: tuple[str, ...]
    metric: str
    until: float | None
    notes: tuple[str, ...]


def quantities(fit: Fit, query: Query, seed: int | None) -> Quantities:
    """Return draws of what is to be known."""
    if query.question not in QUESTIONS:
        raise UsageError(
            f"a question is one of those that a plan knows; received {query.question!r}; "
            f"{valid_names(query.question, QUESTIONS)}"
        )
    if query.at is None and query.question != "break":
        raise UsageError(
            f"the question {query.question!r} is about one size; received none; give one by at, --at 1T"
        )
    if (query.versus is None) == (query.question == "better"):
        raise UsageError(
            "the question 'better', and no other, compares a mixture with a second one, versus; received "
            f"the question {query.question!r} {'without' if query.versus is None else 'with'} it"
        )
    at = check_size(query.at, fit.curves, rule="a plan is about sizes on curves")
    (place,) = metric_places(fit.curves, [query.metric] if query.metric else fit.curves.names[:1])
    build = {"forecast": _forecast, "break": _break, "better": _better}[query.question]
    return build(fit, query, place, at, seed)


def _forecast(fit: Fit, query: Query, place: int, at: float | None, seed: int | None) -> Quantities:
    """Return the laws of the curves at one size."""
    drawn, notes = drawn_curves(fit, query.selection, seed)
    draws = _law(drawn, place, at)
    labels = [f"{fit.curves.names[place]} of {label} at {_size(fit, at)}" for label in drawn.labels]
    return Quantities(Unknown(draws, False), tuple(labels), fit.curves.names[place], at, notes)


def _law(drawn: DrawnCurves, place: int, at: float | None) -> FloatArray:
    """Return draws of the law of each target at one size, shape (targets, draws)."""
    sizes = np.full((len(drawn.targets), 1), at)
    return Predictive(drawn, 0.5).law(sizes, place)[:, 0]


def _size(fit: Fit, at: float | None) -> str:
    """Return a size along the curves in words."""
    return f"{SHORT[fit.curves.axis_name]} {format_tokens(at or 0.0)}"


def _break(fit: Fit, query: Query, place: int, at: float | None, seed: int | None) -> Quantities:
    """Return whether the curves broke before a size, by default their last one."""
    drawn, notes = drawn_curves(fit, query.selection, seed)
    name, able = fit.curves.names[place], drawn.draws.breakable
    if name not in able:
        raise QuestionError(
            f"a break is asked of a metric that may break in this fit; received {name!r}; "
            + (f"{valid_names(name, able)}" if able else "none may: fit again with breaks")
        )
    if at is None and not drawn.targets.measured.all():
        raise UsageError("a curve that was not measured has no last size; received none; give one as at")
    last = last_sizes(fit.curves)[drawn.targets.position, place]
    until = last if at is None else np.full(len(drawn.targets), at)
    broken = drawn.local(slice(None), place).broken(fit.curves.axis.u(until)[:, None])
    assert broken is not None
    when = [
        f"by its last size {format_tokens(size)}" if at is None else f"before {_size(fit, at)}"
        for size in until
    ]
    labels = [f"{name} of {label} broke {text}" for label, text in zip(drawn.labels, when, strict=True)]
    return Quantities(Unknown(broken[:, 0].astype(float), True), tuple(labels), name, at, notes)


def _better(fit: Fit, query: Query, place: int, at: float | None, seed: int | None) -> Quantities:
    """Return whether one mixture is better than another at a size, for each task and D_f."""
    chosen, versus = _two_mixtures(query)
    drawn, notes = drawn_curves(fit, replace(query.selection, mixtures=[chosen, versus]), seed)
    table = drawn.targets.table.reset_index(names="row")
    rest = [name for name in drawn.targets.table.columns if name != "mixture"]
    both = pd.merge(table[table["mixture"] == chosen], table[table["mixture"] == versus], on=rest)
    if both.empty:
        raise QuestionError(
            f"two mixtures are compared on the same task and size; {chosen!r} and {versus!r} share none "
            "here; give the other size, measured or not, to compare them there"
        )
    law = _law(drawn, place, at) * sign_of(fit.curves.names[place])
    draws = law[both["row_x"]] > law[both["row_y"]]
    name = fit.curves.names[place]
    first = [drawn.labels[row] for row in both["row_x"]]
    labels = [f"{label} has better {name} than {versus} at {_size(fit, at)}" for label in first]
    return Quantities(Unknown(draws.astype(float), True), tuple(labels), name, at, notes)


def _two_mixtures(query: Query) -> tuple[str, str]:
    """Return the two mixtures to be compared."""
    mixtures: Sequence[str] = query.selection.mixtures or ()
    if len(mixtures) != 1 or query.versus is None or mixtures[0] == query.versus:
        received = ", ".join(map(repr, [*mixtures, query.versus]))
        raise UsageError(f"the question 'better' compares two different mixtures; received {received}")
    return mixtures[0], query.versus
