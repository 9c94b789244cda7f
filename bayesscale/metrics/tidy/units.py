"""What the name of a column of sizes says of its numbers: a factor, a logarithm, a unit that is no token."""

from __future__ import annotations

import math
import re

from bayesscale.metrics.catalogue import normalised
from bayesscale.metrics.names import meaning, unit_in_name

_DIVIDED = re.compile(
    r"/\s*(?:1e(\d+)|10\s*(?:\^|\*\*)\s*(\d+)|1((?:[,_ ]?000)+)|([kmbgt]))\s*\)?\s*$", re.IGNORECASE
)
_LETTERS = {"k": 3, "m": 6, "b": 9, "g": 9, "t": 12}
_GLUED = re.compile(
    r"^([kMGBT])[\s_-]?(?:steps?|updates?|iters?|iterations?|examples?|samples?|words?)$", re.IGNORECASE
)
_IN_BRACKETS = re.compile(r"[(\[]\s*(?:in\s+)?([kMGBT])T\s*[)\]]\s*$")
_LOG = re.compile(r"\b(log|lg|ln)\s?(10|2|e)?(?:\b|(?=(?:[dn]|dp|tokens?|steps?)\b))")
_OTHERS = {
    "epochs": re.compile(r"\bepochs?\b"),
    "PF-days": re.compile(r"\bp?f(?:lops?)?[\s-]*days?\b|\bpetaflops?[\s-]*days?\b"),
    "FLOPs": re.compile(r"\b[ptgz]?flops?\b|\bflos\b"),
    "compute": re.compile(r"\bcompute\b"),
    "tokens per parameter": re.compile(r"\b(?:tok\w*|d)\s*(?:per|/)\s*(?:param\w*|n)\b|\btpp\b"),
    "fractions": re.compile(r"\b(?:fractions?|frac|shares?|ratio|percent|percentage|pct)\b|%"),
    "hours": re.compile(r"\b(?:(?:gpu|tpu)?\s*h(?:ou)?rs?|hours?)\b"),
    "days": re.compile(r"\bdays?\b"),
    "seconds": re.compile(r"\b(?:seconds?|secs?|minutes?|mins?|wall\s*time|wallclock|runtime)\b"),
    "bytes": re.compile(r"\b(?:[kmgt]i?b|[kmgt]?bytes?)\b"),
    "characters": re.compile(r"\b(?:chars?|characters?)\b"),
}  # fmt: skip


def size_factor(name: str) -> float:
    """Return what the sizes of a column are multiplied by after its name, 1e9 for `tokens/1e9`, else 1."""
    if (factor := unit_in_name(name)) != 1:
        return factor
    text = name.strip()
    if (found := _DIVIDED.search(text)) and found.start() > 0:
        exponent, power, zeros, letter = found.groups()
        return 10.0 ** (
            _LETTERS[letter.lower()]
            if letter
            else zeros.count("000") * 3
            if zeros
            else int(exponent or power)
        )
    found = _GLUED.match(text) or _IN_BRACKETS.search(text)
    return 10.0 ** _LETTERS[found[1].lower()] if found else 1.0


def logarithm(name: str) -> float | None:
    """Return the base of a column of logarithms by its name, NaN where it says none; None for others."""
    found = _LOG.search(_plain(name))
    if not found:
        return None
    word, base = found.groups()
    if word == "ln" or base == "e":
        return math.e
    return float(base) if base else 10.0 if word == "lg" else math.nan


def _plain(name: str) -> str:
    """Return a name in lower case with spaces between its words."""
    return re.sub(r"(?<=[a-z\d])(?=[A-Z][a-z])|[_.]", " ", name).lower()


def other_unit(name: str) -> str | None:
    """Return what a column counts that are no tokens, steps or examples, `PF-days`; None where it may."""
    text = _plain(name)
    if (size_factor(name) != 1 or meaning(name) in ("tokens", "examples", "steps")) and " per " not in text:
        return None
    found = next((unit for unit, words in _OTHERS.items() if words.search(text)), None)
    return found or ("FLOPs" if meaning(name) == "compute" and "flo" in normalised(name) else None)
