"""Numbers, probabilities and names as people read them; imported before anything large."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bayesscale.units import format_tokens


def probability_text(value: float) -> str:
    """Return a probability in two digits; that all draws agree makes nothing certain."""
    if math.isnan(value):
        return "unknown"
    if value < 0.005:
        return "<0.01"
    return ">0.99" if value > 0.995 else f"{value:.2f}"


def size_text(size: float) -> str:
    """Return an uncertain size in two digits, such as 130B."""
    return format_tokens(float(f"{size:.2g}"))


def number_text(value: float) -> str:
    """Return a number in four significant digits."""
    return f"{value:.4g}" if abs(value) < 1e4 or math.isinf(value) else f"{value:,.0f}"


def listed(texts: Sequence[str], most: int = 3) -> str:
    """Return 'a, b and c', or 'a, b, c and 4 more'."""
    shown, more = list(texts[:most]), len(texts) - most
    # Names of several parts hold commas of their own.
    comma, final = ("; ", "; ") if any(", " in text for text in shown) else (", ", " and ")
    last = f"{more} more" if more > 0 else shown.pop()
    return f"{comma.join(shown)}{final}{last}" if shown else last


def printable(text: str) -> str:
    """Return text without control characters, which file contents could steer a terminal with."""
    return "".join(char if char.isprintable() or char == "\n" else repr(char)[1:-1] for char in text)


def shortened(text: str, width: int) -> str:
    """Return a text of at most `width` characters: its ends, with a sign of omission between them."""
    if len(text) <= width:
        return text
    head = (width - 1) * 2 // 3
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"
