"""Whether a table holds the numbers of its file: read again cell by cell, without the code that is tested."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator
from itertools import permutations
from typing import Any

import pandas as pd

from bayesscale.metrics.options import Options
from bayesscale.metrics.table import Metrics

_SUFFIX = {"k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}
_SPREAD = re.compile(r"\s*(±|\+/-|\+-|\\pm|\().*$")
_SIZE_WORDS = re.compile(r"^(global_)?(steps?|checkpoint|ckpt|iter|update)[-_= ]?|\s*[a-z]{2,}$", re.I)
_SIZES = ("pretrain_tokens", "finetune_tokens", "model_params")


def changed_numbers(metrics: Metrics, name: str, content: bytes, options: Options) -> list[str]:
    """Return the numbers of a table that are neither those of their line nor the multiple that is stated.

    Parameters
    ----------
    metrics : Metrics
        What was read.
    name : str
        Name of the file.
    content : bytes
        The file.
    options : Options
        With what it was read.
    """
    told = " ".join(metrics.notes)
    comma = "decimal comma" in told
    is_parquet = content.startswith(b"PAR1")
    text = pd.read_parquet(io.BytesIO(content)).to_csv() if is_parquet else content.decode("utf-8-sig")
    lines = _Lines(name, text, whole=is_parquet or ("1%" in told and "taken as" in told))
    wrong = []
    for row in metrics.frame.to_dict("records"):
        cells = lines.of(int(row["line"]))
        numbers = {number for cell in cells for number in _numbers(cell, comma=comma, spread="±" in told)}
        if f" values of {row['metric']} were computed from " in told:
            numbers |= {other for number in numbers for other in _same_measurement(number)}
        factors = _score_factors(str(row["metric"]), told, options)
        mean = row.get("n", 1) > 1
        if not mean and not _is_multiple(row["value"], numbers, factors):
            wrong.append(f"line {row['line']}: value {row['value']!r}")
        if not mean and row.get("se", math.nan) == row.get("se", math.nan):
            spreads = _spreads(numbers, told)
            own = [f for name, f in options.scale.items() if name.endswith("_se")]
            if not _is_multiple(row["se"], spreads, own or factors):
                wrong.append(f"line {row['line']}: se {row['se']!r}")
        wrong += list(_wrong_sizes(row, cells | lines.header, told, comma, options))
    return wrong


def _same_measurement(number: float) -> Iterator[float]:
    """Yield what a perplexity, a loss in bits or nats, an accuracy or an error says in another unit."""
    yield from (number * math.log(2.0), number / math.log(2.0), 1.0 - number, number**2)
    if number > 0:
        yield from (math.log(number), math.log2(number), math.sqrt(number))


class _Lines:
    """The cells of a file by line, however they are set apart; of one JSON document, those of all lines."""

    def __init__(self, name: str, text: str, *, whole: bool) -> None:
        self.lines = re.split(r"\r\n|\n|\r", text) if "\r" in text else text.split("\n")
        self.whole = whole or name.endswith(".json") or text.lstrip()[:1] in ("{", "[")
        self.known: dict[int, set[str]] = {}
        self.all = set().union(*(self._cells(number) for number in range(1, len(self.lines) + 1)))
        filled = (number for number, line in enumerate(self.lines, 1) if line.strip())
        self.header = self._cells(next(filled, 1))

    def of(self, number: int) -> set[str]:
        """Return the cells of a line."""
        return self.all if self.whole else self._cells(number)

    def _cells(self, number: int) -> set[str]:
        """Return the cells of a row that begins in a line; it goes on while a quotation mark is open."""
        if number not in self.known:
            rows = self.lines[number - 1 : number]
            while "\n".join(rows).count('"') % 2 and number - 1 + len(rows) < len(self.lines):
                rows = self.lines[number - 1 : number + len(rows)]
            self.known[number] = {cell.strip(' \t*_`"') for cell in _split("\n".join(rows))}
        return self.known[number]


def _split(text: str) -> Iterator[str]:
    """Yield the cells of a row by every separator that it may have; the members of a JSON object."""
    yield from text.split()
    for separator in ",;\t|":
        for row in csv.reader(text.split("\n"), delimiter=separator, skipinitialspace=True):
            yield from row
    if "{" in text or ":" in text:
        yield from re.split(r"[\s,\"{}:\[\]]+", text)
        try:
            yield from map(str, _leaves(json.loads(text, parse_float=str, parse_int=str)))
        except ValueError:
            return


def _leaves(value: Any) -> Iterator[Any]:
    """Yield what a JSON value holds."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if inner is None:
        yield value
    else:
        for part in inner:
            yield from _leaves(part)


def _numbers(cell: str, *, comma: bool, spread: bool) -> Iterator[float]:
    """Yield what a cell means as a score; a percent sign is no part of the number."""
    text = cell.replace("\u2212", "-").strip()
    text = _SPREAD.sub("", text) if spread else text
    text = re.sub(r"(?<=\d)[ \u00a0\u2009\u202f'’](?=\d{3}(?!\d))", "", text.removesuffix("%").strip())
    if comma:
        text = text.replace(".", "").replace(",", ".") if "," in text or "." in text else text
    elif re.match(r"[+-]?[1-9]\d{0,2}(,\d{3})+(?![\d,])", text) and (text.count(",") > 1 or "." in text):
        text = text.replace(",", "")
    try:
        yield float(text)
    except ValueError:
        return


def _sizes(cell: str, *, comma: bool) -> Iterator[float]:
    """Yield what a cell means as a size: with a suffix or a word behind it, and one comma of thousands."""
    text = _SIZE_WORDS.sub("", cell.strip()).strip()
    factor = 1.0
    if text[-1:].lower() in _SUFFIX and text[:-1].strip():
        text, factor = text[:-1].strip(), _SUFFIX[text[-1].lower()]
    if not comma and re.fullmatch(r"[1-9]\d{0,2}(,\d{3})+", text):
        text = text.replace(",", "")
    yield from (number * factor for number in _numbers(text, comma=comma, spread=False))


def _score_factors(metric: str, told: str, options: Options) -> list[float]:
    """Return by what the scores of a metric may have been multiplied: as an option or a note says."""
    factors = [factor for name, factor in options.scale.items() if _same(name, metric)] or [1.0]
    percent = re.search(rf"{re.escape(metric)}: [\d,]+ percentages were multiplied by ([\d.]+)", told)
    if percent:
        factors = [*factors, float(percent[1])]
    if metric == "cross_entropy" and "multiplied by ln 2" in told:
        factors = [factor * math.log(2) for factor in factors]
    return factors


def _same(name: str, metric: str) -> bool:
    """Return whether an option that names a metric means this one."""
    return name.lower() in (metric, metric.partition("[")[0].lower())


def _spreads(numbers: Iterable[float], told: str) -> set[float]:
    """Return the standard errors that the numbers of a line may be, as the notes say."""
    known = set(numbers)
    found = {number / float(by) for by in re.findall(r"divided by ([\d.]+\d)", told) for number in known}
    pairs = list(permutations(known, 2))
    if "s.e. = width / 3.92" in told:
        found |= {(high - low) / 3.92 for low, high in pairs}
    if "were computed from" in told:
        found |= {s / math.sqrt(n) for s, n in pairs if n > 0}
        found |= {math.sqrt(v) / math.sqrt(n) for v, n in pairs if n > 0 and v >= 0}
    return known | found


def _wrong_sizes(
    row: dict[Any, Any], cells: set[str], told: str, comma: bool, options: Options
) -> Iterator[str]:
    """Yield the sizes of a row that its line does not hold."""
    if "sizes were read from text" in told:
        cells = cells | {part for cell in cells for part in re.findall(r"\d+(?:\.\d+)?[kmbgt]?", cell, re.I)}
    numbers = {number for cell in cells for number in _sizes(cell, comma=comma)} | {0.0}
    for name in (name for name in _SIZES if name in row and not pd.isna(row[name])):
        own = re.escape(repr(options.columns.get(name, name)))
        named = [float(f) for f in re.findall(rf"{own} was multiplied by ([\d.e+]+), as its name says", told)]
        factors = [options.scale[name]] if name in options.scale else named or [1.0]
        if options.tokens_per_step and name == options.axis:
            factors = [factor * options.tokens_per_step for factor in factors]
        if not _is_multiple(row[name], numbers, factors):
            yield f"line {row['line']}: {name} {row[name]!r}"


def _is_multiple(value: float, numbers: Iterable[float], factors: list[float]) -> bool:
    """Return whether a value is one of some numbers times one of the factors."""
    return any(
        math.isclose(value, number * factor, rel_tol=1e-12, abs_tol=0)
        for number in numbers
        for factor in factors
    )
