"""Sizes within text: the 100 of `100/1000`, the 1B of `model-1B`."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pandas as pd

from bayesscale.metrics.names.columns import SIZES, meaning
from bayesscale.metrics.options import Options, option
from bayesscale.metrics.problems import Problem
from bayesscale.metrics.tidy.named import NamedCells
from bayesscale.metrics.tidy.numbers import to_numbers
from bayesscale.metrics.tidy.scales import WITH_SUFFIX

_OF_ALL = re.compile(r"(\d+[KMBGT]?)\s*/\s*(\d+[KMBGT]?)", re.IGNORECASE)
_SIZE = re.compile(r"(?<![^\W_])(?<![.,])(\d+(?:\.\d+)?[KMBGT])(?![^\W_]|[.,]\d)", re.IGNORECASE)
_REPLICATE = re.compile(r"[-_ .]*(?:run|seed|rep|replicate|trial|s|r)[-_ =]?\d+$", re.IGNORECASE)
_SAID = {"tokens", "examples", "steps", "finetune"}


def size_within(text: str) -> str:
    """Return the only size with a unit in a text, or the first number of `100/1000`; nothing for others."""
    if part := _OF_ALL.fullmatch(text):
        first, of_all = to_numbers(pd.Series(part.groups(), dtype=object), sizes=True)
        return part[1] if first <= of_all else ""
    found = _SIZE.findall(text)
    return found[0] if len(found) == 1 else ""


def take_sizes_within(
    text: pd.DataFrame, named: NamedCells, options: Options, notes: list[str]
) -> Iterator[Problem]:
    """Write sizes within the text of columns of sizes in its place, where the text around them is one.

    Yields the question whether the size in the name of a model or run is one of tokens.
    """
    for name in WITH_SUFFIX:
        cells = pd.Series([t for t in text[name].unique() if t] if name in text else [], dtype=object)
        labels = list(cells[to_numbers(cells, sizes=True).isna()])
        found = {label: size_within(label) for label in labels}
        around = {_around(label, size) for label, size in found.items()}
        around |= {""} if len(labels) < len(cells) else set()  # nothing is around plain sizes
        if not labels or not all(found.values()) or len(around) > 1:
            continue
        own, rest, first, size = named.in_file(name), around.pop(), labels[0], found[labels[0]]
        row = text.index[text[name].eq(first)][0]
        text[name] = text[name].replace(found)
        notes.append(f"{own!r}: sizes were read from text, such as {size} from {first}")
        if rest and name in SIZES and name not in options.scale and not {meaning(own), meaning(rest)} & _SAID:
            hint = (
                f"is {size} a number of parameters? {option('columns', f'model_params={own}')}, and name the "
                f"sizes along the curve; if of tokens: {option('scale', f'{name}=1')}"
            )
            yield Problem(int(text["line"][row]), own, "size-unit", first, hint)


def _around(label: str, size: str) -> str:
    """Return the text around a size, without the number of a replicate at its end; none of `100/1000`."""
    return "" if _OF_ALL.fullmatch(label) else _REPLICATE.sub("", label).replace(size, "", 1).casefold()
