"""Gains of pretraining against D_f: a panel for each task and metric, a colour for each mixture."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bayesscale.figures.drawing import Frame
from bayesscale.figures.page import COLOURS, MARKERS, MIDDLE, in_pages, panels, plain, put_legend, token_axis
from bayesscale.figures.picture import Picture
from bayesscale.units import format_tokens

_COLUMNS = 3
_ROWS = 4
# In inches.
_PANEL = (2.5, 1.9)
# All intervals at one D_f together are this wide, as a factor.
_WIDTH = 1.35


def draw_gains(
    table: pd.DataFrame, panel: tuple[str, ...], size: str, frame: Frame, *, columns: int = _COLUMNS
) -> Picture:
    """Return a picture of gains with their intervals, and of the gain that counts."""
    parts = [(key, rows) for key, rows in table.groupby(list(panel), sort=False)]
    mixtures = list(dict.fromkeys(table["mixture"]))
    figures = []
    for own in in_pages(parts, columns * _ROWS):
        figure, axes = panels(
            len(own), columns, _PANEL, frame, left=0.6, legend=ceil((len(mixtures) + 1) / 4)
        )
        for ax, (key, rows) in zip(axes, own, strict=True):
            _panel(ax, rows, mixtures, size)
            ax.set_title(_heading(panel, key), fontsize=MIDDLE)
        put_legend(figure, frame, axes[0].get_legend_handles_labels())
        figures.append(figure)
    return Picture(table, tuple(figures))


def _panel(ax: Axes, rows: pd.DataFrame, mixtures: list[str], size: str) -> None:
    """Draw the gains of one task and metric."""
    offsets = np.geomspace(1 / _WIDTH, _WIDTH, len(mixtures)) if len(mixtures) > 1 else [1.0]
    for place, mixture in enumerate(mixtures):
        own = rows[rows["mixture"] == mixture]
        below, above = own["gain_median"] - own["gain_lower"], own["gain_upper"] - own["gain_median"]
        ax.errorbar(
            own[size] * offsets[place], own["gain_median"], [below, above], ls="", ms=4,
            color=COLOURS[place % len(COLOURS)], fmt=MARKERS[place % len(MARKERS)], lw=1.0,
            label=plain(mixture, 24),
        )  # fmt: skip
    ax.axhline(0.0, color="0.3", lw=0.8)
    ax.axhline(float(rows["delta"].iloc[0]), color="tab:red", lw=0.8, ls=(0, (4, 2)), label="delta")
    sizes = np.unique(rows[size])
    token_axis(ax, sizes[:: ceil(len(sizes) / 5)].tolist())
    ax.set_xlim(sizes[0] / _WIDTH**2, sizes[-1] * _WIDTH**2)
    ax.set_xlabel(size.replace("_", " "), fontsize=7)
    ax.set_ylabel(f"gain ({rows['unit'].iloc[0]})", fontsize=7)
    ax.grid(axis="y", color="0.9", lw=0.5)


def _heading(panel: tuple[str, ...], key: Any) -> str:
    """Return the title of a panel."""
    texts = [
        format_tokens(float(part)) if name == "model_params" else str(part)
        for name, part in zip(panel, key, strict=True)
    ]
    return plain(", ".join(texts), 48)
