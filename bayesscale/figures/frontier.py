"""What candidates for the next measurement reduce, against what they cost."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from bayesscale.figures.drawing import Frame
from bayesscale.figures.page import COLOURS, MIDDLE, SMALL, panels, plain, tokens_formatter
from bayesscale.figures.picture import Picture

_SIZE = (6.6, 3.2)
# The names of candidates that reduce less than this share of the best would cover each other.
_NAMED = 0.15
_EFFICIENT = "nothing cheaper reduces more"
_MARKERS = {"beyond": "o", "between": "s", "unmeasured": "^", "repeat": "x", "new": "D"}


def draw_frontier(candidates: pd.DataFrame, labels: Sequence[str], frame: Frame) -> Picture:
    """Return a picture of candidates: cost, reduction with its error, the efficient ones joined."""
    figure, (ax,) = panels(1, 1, _SIZE, frame)
    table = candidates.assign(percent=100 * candidates["reduction"], label=list(labels))
    for number, (place, group) in enumerate(table.groupby("place", sort=False)):
        ax.errorbar(
            group["cost"], group["percent"], 100 * group["reduction_error"], label=str(place), ls="",
            fmt=_MARKERS[str(place)], ms=4, lw=0.7, alpha=0.8, color=COLOURS[number],
        )  # fmt: skip
    efficient = table[table["efficient"]].sort_values("cost")
    ax.step(efficient["cost"], efficient["percent"], where="post", color="0.5", lw=0.8, label=_EFFICIENT)
    _name(ax, efficient)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(tokens_formatter())
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("cost (tokens times their price)", fontsize=MIDDLE)
    ax.set_ylabel("expected reduction of what is unknown (%)", fontsize=MIDDLE)
    ax.legend(fontsize=SMALL, frameon=False, loc="upper left")
    return Picture(candidates, (figure,))


def _name(ax: Axes, efficient: pd.DataFrame) -> None:
    """Write the names of the best few efficient candidates to the left of their points."""
    best = efficient[efficient["percent"] > _NAMED * efficient["percent"].max()].nlargest(5, "percent")
    for label, cost, percent in zip(best["label"], best["cost"], best["percent"], strict=True):
        ax.annotate(
            plain(str(label)),
            (cost, percent),
            xytext=(-6, 3),
            textcoords="offset points",
            ha="right",
            fontsize=7,
        )
