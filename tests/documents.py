"""The JSON documents of all questions, answered for a made-up fit: what the reference lists and tests pin."""

from __future__ import annotations

from typing import Any

from bayesscale.questions import forecast, summary
from bayesscale.questions.advise import advise
from bayesscale.questions.breaks import breaks
from bayesscale.questions.conflict import conflict
from bayesscale.questions.plan import Query, plan
from bayesscale.questions.rank import rank
from bayesscale.questions.select import Selection
from bayesscale.questions.value import value
from tests.questions.breaking import breaking
from tests.questions.made_up import MadeUp


def documents() -> dict[str, dict[str, Any]]:
    """Return a document a command."""
    fit = breaking(MadeUp(draws=100, width=0.05, noise=0.3).fit(), at=1e10)
    query = Query("forecast", Selection(tasks=["en-fr"], mixtures=["en"], other_sizes=[6e6]), 1e12)
    return {
        "show": summary(fit).document(),
        "predict": forecast(fit, [1e12]).document(),
        "breaks": breaks(fit).document(),
        "rank": rank(fit, [1e12]).document(),
        "conflict": conflict(fit).document(),
        "value": value(fit).document(),
        "advise": advise(fit, 24.0, 1e12).document(),
        "plan": plan(fit, query, outcomes=20, sizes=[1e12]).document(),
    }
