"""Which laws the metrics of a fit follow: one of scores and one of losses, or several in turn.

Isik et al. found that translation scores follow the log-law, which rises for ever. Scores of other curves
turn into a ceiling. What was measured often cannot tell the two apart where they agree, inside the data,
while they differ beyond: a fit therefore follows both, one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesscale.errors import DataError, UsageError, valid_names
from bayesscale.laws import Law
from bayesscale.models.forms import FORMS, LOSS_FORMS, SCORE_FORMS, Form

LOG, SATURATING, POWER = "log-law", "saturating-law", "power-law"
SCORE_LAWS = (LOG, SATURATING)
"""Laws that scores follow where nobody chose others."""
STACK, PAPER = "stack", "paper"
LAW_CHOICES = (STACK, *(form.option for form in SCORE_FORMS.values()), PAPER)
"""Laws of scores on the command line: both usual ones, one or several, or those of arXiv 2402.04177."""
LOSS_CHOICES = tuple(form.option for form in LOSS_FORMS.values())
"""Laws of losses on the command line."""
# What stands in for a law that is not the one in force: any values that make no infinity.
_IDLE = 0.1


@dataclass(frozen=True)
class Followed:
    """The laws that metrics follow.

    Parameters
    ----------
    score, loss : str
        Names of the law of scores and of that of losses, in `bayesscale.models.forms.FORMS`.
    """

    score: str = LOG
    loss: str = POWER

    def of(self, score: bool) -> Form:
        """Return the law of scores or of losses."""
        return FORMS[self.score if score else self.loss]


def chosen_laws(law: str, loss_law: str, scores: Sequence[str], losses: Sequence[str]) -> list[Followed]:
    """Return the laws that are fitted one after the other.

    Where several laws of scores and several of losses are chosen, the first of one goes with the first of
    the other and so on.

    Parameters
    ----------
    law : str
        One of `LAW_CHOICES`, or several laws separated by commas.
    loss_law : str
        One of `LOSS_CHOICES`, or several separated by commas.
    scores, losses : sequence of str
        The metrics of the table.

    Raises
    ------
    UsageError
        A law is unknown, or is named twice, or the numbers of laws do not match.
    DataError
        A law cannot take the direction of the metrics.
    """
    of_scores = [LOG] if law == PAPER else list(SCORE_LAWS) if law == STACK else _named(law, SCORE_FORMS)
    of_losses = _named(loss_law, LOSS_FORMS)
    if law == PAPER and of_losses != [POWER]:
        raise UsageError("--law paper takes the losses' law from the paper too; leave out --loss-law")
    _check_direction(law not in (STACK, PAPER), law, "scores, which rise", "--loss-law", scores, losses)
    _check_direction(of_losses != [POWER], loss_law, "losses, which fall", "--law", losses, scores)
    of_scores = of_scores if scores else of_scores[:1]
    of_losses = of_losses if losses else of_losses[:1]
    count = max(len(of_scores), len(of_losses))
    if min(len(of_scores), len(of_losses)) not in (1, count):
        raise UsageError(
            f"several laws of scores and of losses are fitted in pairs, as many of one as of the other (or "
            f"one); received {len(of_scores)} of scores and {len(of_losses)} of losses"
        )
    pairs = zip(*(own * (count // len(own)) for own in (of_scores, of_losses)), strict=True)
    return [Followed(*pair) for pair in pairs]


def _named(choice: str, forms: dict[str, Form]) -> list[str]:
    """Return the names of laws by their options."""
    known = {form.option: name for name, form in forms.items()}
    options = [each.strip() for each in choice.split(",")]
    other = LOSS_FORMS if forms is SCORE_FORMS else SCORE_FORMS
    elsewhere = {form.option for form in other.values()}
    for option in options:
        if option in elsewhere:
            kind, flag = ("losses", "--loss-law") if forms is SCORE_FORMS else ("scores", "--law")
            raise DataError(
                f"{option} is a law of {kind} and cannot take the other direction; {flag} {option}"
            )
        if option not in known:
            names = (*known, STACK, PAPER) if forms is SCORE_FORMS else tuple(known)
            raise UsageError(f"the law is unknown; received {option!r}; {valid_names(option, names)}")
    if len(set(options)) < len(options):
        raise UsageError(f"every law is fitted once; received {choice!r}; name it once")
    return [known[option] for option in options]


def _check_direction(
    asked: bool, choice: str, kind: str, other: str, own: Sequence[str], rest: Sequence[str]
) -> None:
    """Refuse a law that was asked for where the table has no metric of its direction."""
    if asked and not own:
        raise DataError(
            f"the law {choice} is of {kind} with more data; the table has only {', '.join(rest)}, of the "
            f"other direction; {other} chooses their law"
        )


def labels(followed: Sequence[Followed], scores: bool) -> list[str]:
    """Return what laws that are fitted one after the other are called: by what tells them apart.

    Parameters
    ----------
    followed : sequence of Followed
        The laws.
    scores : bool
        Whether the table has scores; without any, it is the losses' law that counts.
    """
    differ = {name: len({getattr(each, name) for each in followed}) > 1 for name in ("score", "loss")}
    if differ["score"] and differ["loss"]:
        return [f"{each.score} and {each.loss}" for each in followed]
    return [each.loss if differ["loss"] or not scores else each.score for each in followed]


def choices(followed: Followed, scores: bool, losses: bool) -> dict[str, str]:
    """Return what chooses laws in `bayesscale.inference.fit`: its `law` and `loss_law`.

    Parameters
    ----------
    followed : Followed
        The laws.
    scores, losses : bool
        Whether the table has any; a law is chosen only for what there is.
    """
    return {
        "law": FORMS[followed.score].option if scores else STACK,
        "loss_law": FORMS[followed.loss if losses else POWER].option,
    }


def options(followed: Followed) -> str:
    """Return the command line's options for laws; nothing for those that need none.

    Parameters
    ----------
    followed : Followed
        The laws.
    """
    loss = "" if followed.loss == POWER else f" --loss-law {FORMS[followed.loss].option}"
    return f"--law {FORMS[followed.score].option}{loss}"


def in_force(which: Any, laws: Sequence[Law], u: Any, effects: tuple[Any, Any, Any], xp: Any = np) -> Any:
    """Return values under the law in force, without those of the others in their gradient.

    Parameters
    ----------
    which : tensor, shape (laws,)
        1 for the law in force, 0 for the others.
    laws : sequence of Law
        The laws.
    u : tensor
        Positions.
    effects : tuple of tensor
        Level, gain and shape.
    xp : module
        NumPy or `pytensor.tensor`.
    """
    level, gain, shape = effects
    if len(laws) == 1:
        return laws[0].value(u, level, gain, shape, xp=xp)
    total: Any = None
    for place, law in enumerate(laws):
        on = which[place] > 0
        value = law.value(u, level, xp.where(on, gain, _IDLE), xp.where(on, shape, _IDLE), xp=xp)
        total = value if total is None else xp.where(on, value, total)
    return total
