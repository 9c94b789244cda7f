"""What the name of a column of sizes says of its numbers: a factor, a logarithm, a unit that is no token."""

from __future__ import annotations

import math
import re
import unicodedata

from bayesscale.metrics.catalogue import normalised
from bayesscale.metrics.names.columns import meaning
from bayesscale.metrics.names.words import UNITS_IN_NAMES as UNITS

_SCALE = "|".join(sorted(UNITS, key=len, reverse=True))
_WORDS = "|".join(word for word in UNITS if len(word) > 1)
_WHAT = r"(?:\s*(?:of\s+)?(?:tok|param|sent|pair|example|sample|word)\w*)?"
_UNIT = re.compile(
    rf"(?:[\s_]|[(\[]\s*(?:in\s+)?)(?P<end>{_SCALE})s?\.?{_WHAT}[)\]]?\s*$"
    rf"|[(\[]\s*(?:in\s+)?(?P<inside>{_WORDS})s?\.?\s[^()\[\]]*[)\]]\s*$"
    r"|^(?P<glued>[kmbgt])[\s_-]?(?=tok|param|sent)"
    rf"|^(?P<start>{_WORDS})s?\b",
    re.IGNORECASE,
)
_TIMES = r"(?:[(\[]\s*(?:in\s+)?)?(?:[×*·]|(?<![^\W_])x)\s*"
_POWER = re.compile(
    rf"(?:{_TIMES}|[(\[]\s*(?:in\s+)?)(?:1e|10\^|10\*\*)(\d{{1,2}}){_WHAT}\s*[)\]]?\s*$", re.IGNORECASE
)
_ZEROS = re.compile(rf"{_TIMES}1(0+)\s*[)\]]?\s*$", re.IGNORECASE)
_RAISED = re.compile(r"(?<=10)[⁰¹²³⁴-⁹]+")
_THOUSANDS = re.compile(
    rf"[(\[]\s*(?:in\s+)?[x×*]?\s*1?((?:[,.' ’]?000)+)s?{_WHAT}\s*[)\]]\s*$", re.IGNORECASE
)
_DIVIDED = re.compile(
    r"/\s*(?:1e(\d+)|10\s*(?:\^|\*\*)\s*(\d+)|1((?:[,_ ]?000)+)|([kmbgt]))\s*\)?\s*$", re.IGNORECASE
)
_GLUED = re.compile(
    r"^([kMGBT])[\s_-]?(?:steps?|updates?|iters?|iterations?|examples?|samples?|words?)$", re.IGNORECASE
)
_BEHIND = re.compile(r"(?i:(?:tok(?:en)?|sent(?:ence)?|param|sample|example|pair|word|step)s?)([KMGBT])$")
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
    """Return what the sizes of a column are multiplied by after its name, 1e9 for `tokens (B)`, else 1."""
    text = _RAISED.sub(lambda found: f"^{unicodedata.normalize('NFKC', found[0])}", name.strip())
    if power := _POWER.search(text):
        return 10.0 ** int(power[1])
    if zeros := _ZEROS.search(text):
        return 10.0 ** len(zeros[1])
    if thousands := _THOUSANDS.search(text):
        return 1000.0 ** thousands[1].count("000")
    if (divided := _DIVIDED.search(text)) and divided.start() > 0:
        exponent, power_of_ten, thousand, letter = divided.groups()
        if letter:
            return UNITS[letter.lower()]
        return 1000.0 ** thousand.count("000") if thousand else 10.0 ** int(exponent or power_of_ten)
    if (found := _UNIT.search(text)) and len(text) > len(found[0]):
        return UNITS[next(filter(None, found.groups())).lower()]
    glued = _GLUED.match(text) or _BEHIND.search(text) or _IN_BRACKETS.search(text)
    return UNITS[glued[1].lower()] if glued else 1.0


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
