"""What a picture shows: numbers in tables, and what their columns mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pandas as pd

from bayesscale.units import format_tokens

MOST_PANELS = 24
"""Panels on one page; more are too small to be read."""
_TABLES = ("bands", "points", "baseline")


@dataclass(frozen=True)
class Frame:
    """What stands around a picture: title above, caption below, and in red why it must not be relied on."""

    title: str
    caption: str
    warning: str = ""


@dataclass(frozen=True)
class Drawing:
    """Curves as small multiples: a panel for each value of the panel columns, task first, and each metric.

    `bands` has panel columns, `colour` where it is given, metric, `axis`; median, lower, upper of a new
    measurement; law_median, law_lower, law_upper; efolds_beyond, from which on a line is a forecast. `points`
    are measured: the same columns that name a line, `axis`, value, se (NaN where unknown). `baseline` has
    these columns, and value: the mean score without pretraining.

    `colour` is the column of sizes that tells the lines of a panel apart, `axis` that of the sizes along a
    curve, `percent` the probability of the bands, such as '90%'.
    """

    bands: pd.DataFrame = field(repr=False)
    points: pd.DataFrame = field(repr=False)
    baseline: pd.DataFrame = field(repr=False)
    panel: tuple[str, ...]
    colour: str | None
    axis: str
    units: dict[str, str]
    percent: str
    frame: Frame

    @property
    def metrics(self) -> list[str]:
        """The metrics, in order."""
        return list(self.units)

    @property
    def keys(self) -> list[tuple[Any, ...]]:
        """The values of the panel columns, one panel each, in order."""
        return list(self.bands[list(self.panel)].drop_duplicates().itertuples(index=False, name=None))

    @property
    def levels(self) -> list[float]:
        """The values that colours stand for, sorted; empty if there is one line a panel."""
        return [] if self.colour is None else sorted(self.bands[self.colour].unique())

    def lines(
        self, key: tuple[Any, ...], metric: str
    ) -> Iterator[tuple[float | None, dict[str, pd.DataFrame]]]:
        """Yield the lines of a panel: their level, and their part of `bands`, `points` and `baseline`."""
        levels: list[float | None] = [*self.levels] or [None]
        for level in levels:
            names = (*key, metric) if level is None else (*key, metric, level)
            own = {name: getattr(self, name).iloc[self._groups[name].get(names, [])] for name in _TABLES}
            if len(own["bands"]):
                yield level, own

    @cached_property
    def _groups(self) -> dict[str, dict[Any, Any]]:
        """The rows of each line, by table and by what names the line."""
        columns = [*self.panel, "metric", *([] if self.colour is None else [self.colour])]
        return {name: dict(getattr(self, name).groupby(columns, dropna=False).indices) for name in _TABLES}

    def only(self, keys: list[tuple[Any, ...]]) -> Drawing:
        """Return the drawing of some panels."""
        wanted = pd.DataFrame(keys, columns=list(self.panel))
        tables = {name: getattr(self, name).merge(wanted, on=list(self.panel)) for name in _TABLES}
        return replace(self, **tables)

    def heading(self, key: tuple[Any, ...]) -> str:
        """Return the title of a panel: what tells it apart from others."""
        varying = [i for i, values in enumerate(zip(*self.keys, strict=True)) if len(set(values)) > 1]
        return " | ".join(_text(self.panel[i], key[i]) for i in varying)

    def common(self) -> str:
        """Return what all panels have in common, 'task en-fr'; empty if nothing."""
        same = [
            (name, set(values)) for name, values in zip(self.panel, zip(*self.keys, strict=True), strict=True)
        ]
        return ", ".join(
            f"{name} {_text(name, value)}"
            for name, found in same
            if len(found) == 1
            for value in found
            if value != "all"
        )


def _text(name: str, value: Any) -> str:
    """Return a label, or a size with its suffix."""
    return format_tokens(float(value)) if name.endswith(("_tokens", "_params")) else str(value)


def pages(drawing: Drawing) -> list[list[tuple[Any, ...]]]:
    """Return the panels' keys page by page: whole tasks together where they fit."""
    most = max(1, MOST_PANELS // len(drawing.metrics))
    tasks: dict[Any, list[tuple[Any, ...]]] = {}
    for key in drawing.keys:
        tasks.setdefault(key[0], []).append(key)
    found: list[list[tuple[Any, ...]]] = []
    for keys in tasks.values():
        parts = [keys[start : start + most] for start in range(0, len(keys), most)]
        if found and len(found[-1]) + len(parts[0]) <= most:
            found[-1] += parts.pop(0)
        found += parts
    return found
