"""Terms of the page in words, of which a page explains those that it uses."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LINES: tuple[tuple[tuple[str, str, str], ...], ...] = (
    (
        ("D_p", r"\bD_p\b", "tokens of pretraining"),
        ("D_f", r"\bD_f\b", "tokens of finetuning"),
    ),
    (
        ("law", r"\blaws?\b", "the formula by which a value follows the tokens, without the noise of a run"),
        (
            "P(broken)",
            r"P\(broken\)",
            "the probability that a curve has left its law, such as a score that falls",
        ),
        ("link", r"\blinks?\b", "the formula by which a score follows the loss"),
    ),
    (
        (
            "draws",
            r"\bdraws\b",
            "laws drawn from the posterior, each as often as data make it plausible; P is a share of draws",
        ),
        ("P(best)", r"P\(best\)", "that the mixture is the best"),
        ("P(> next)", r"P\(> next\)", "that it is better than the next one in the order"),
        ("P(conflict)", r"P\(conflict\)", "that the loss prefers what has the worse score"),
    ),
    (("entropy", r"\bentropy\b", "how open a question is; 0 once it is settled"),),
)
"""Lines of terms: how each is called, how it is found, what it means."""


def explained(texts: Iterable[str]) -> list[list[tuple[str, str]]]:
    """Return lines of terms that occur in the texts, each with its meaning; no empty lines."""
    # The metric of this name is no term.
    text = "\n".join(texts).replace("cross-entropy", "")
    lines = (
        [(term, meaning) for term, pattern, meaning in line if re.search(pattern, text)] for line in _LINES
    )
    return [line for line in lines if line]
