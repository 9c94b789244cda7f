"""Numbers of tokens as people write them: `6M`, `1.5B`, `3e9`, `1_000_000`, `1,234,567`; times and bytes."""

from __future__ import annotations

import math
import re

from bayesscale.errors import UsageError

_FACTORS = {"T": 1e12, "B": 1e9, "G": 1e9, "M": 1e6, "K": 1e3, "": 1.0}
_NUMBER = re.compile(r"([\d_]*\.?[\d_]*(?:e[+-]?\d+)?)\s*([KMBGT]?)", re.IGNORECASE | re.ASCII)
_GROUPED = re.compile(r"[1-9]\d{0,2}(,\d{3})+(?![\d,])", re.ASCII)


def parse_tokens(text: str) -> float:
    """Return the number that a person wrote for a size, such as `1T` or `31M`.

    Suffixes K, M, B or G, and T mean 1e3, 1e6, 1e9 and 1e12, in either case. Underscores may group digits.
    Commas may group thousands where they cannot be decimal commas: `1,234,567` and `1,234`, but not `1,234M`.

    Raises
    ------
    UsageError
        The text is not a finite number of at least 0, or its commas can be read in two ways.
    """
    plain = _without_commas(text.strip())
    match = _NUMBER.fullmatch(plain)
    try:
        value = float(match[1]) * _FACTORS[match[2].upper()] if match else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(
            f"a size is a finite number of at least 0, with or without a suffix K, M, B (or G) or T; "
            f"received {text!r}; write for instance 6M, 1.5B, 1T, 3e9 or 1000000"
        )
    return value


def _without_commas(text: str) -> str:
    """Drop commas that group thousands; refuse those that may be decimal commas."""
    if "," not in text:
        return text
    grouped = _GROUPED.match(text)
    rest = text[grouped.end() :].strip() if grouped else ""
    if grouped and (text.count(",") > 1 or not rest or rest.startswith(".")):
        return text.replace(",", "")
    raise UsageError(
        f"a comma in a size must separate thousands; received {text!r}, which can be read in two ways or in "
        f"none; write a decimal point (6.5M) or no comma (1234567)"
    )


def format_tokens(tokens: float) -> str:
    """Return a size in at most four significant digits and a suffix, such as `130B`; see `parse_tokens`."""
    rounded = float(f"{tokens:.4g}")
    if rounded >= 1e16:
        return f"{rounded:.4g}"
    for suffix in ("T", "B", "M", "K"):
        if rounded >= _FACTORS[suffix]:
            return f"{rounded / _FACTORS[suffix]:.4g}{suffix}"
    return f"{rounded:.4g}"


def format_seconds(seconds: float) -> str:
    """Return a duration as people say it, such as `3.5 hours`."""
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.2g} {unit}" if seconds < 10 * size else f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.2g} seconds" if seconds < 10 else f"{seconds:.0f} seconds"


def format_bytes(size: float) -> str:
    """Return a number of bytes with a unit, such as `1.3 GB`."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size:.0f} bytes"
