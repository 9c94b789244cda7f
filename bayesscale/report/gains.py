"""Gains of pretraining against D_f: a panel for each task and metric, a colour for each mixture."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bayesscale.report.drawing import Drawing
from bayesscale.report.picture import Picture
from bayesscale.units import format_tokens

_COLUMNS = 3
_ROWS = 4
# In inches: a panel, and what is above and below all of them.
_PANEL = (3.2, 2.5)
_HEAD, _FOOT = 0.6, 0.6
_MARKERS = "os^Dvp*X"
# All intervals at one D_f together are this wide, as a factor.
_WIDTH = 1.35


def draw_gains(
    table: pd.DataFrame, panel: tuple[str, ...], size: str, title: str, caption: str, warning: str
) -> Picture:
    """Return a picture of gains with their intervals, and of the gain that counts.

    Parameters
    ----------
    table : pandas.DataFrame
        The panel columns, mixture, `size`, gain_median, gain_lower, gain_upper, delta and unit.
    panel : tuple of str
        Columns that tell panels apart.
    size : str
        Column of the sizes on the horizontal axis.
    title, caption : str
        Above and below.
    warning : str
        Why the picture must not be relied on; empty if it may be.
    """
    empty = pd.DataFrame()
    drawing = Drawing(table, empty, empty, panel, None, size, {}, "", title, caption, warning)
    parts = [(key, rows) for key, rows in table.groupby(list(panel), sort=False)]
    page = _COLUMNS * _ROWS
    figures = [_page(parts[start : start + page], drawing) for start in range(0, len(parts), page)]
    return Picture(drawing, tuple(figures))


def _page(parts: list[tuple[Any, pd.DataFrame]], drawing: Drawing) -> Figure:
    """Return one page of panels."""
    columns = min(_COLUMNS, len(parts))
    rows = -(-len(parts) // columns)
    mixtures = list(dict.fromkeys(drawing.bands["mixture"]))
    width = max(7.0, columns * _PANEL[0])
    caption = textwrap.wrap(drawing.caption.replace("$", r"\$"), int(width * 17))
    reasons = textwrap.wrap(drawing.warning.replace("$", r"\$"), int(width * 14))
    head, foot = _HEAD + 0.25 * len(reasons), _FOOT + 0.16 * (len(caption) + -(-len(mixtures) // 4))
    height = rows * _PANEL[1] + head + foot
    figure = Figure(figsize=(width, height), dpi=100)
    axes = figure.subplots(rows, columns, squeeze=False)
    for ax in axes.flat[len(parts) :]:
        ax.set_visible(False)
    for ax, (key, own) in zip(axes.flat, parts, strict=False):
        _panel(ax, own, mixtures, drawing.axis)
        ax.set_title(_heading(drawing.panel, key), fontsize=8)
    figure.subplots_adjust(
        left=0.7 / width, right=1 - 0.15 / width, bottom=foot / height, top=1 - head / height,
        wspace=0.28, hspace=0.45,
    )  # fmt: skip
    _frame(figure, axes.flat[0], drawing, caption, reasons)
    return figure


def _panel(ax: Axes, rows: pd.DataFrame, mixtures: list[str], size: str) -> None:
    """Draw the gains of one task and metric."""
    shades = colormaps["viridis"](np.linspace(0.05, 0.85, len(mixtures)))
    offsets = np.geomspace(1 / _WIDTH, _WIDTH, len(mixtures)) if len(mixtures) > 1 else [1.0]
    for place, mixture in enumerate(mixtures):
        own = rows[rows["mixture"] == mixture]
        below, above = own["gain_median"] - own["gain_lower"], own["gain_upper"] - own["gain_median"]
        ax.errorbar(
            own[size] * offsets[place], own["gain_median"], [below, above], color=shades[place], ls="", ms=4,
            fmt=_MARKERS[place % len(_MARKERS)], lw=1.0, label=mixture.replace("$", r"\$"),
        )  # fmt: skip
    ax.axhline(0.0, color="0.3", lw=0.8)
    ax.axhline(float(rows["delta"].iloc[0]), color="tab:red", lw=0.8, ls=(0, (4, 2)), label="delta")
    ax.set_xscale("log")
    sizes = np.unique(rows[size])
    ax.xaxis.set_major_locator(FixedLocator(sizes[:: max(1, -(-len(sizes) // 5))].tolist()))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda number, _: format_tokens(number)))
    ax.set_xlim(sizes[0] / _WIDTH**2, sizes[-1] * _WIDTH**2)
    ax.set_xlabel(size.replace("_", " "), fontsize=7)
    ax.set_ylabel(f"gain ({rows['unit'].iloc[0]})", fontsize=7)
    ax.tick_params(labelsize=7)
    ax.grid(axis="y", color="0.9", lw=0.5)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def _heading(panel: tuple[str, ...], key: Any) -> str:
    """Return the title of a panel."""
    texts = [
        format_tokens(float(part)) if name == "model_params" else str(part)
        for name, part in zip(panel, key, strict=True)
    ]
    return ", ".join(texts).replace("$", r"\$")


def _frame(figure: Figure, ax: Axes, drawing: Drawing, caption: list[str], reasons: list[str]) -> None:
    """Put title, warning, legend and caption around the panels."""
    width, height = figure.get_size_inches()
    figure.text(0.1 / width, 1 - 0.1 / height, drawing.title, va="top", fontsize=10, weight="bold")
    if reasons:
        shout = "\n".join(["NOT CONVERGED - do not rely on this picture", *reasons])
        figure.text(0.1 / width, 1 - 0.32 / height, shout, va="top", fontsize=8, color="red")
    figure.text(0.1 / width, 0.06 / height, "\n".join(caption), va="bottom", fontsize=7, color="0.35")
    figure.legend(
        *ax.get_legend_handles_labels(), loc="lower left", ncol=4, fontsize=7, frameon=False, borderpad=0,
        bbox_to_anchor=(0.1 / width, (0.12 + 0.16 * len(caption)) / height), borderaxespad=0,
    )  # fmt: skip
