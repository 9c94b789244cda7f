"""Pictures by name: what `bayesscale plot --what` draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from bayesscale.errors import UsageError, valid_names
from bayesscale.questions.backtest import backtest_picture
from bayesscale.questions.breaks import breaks
from bayesscale.questions.calibration import calibration
from bayesscale.questions.conflict import conflict
from bayesscale.questions.densities import posterior_picture
from bayesscale.questions.picture import picture
from bayesscale.questions.rank import rank
from bayesscale.questions.select import last_sizes
from bayesscale.questions.summary import AHEAD
from bayesscale.questions.value import value

if TYPE_CHECKING:
    from bayesscale.figures.picture import Picture
    from bayesscale.inference import Fit

COLUMNS = {"page": 6, "column": 2, "slide": 4}
"""Panels beside each other, by the place that a picture is for."""


def draw_what(
    fit: Fit,
    what: str,
    *,
    tokens: float | None = None,
    prob: float = 0.9,
    tasks: Sequence[str] | None = None,
    mixtures: Sequence[str] | None = None,
    other_sizes: Sequence[float] | None = None,
    metrics: Sequence[str] | None = None,
    columns: int = 6,
) -> Picture:
    """Return a picture by its name; curves are forecast and ranked at `tokens`, ten times the largest."""
    few = min(columns, 3)
    own: dict[str, Any] = {
        "prob": prob, "tasks": tasks, "mixtures": mixtures, "other_sizes": other_sizes, "metrics": metrics,
    }  # fmt: skip
    pictures: dict[str, Callable[[], Picture]] = {
        "forecast": lambda: picture(fit, until=tokens, columns=columns, **own),
        "breaks": lambda: breaks(fit, **own).plot(),
        "gain": lambda: value(fit, **own).plot(columns=few),
        "ranking": lambda: rank(fit, [tokens or AHEAD * float(last_sizes(fit.curves).max())], **own).plot(
            columns=few
        ),
        "link": lambda: conflict(fit, **own).plot(columns=few),
        "calibration": lambda: calibration(fit, prob=prob).plot(columns=few),
        "posterior": lambda: posterior_picture(fit, columns=few),
        "backtest": lambda: backtest_picture(fit, columns=few),
    }
    if what not in pictures:
        raise UsageError(f"a picture is known by its name; received {what!r}; {valid_names(what, pictures)}")
    return pictures[what]()
