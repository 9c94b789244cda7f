"""Labels that are written in several ways, and cells that were merged in a spreadsheet."""

from __future__ import annotations

import re

import pandas as pd

from bayesscale.metrics.names.columns import COLUMNS, meaning
from bayesscale.metrics.problems import Problem
from bayesscale.metrics.sources.cells import PATH
from bayesscale.metrics.tidy.draft import Draft
from bayesscale.metrics.tidy.named import NamedCells
from bayesscale.metrics.tidy.numbers import to_numbers

_MERGED = ("task", "mixture", "benchmark")


def label_problems(draft: Draft) -> tuple[list[Problem], list[str]]:
    """Return labels that differ in case or spaces only: problems where they share no size, else notes.

    Curves of one label in two spellings go on where the other one ends; those of two labels have the same
    sizes.
    """
    problems: list[Problem] = []
    notes: list[str] = []
    rows = draft.data[~draft.is_baseline]
    for column in [name for name in draft.curve if not pd.api.types.is_numeric_dtype(rows[name])]:
        labels = rows[column].dropna()
        same: dict[str, list[str]] = {}
        for label, plain in _plain(list(map(str, labels.unique()))).items():
            same.setdefault(plain, []).append(label)
        for spellings in filter(lambda found: len(found) > 1, same.values()):
            key = [name for name in draft.key if name != column]
            shared = rows[rows[column].isin(spellings)].duplicated(key).any()
            words = " and ".join(map(repr, spellings[:4]))
            if shared:
                notes.append(f"{column} {words} differ in case or spaces only, and were taken for two")
                continue
            row = int(labels.index[labels.eq(spellings[1])][0])
            hint = f"{words} differ in case or spaces only: write one of them, or other names if they are two"
            problems.append(draft.problem(row, column, "one-spelling", hint))
    return problems, notes


def _plain(labels: list[str]) -> dict[str, str]:
    """Return labels without what may be written in several ways: case, spaces, the zeros of a number."""
    texts = pd.Series([re.sub(r"\s+", "", label).casefold() for label in labels], dtype=object)
    numbers = to_numbers(texts, sizes=False)
    plain = numbers.notna() & texts.str.len().le(15) & texts.str.count(r"\.").eq(1)
    return dict(zip(labels, texts.where(~plain, numbers.map("{:g}".format)), strict=True))


def merged_cells(named: NamedCells) -> list[Problem]:
    """Return the first empty cell of labels that stand once above the rows that they are of."""
    for column in named.free:
        own = named.in_file(column)
        label = column in ("task", "mixture") or (column not in COLUMNS and meaning(own) in _MERGED)
        cells = named.cells[column]
        if not label or column in named.made_up or column == PATH or len(cells) < 3:
            continue
        empty = cells.eq("")
        again = cells.eq(cells.shift()) & ~empty
        if empty.iloc[0] or not empty.any() or again.any() or cells[~empty].nunique() < 2:
            continue
        if column == "mixture" and "pretrain_tokens" in named.free:
            sizes = to_numbers(named.cells["pretrain_tokens"], sizes=True)
            if sizes[empty].fillna(1).eq(0).all():
                continue
        if empty.groupby((~empty).cumsum()).any().mean() < 0.5:
            continue
        line = int(empty.index[empty][0])
        hint = (
            f"cells under {cells.iloc[0]!r} are empty, as where cells were merged: write the label into "
            f"every row; in pandas: frame[{own!r}] = frame[{own!r}].ffill()"
        )
        return [Problem(line, own, "merged-cells", "", hint)]
    return []
