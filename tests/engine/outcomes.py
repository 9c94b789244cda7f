"""What jobs returned, where none failed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bayesscale.engine import Finished, Outcome


def values(outcomes: Iterable[Outcome[Any, Any]]) -> list[Any]:
    """Return the values in the order of the jobs."""
    ordered = sorted(outcomes, key=lambda outcome: outcome.index)
    return [outcome.value for outcome in ordered if isinstance(outcome, Finished)]
