"""Score against loss at the measured sizes, with the fitted link score = C exp(-k loss)."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bayesscale.figures.drawing import Frame
from bayesscale.figures.page import COLOURS, MARKERS, MIDDLE, SMALL, in_pages, panels, plain, put_legend
from bayesscale.figures.picture import Picture

_COLUMNS, _ROWS = 3, 4
_NAMED = 14


def draw_links(
    points: pd.DataFrame, links: pd.DataFrame, cells: Sequence[str], frame: Frame, *, columns: int = _COLUMNS
) -> Picture:
    """Return a picture of score against loss: a panel for each link, a colour for each mixture."""
    mixtures = list(dict.fromkeys(points["mixture"])) if "mixture" in points else []
    figures = []
    for part in in_pages(links.to_dict("records"), columns * _ROWS):
        lines = ceil((min(len(mixtures), _NAMED) + 1) / 4)
        figure, axes = panels(len(part), columns, (2.4, 1.9), frame, left=0.6, legend=lines)
        for ax, link in zip(axes, part, strict=True):
            _panel(ax, points, link, cells, mixtures)
        put_legend(figure, frame, axes[0].get_legend_handles_labels())
        figures.append(figure)
    return Picture(points, tuple(figures))


def _panel(
    ax: Axes, points: pd.DataFrame, link: dict[Any, Any], cells: Sequence[str], mixtures: Sequence[str]
) -> None:
    """Draw the points of one link, joined along each curve, and the fitted relation."""
    chosen = (points["metric"] == link["metric"]) & (points["loss"] == link["loss"])
    for name in cells:
        chosen &= points[name] == link[name]
    own = points[chosen]
    for place, mixture in enumerate(mixtures or ["all"]):
        curve = own[own["mixture"] == mixture] if mixtures else own
        ax.plot(
            curve["loss_value"], curve["score"], marker=MARKERS[place % len(MARKERS)], ms=3.2, lw=0.8,
            color=COLOURS[place % len(COLOURS)], alpha=0.9,
            label=plain(str(mixture), 24) if place < _NAMED else "_",
        )  # fmt: skip
    span = np.linspace(own["loss_value"].min(), own["loss_value"].max(), 60)
    x = np.log(span) if link["loss"] == "perplexity" else span
    ax.plot(
        span, link["c"] * np.exp(-link["k"] * x), color="0.3", lw=1.2, ls=(0, (4, 2)), label="fitted link"
    )
    ax.invert_xaxis()
    ax.set_xlabel(plain(f"{link['loss'].replace('_', ' ')} (better to the right)"), fontsize=SMALL)
    ax.set_ylabel(plain(str(link["metric"])), fontsize=SMALL)
    ax.set_title(plain(f"{link['heading']}: link {link['verdict']}", 48), fontsize=MIDDLE, loc="left")
