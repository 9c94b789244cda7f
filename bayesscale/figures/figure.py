"""One page of small multiples: data, credible bands, forecast region. Matplotlib without global state."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bayesscale.figures.drawing import Drawing, pages
from bayesscale.figures.page import (
    GREY,
    MARKERS,
    bare,
    plain,
    put_legend,
    room,
    round_ticks,
    surround,
    token_axis,
)
from bayesscale.figures.picture import Picture
from bayesscale.units import format_tokens

_COLUMNS = 6
# In inches: width and height of a panel, height of a single row; margins left and right; a line of text.
_PANEL = (2.05, 1.75)
_SINGLE = 2.6
# Panels that may stand in a row that is the only one.
_LONE_ROW = 4
# Colours in the swatch of a band.
_SWATCHES = 5
_SIDES = (0.9, 0.25)
# Above or below a target, as a share of the panel.
_TARGET_ROOM = 0.05
# Opacity of the bands of laws, and of new measurements.
_LAW, _NEW = 0.45, 0.18
_BANDS = ("lower", "upper", "law_median", "law_lower", "law_upper", "efolds_beyond")


@dataclass(frozen=True)
class _Grid:
    """Rows and columns of panels; the rows of each metric form a block."""

    columns: int
    rows: int
    metrics: int

    @classmethod
    def of(cls, keys: int, metrics: int, most: int) -> _Grid:
        rows = ceil(keys / most)
        # A lone row of many panels is wider than a page or a screen shows in a readable size.
        rows = 2 if rows == metrics == 1 and keys > _LONE_ROW else rows
        return cls(ceil(keys / rows), rows, metrics)

    def place(self, metric: int, key: int) -> tuple[int, int]:
        """Return row and column of a panel."""
        return metric * self.rows + key // self.columns, key % self.columns


def draw(drawing: Drawing, *, columns: int = _COLUMNS) -> Picture:
    """Return the picture of a drawing."""
    parts = pages(drawing)
    names = [
        f"page {number} of {len(parts)}" if len(parts) > 1 else "" for number in range(1, len(parts) + 1)
    ]
    figures = [draw_page(drawing.only(keys), name, columns) for keys, name in zip(parts, names, strict=True)]
    return Picture(drawing.bands, tuple(figures))


def draw_page(drawing: Drawing, page: str = "", columns: int = _COLUMNS) -> Figure:
    """Return a figure of all panels."""
    keys = drawing.keys
    grid = _Grid.of(len(keys), len(drawing.metrics), columns)
    figure = Figure(dpi=100)
    axes = figure.subplots(grid.rows * grid.metrics, grid.columns, squeeze=False)
    for ax in axes.flat:
        ax.set_visible(False)
    for number, metric in enumerate(drawing.metrics):
        used = [(axes[grid.place(number, i)], key) for i, key in enumerate(keys)]
        for ax, key in used:
            ax.set_visible(True)
            _panel(ax, drawing, key, metric)
        _share(drawing, metric, used)
        _label_axes(drawing, metric, grid, [ax for ax, _ in used], last=metric == drawing.metrics[-1])
    _frame(figure, drawing, grid, page)
    return figure


def _colours(drawing: Drawing) -> dict[float | None, Any]:
    """Return a colour for each level, from dark to light as the size grows."""
    levels = drawing.levels
    shades = colormaps["viridis"](np.linspace(0.08, 0.82, max(len(levels), 1)))
    return dict(zip(levels, shades, strict=True)) if levels else {None: shades[0]}


def _marker(drawing: Drawing, level: float | None) -> str:
    """Return a marker, so that few levels differ by more than colour."""
    levels = drawing.levels
    return MARKERS[levels.index(level)] if level is not None and len(levels) <= len(MARKERS) else "o"


def _panel(ax: Axes, drawing: Drawing, key: tuple[Any, ...], metric: str) -> None:
    """Draw the lines of one panel and mark its forecast region."""
    colours = _colours(drawing)
    ends = []
    for level, tables in drawing.lines(key, metric):
        _line(ax, drawing.axis, colours[level], _marker(drawing, level), tables)
        bands = tables["bands"]
        ends.append(
            (bands.loc[bands["efolds_beyond"] <= 1e-9, drawing.axis].max(), bands[drawing.axis].max())
        )
    last, end = np.nanmax(np.array(ends, dtype=float), axis=0, initial=0.0)
    if 0 < last < end:
        ax.axvspan(last, end, color="0.93", lw=0, zorder=0)
        ax.axvline(last, color="0.6", lw=0.8, ls=":", zorder=1)
        ax.text(
            last, 0.99, " forecast", transform=ax.get_xaxis_transform(), fontsize=6, color="0.45", va="top"
        )
    ax.set_xscale("log")
    ax.set_title("\n".join(textwrap.wrap(plain(drawing.heading(key)), 30)[:2]), fontsize=8, y=1.0)


def _line(ax: Axes, axis: str, colour: Any, marker: str, tables: dict[str, pd.DataFrame]) -> None:
    """Draw one curve: points, law with its band, and predictive band beyond the data."""
    table, points = tables["bands"].sort_values(axis), tables["points"]
    bands = {name: table[name].to_numpy() for name in (axis, *_BANDS)}
    beyond, inside = ({name: values[own] for name, values in bands.items()} for own in (
        bands["efolds_beyond"] >= -1e-9, bands["efolds_beyond"] <= 1e-9
    ))  # fmt: skip
    ax.fill_between(bands[axis], bands["law_lower"], bands["law_upper"], color=colour, alpha=_LAW, lw=0)
    ax.fill_between(beyond[axis], beyond["lower"], beyond["upper"], color=colour, alpha=_NEW, lw=0)
    ax.plot(inside[axis], inside["law_median"], color=colour, lw=1.1)
    ax.plot(beyond[axis], beyond["law_median"], color=colour, lw=1.1, ls=(0, (3, 1.5)))
    for value in tables["baseline"]["value"]:
        ax.axhline(value, color=colour, lw=0.8, ls=(0, (1, 2)))
    error = points["se"].to_numpy(float)
    ax.errorbar(
        points[axis].to_numpy(), points["value"].to_numpy(),
        yerr=np.nan_to_num(error) if np.isfinite(error).any() else None,
        fmt=marker, color=colour, ms=3, mew=0.4, mec="white", elinewidth=0.8, zorder=3,
    )  # fmt: skip


def _share(drawing: Drawing, metric: str, used: list[tuple[Axes, tuple[Any, ...]]]) -> None:
    """Give the panels of a metric the same axes: all data, and bands as far as they do not dwarf them."""
    parts = [tables for _, key in used for _, tables in drawing.lines(key, metric)]
    sizes = np.concatenate([part["bands"][drawing.axis] for part in parts])
    bands = np.concatenate([part["bands"][["law_lower", "law_upper", "lower", "upper"]] for part in parts])
    data = np.concatenate([pd.concat([part["points"]["value"], part["baseline"]["value"]]) for part in parts])
    data = data if data.size else bands[:, :2].ravel()
    span = max(np.ptp(data), 1e-3 * float(np.abs(data).max()), 1e-9)
    low = max(bands.min(), data.min() - span)
    high = min(bands.max(), data.max() + span)
    low, high = min(low, data.min()), max(high, data.max())
    room = max(high - low, span)
    for ax, _ in used:
        ax.set_xlim(sizes.min() / 1.25, sizes.max() * 1.02)
        # Room at the top for the word forecast.
        ax.set_ylim(low - 0.04 * room, high + 0.1 * room)


def _label_axes(drawing: Drawing, metric: str, grid: _Grid, axes: list[Axes], *, last: bool) -> None:
    """Label what is at the edge of the block: units on the left, token counts at the foot."""
    for number, ax in enumerate(axes):
        token_axis(ax, round_ticks(*ax.get_xlim()))
        bare(ax)
        ax.grid(axis="y", color="0.9", lw=0.5)
        if number % grid.columns:
            ax.tick_params(labelleft=False)
        else:
            ax.set_ylabel(plain(f"{metric}\n({drawing.units[metric]})"), fontsize=8)
        foot = number + grid.columns >= len(axes)
        ax.tick_params(labelbottom=foot)
        if foot and last:
            ax.set_xlabel(drawing.axis.replace("_", " "), fontsize=8)


def _legend(drawing: Drawing) -> tuple[list[Any], list[str]]:
    """Return the handles and labels of the legend."""
    colours = _colours(drawing)
    handles: list[Any] = [
        Line2D([], [], color=colours[level], marker=_marker(drawing, level), ms=4, mec="white", lw=1.5)
        for level in drawing.levels
    ]
    labels = [
        f"{(drawing.colour or '').replace('_', ' ')} {format_tokens(level)}" for level in drawing.levels
    ]
    # What several lines share has the colours of all.
    shades = list(colours.values())
    shown = shades[:: ceil(len(shades) / _SWATCHES)]
    ink = shades[0] if len(shades) == 1 else GREY
    handles += [
        Line2D([], [], color=ink, marker="o", ls="", ms=4),
        tuple(Patch(color=shade, alpha=_LAW, lw=0) for shade in shown),
        tuple(Patch(color=shade, alpha=_NEW, lw=0) for shade in shown),
    ]
    labels += [
        "measured" + (", with standard error" if drawing.points["se"].notna().any() else ""),
        f"law: median and {drawing.percent} credible band",
        f"new measurement: {drawing.percent} predictive interval",
    ]
    if len(drawing.baseline):
        handles.append(Line2D([], [], color=ink, lw=0.8, ls=(0, (1, 2))))
        labels.append("without pretraining (mean measured)")
    return handles, labels


def _frame(figure: Figure, drawing: Drawing, grid: _Grid, page: str) -> None:
    """Set the size of the figure and put title, warning, legend and caption around the panels."""
    width = max(4.6, _PANEL[0] * grid.columns + sum(_SIDES))
    title = " - ".join(filter(None, [drawing.frame.title, drawing.common(), page]))
    frame = replace(drawing.frame, title=plain(title, 160))
    handles, labels = _legend(drawing)
    columns = max(1, min(int(width / 2.5), len(handles)))
    head, foot = room(frame, width)
    head, foot = head + 0.2, foot + 0.58 + 0.17 * ceil(len(handles) / columns)
    rows = grid.rows * grid.metrics
    height = head + (_SINGLE if rows == 1 else _PANEL[1] * rows) + foot
    figure.set_size_inches(width, height)
    figure.subplots_adjust(
        left=_SIDES[0] / width, right=1 - _SIDES[1] / width, bottom=foot / height, top=1 - head / height,
        wspace=0.08, hspace=0.32,
    )  # fmt: skip
    surround(figure, frame)
    put_legend(figure, frame, (handles, labels), columns)


def mark_target(picture: Picture, target: float) -> None:
    """Draw a line at a value, for which the panels make room."""
    for figure in picture.figures:
        for ax in (ax for ax in figure.axes if ax.get_visible()):
            low, high = ax.get_ylim()
            room = _TARGET_ROOM * (max(high, target) - min(low, target))
            ax.set_ylim(min(low, target - room), max(high, target + room))
            ax.axhline(target, color="tab:red", lw=0.8, zorder=2)
            where = ax.get_yaxis_transform()
            ax.text(
                0.01, target, f"target {target:g}", transform=where, fontsize=6, color="tab:red", va="bottom"
            )
