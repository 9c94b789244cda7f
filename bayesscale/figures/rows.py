"""Rows: one labelled interval a line, such as mixtures in their order or the breaks of all curves."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bayesscale.figures.drawing import Frame
from bayesscale.figures.page import (
    COLOURS,
    GREY,
    MIDDLE,
    SMALL,
    in_pages,
    panels,
    plain,
    round_ticks,
    token_axis,
)
from bayesscale.figures.picture import Picture

MOST_LINES = 40
"""Lines of a panel; more are too small to be read."""
_HEIGHT = 0.19
_LABEL = 34


def draw_rows(table: pd.DataFrame, frame: Frame, *, log: bool = False, columns: int = 3) -> Picture:
    """Return a picture of intervals, a panel for each group; long groups are cut and say so.

    Columns of the table: panel, label, median, lower, upper (NaN: no interval), note, unit; where known
    weight, the opacity (0 to 1), and start and end of a grey line behind. `log` says that the values are
    sizes in tokens.
    """
    groups = [own for _, own in table.groupby("panel", sort=False)]
    lines = min(MOST_LINES, max(map(len, groups)))
    # Page by page, as few groups as are drawn in a minute and read in one view.
    per_page = max(columns, columns * (36 // (lines + 3)))
    left = 0.3 + 0.058 * max(len(plain(str(label), _LABEL)) for label in table["label"])
    right = 0.1 + 0.05 * max(map(len, table["note"]))
    figures = []
    for part in in_pages(groups, per_page):
        size = (2.4, max(0.5, _HEIGHT * lines))
        figure, axes = panels(len(part), columns, size, frame, left=left, right=right)
        for ax, own in zip(axes, part, strict=True):
            _panel(ax, own, lines, log=log)
        figures.append(figure)
    return Picture(table, tuple(figures))


def _panel(ax: Axes, own: pd.DataFrame, lines: int, *, log: bool) -> None:
    """Draw one group from top to bottom: label, interval, and a note at its right end."""
    hidden = len(own) - lines
    shown = own.head(lines)
    places = -np.arange(len(shown), dtype=float)
    if "end" in shown:
        ax.hlines(places, shown["start"], shown["end"], color="0.85", lw=3, zorder=1)
    opacity = shown["weight"].clip(0.15, 1.0) if "weight" in shown else pd.Series(1.0, index=shown.index)
    numbers = shown[["median", "lower", "upper"]].to_numpy(float)
    for place, (median, lower, upper), alpha in zip(places, numbers, opacity, strict=True):
        ax.plot([lower, upper], [place, place], color=COLOURS[0], lw=1.6, alpha=alpha, zorder=2)
        ax.plot([median], [place], "o", color=COLOURS[0], ms=4, alpha=alpha, zorder=3)
    for place, note in zip(places, shown["note"], strict=True):
        ax.text(
            1.02, place, str(note), transform=ax.get_yaxis_transform(), va="center", fontsize=6, color=GREY
        )  # fmt: skip
    ax.set_yticks(places, [plain(str(label), _LABEL) for label in shown["label"]], fontsize=SMALL)
    ax.set_ylim(-lines + 0.4, 0.9)
    known = shown[["lower", "upper"]].to_numpy(float)
    known = known[np.isfinite(known)]
    if log:
        ends = [*known, *(shown[["start", "end"]].to_numpy(float).ravel() if "end" in shown else [])]
        low, high = min(ends) / 1.3, max(ends) * 1.3
        token_axis(ax, round_ticks(low, high))
        ax.set_xlim(low, high)
    ax.grid(axis="x", color="0.9", lw=0.5)
    ax.set_xlabel(plain(str(own["unit"].iloc[0])), fontsize=SMALL)
    more = f" (first {lines} of {len(own)})" if hidden > 0 else ""
    title = plain(f"{own['panel'].iloc[0]}{more}", 48)
    if title:
        ax.set_title(title, fontsize=MIDDLE, loc="left")
