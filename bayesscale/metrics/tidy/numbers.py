"""Text cells as numbers: placeholders, separators of thousands, decimal commas, percent signs, suffixes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import pandas as pd

from bayesscale.errors import UsageError
from bayesscale.metrics.names.labels import UNENDED
from bayesscale.metrics.names.words import BYTES, UNITS
from bayesscale.units import parse_tokens

_MISSING = {
    "", "na", "n/a", "null", "none", "nan", "-nan", "-", "--", "–", "—", "?", ".", "<na>", "nil", "missing",
    "#n/a", "#na", "#div/0!", "#value!", "#ref!", "#num!", "n.a.",
}  # fmt: skip
_NOT_MEASURED = UNENDED | {"*", "tbd", "tba", "todo", "in progress", "not run"}
_SPACED = re.compile(r"(?<=\d)[ \u00a0\u2009\u202f'’](?=\d{3}(?!\d))")
_WORD = re.compile(
    r"\s*(tokens?|toks?|токен\w*|params?|parameters?|steps?|samples?|sentences?|pairs?|words?|examples?|it|iters?)$",
    re.IGNORECASE,
)
_UNIT = re.compile(rf"(?<=\d)\s*({'|'.join([*UNITS, *BYTES])})(?:(?<=[a-z]{{3}})s)?\.?$", re.IGNORECASE)
_CHECKPOINT = re.compile(
    r"^(?:global_)?(?:step|steps|checkpoint|ckpt|iter|update)[-_= ]?(?=\d+$)", re.IGNORECASE
)
_LONGEST = 200
_APPROXIMATELY = re.compile(r"^(?:[~≈∼]|(?:ca|circa|approx|about|roughly)\b\.?)\s*(?=\d)", re.IGNORECASE)
_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_RAISED = re.compile(r"(?<=\d)[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")
_POWER = re.compile(
    r"(?:([\d.,]+)\s*(?:[x×*·]|\\times|\\cdot)\s*(?=10\D))?(10|2)\s*(?:\^|\*\*)\s*\{?(-?\d{1,2})\}?(?=\s*[a-z]*$)",
    re.IGNORECASE,
)
# Emphasis, marks of footnotes, the mean that sacreBLEU prints: `**20.1**`, `$20.1$`, `20.1†`, `(μ = 20.1`.
_BEFORE = re.compile(r"^(?:[*_$\s']|\\[a-z]+\s*\{|\{\\[a-z]+\s|\(?\s*(?:[μµ]|mean)\s*=)+", re.IGNORECASE)
_BEHIND = re.compile(r"(?:\s*(?:[*_$}†‡§¶↑↓]|\^\{?[*†‡§]\}?|\^\{[a-z]\}))+$", re.IGNORECASE)
# What sacreBLEU and multi-bleu print: `BLEU = 20.1 55.1/26.1/14.1/8.1 (BP = 1.000 ...)`.
_PRINTED = re.compile(r"^(?:BLEU|chrF|TER)[^\s=]*\s*=\s*(\d+(?:\.\d+)?)\b.*", re.IGNORECASE)
_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_BEGINS = re.compile(r"[+\-\u2212]?[.,]?\d")
_SPREAD = re.compile(
    r"(?<=[\d%])[*_$}]*\s*(?:±|\+/-|\+-|_?\{?\s*\\pm|[(\[](?=[^)\]]*\d))[-–\d.,;\s()\[\]{}±+/=μµ%\\p]*$"
)
INTERVAL = re.compile(r"[μµ]\s*=\s*[\d.,]+\s*±\s*([\d.,]+)")
"""What sacreBLEU prints with --confidence: the mean of resampled scores, and half of the 95% interval."""

_COMMA_DECIMAL = re.compile(
    r"[+-]?(\d+,(\d{1,2}|\d{4,})|0,\d+|\d{1,3}(\.\d{3})+,\d+|,\d+)([eE][+-]?\d+)?\s*[KMBGT%]?", re.I
)
_POINT_DECIMAL = re.compile(
    r"[+-]?(\d*\.(\d{1,2}|\d{4,})|0?\.\d+|\d{1,3}(,\d{3})+\.\d+|\d{4,}\.\d+)([eE][+-]?\d+)?\s*[KMBGT%]?", re.I
)
_EITHER = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
_POINTS = re.compile(r"\d{1,3}(\.\d{3})+(?![\d.])")
_COMMAS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(?![\d,])")


def without_placeholders(cells: pd.Series) -> pd.Series:
    """Return cells of a number column without emphasis and marks; empty for `NA`, `-` and the like."""
    missing = _MISSING | _NOT_MEASURED
    plain = {text: "" if text.lower() in missing else _without_marks(text) for text in cells.unique()}
    return _mapped(cells, plain)


def _without_marks(text: str) -> str:
    """Return a number without emphasis and marks of footnotes; what is no number as it is."""
    if len(text) >= _LONGEST or _PLAIN.fullmatch(text):
        return text
    inner = _BEHIND.sub("", _BEFORE.sub("", _PRINTED.sub(r"\1", text.replace("\\%", "%"))))
    inner = _without_power(_APPROXIMATELY.sub("", inner))
    return inner if _BEGINS.match(inner) else text


def _without_power(text: str) -> str:
    """Return a power as a number: `1.5e6` for `1.5×10⁶` and `1.5x10^6`, `1048576` for `2**20`."""
    raised = _RAISED.sub(lambda found: f"^{found[0].translate(_SUPERSCRIPT)}", text)
    if not (found := _POWER.match(raised)):
        return text
    times, base, exponent = found.groups()
    power = str(2 ** int(exponent)) if base == "2" else f"{times or 1}e{exponent}"
    return power + raised[found.end() :]


def what_was_taken_off(text: str) -> str:
    """Return what a number that was not plain is, for a note."""
    if _APPROXIMATELY.match(text):
        return "are approximate"
    return "are powers" if re.search(r"\d\s*(?:\^|\*\*)\s*\{?-?\d", _RAISED.sub("^1", text)) else "have marks"


def missing_words(cells: pd.Series) -> str:
    """Return the words among cells that are taken for missing numbers, such as `OOM`, for a note."""
    words = [text for text in cells.unique() if text.lower() in _NOT_MEASURED]
    return f"; taken as missing: {', '.join(words)}" if words else ""


def begin_like_numbers(cells: pd.Series) -> pd.Series:
    """Return where a cell begins like a number."""
    return without_placeholders(cells).str.match(_BEGINS)


def without_spreads(cells: pd.Series) -> pd.Series:
    """Return cells without what stands behind a ± or, after the number, in brackets."""
    return cells.str.replace(_SPREAD, "", regex=True).where(cells.str.len() < _LONGEST, cells)


def in_percent(cells: pd.Series) -> pd.Series:
    """Return where a cell ends with a percent sign."""
    return cells.str.endswith("%")


def decimal_marks(cells: Iterable[str]) -> tuple[str | None, str | None]:
    """Return examples of a number with a decimal comma and of one with a decimal point, None where none is.

    `12.500` and `12,500` are proof of neither.
    """
    comma = point = None
    for text in cells:
        if comma is None and "," in text and _COMMA_DECIMAL.fullmatch(text):
            comma = text
        elif point is None and "." in text and _POINT_DECIMAL.fullmatch(text):
            point = text
    return comma, point


def to_numbers(cells: pd.Series, *, sizes: bool, decimal: str = "") -> pd.Series:
    """Return text cells as float64; NaN where a cell is empty or no number.

    Of `sizes`, suffixes such as `6M` are read, and one comma as a separator of thousands. `decimal` is the
    mark of the whole file, the other one separates thousands; where it is not known, it is a point, and one
    comma in a score is refused.
    """
    parse = _size if sizes else _number
    numbers = {text: parse(_with_point(text, decimal)) for text in cells.unique()}
    return _mapped(cells, numbers).astype("float64")


def _mapped(cells: pd.Series, values: Mapping[str, object]) -> pd.Series:
    """Return the value of each cell; `Series.map` makes an index of the values first, which is slow."""
    return pd.Series([values[cell] for cell in cells], cells.index, dtype=object, name=cells.name)


def is_text(cells: pd.Series, numbers: pd.Series) -> pd.Series:
    """Return where a cell holds something that is no number."""
    return numbers.isna() & cells.ne("")


def suffixes(cells: pd.Series) -> pd.Series:
    """Return the suffix of each size in lower case, as `m` of `6M` and `million` of `2 million words`."""
    texts = cells[~cells.str.fullmatch("[0-9]+")]  # what is left is little
    found = texts.str.replace(_WORD, "", regex=True).str.lower().str.extract(_UNIT, expand=False)
    return found.fillna("").reindex(cells.index, fill_value="")


def in_bytes(suffix: pd.Series) -> pd.Series:
    """Return where a suffix is of bytes."""
    return suffix.isin([*BYTES])


def is_ambiguous(text: str) -> bool:
    """Return whether a number has one separator that may be of thousands or a decimal mark."""
    return _EITHER.fullmatch(text) is not None


def _with_point(text: str, decimal: str) -> str:
    """Return a number as it is written in code: no spaces between thousands, a decimal point."""
    plain = _SPACED.sub("", text.replace("\u2212", "-")).removesuffix("%").strip()
    if decimal == "." and _COMMAS.match(plain):
        return plain.replace(",", "")
    if decimal == ",":
        if plain.count(",") > 1:
            return text
        head, comma, rest = plain.partition(",")
        grouped = _POINTS.fullmatch(head.lstrip("+-")) or _POINTS.match(head.lstrip("+-"))
        if "." in head and not grouped:
            return text if comma else ""
        return head.replace(".", "") + ("." + rest if comma else "")
    return plain


def _number(text: str) -> float:
    """Return a number as Python reads it; negative zero is zero. Commas separate thousands if sure to."""
    if "," in text and _COMMAS.match(text) and (text.count(",") > 1 or "." in text):
        text = text.replace(",", "")
    try:
        return float(text) + 0.0
    except ValueError:
        return float("nan")


def _size(text: str) -> float:
    """Return a size; negative and infinite ones are numbers too, to be judged by the rules."""
    if text.isascii() and text.isdigit():
        return float(text)
    text = _WORD.sub("", text) if text[:1].isdigit() else _CHECKPOINT.sub("", text)
    sign, plain = (-1.0, text[1:]) if text.startswith("-") else (1.0, text)
    try:
        if unit := _UNIT.search(plain):
            head, word = plain[: unit.start()], unit[1].lower()
            # With a suffix: a comma before a unit may be a decimal one.
            return sign * parse_tokens(f"{head}K") / 1e3 * (UNITS.get(word) or BYTES[word])
        return sign * parse_tokens(plain) + 0.0
    except UsageError:
        return _number(text)
