"""What candidates for the next measurement reduce, against what they cost."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from bayesscale.report.drawing import Drawing
from bayesscale.report.picture import Picture
from bayesscale.units import format_tokens

_SIZE = (7.5, 4.6)
# The names of candidates that reduce less than this share of the best would cover each other.
_NAMED = 0.15
_MARKERS = {"beyond": "o", "between": "s", "unmeasured": "^", "repeat": "x", "new": "D"}


def draw_frontier(
    candidates: pd.DataFrame, labels: Sequence[str], title: str, caption: str, warning: str
) -> Picture:
    """Return a picture of candidates: cost, reduction with its Monte Carlo error, the efficient ones joined.

    Parameters
    ----------
    candidates : pandas.DataFrame
        cost, reduction, reduction_error, place and efficient.
    labels : sequence of str
        A name for each candidate; those of the best efficient ones are written.
    title, caption : str
        Above and below.
    warning : str
        Why the picture must not be relied on; empty if it may be.
    """
    empty = pd.DataFrame()
    drawing = Drawing(candidates, empty, empty, (), None, "cost", {}, "", title, caption, warning)
    figure = Figure(figsize=_SIZE)
    ax = figure.add_axes((0.09, 0.25, 0.88, 0.65))
    table = candidates.assign(percent=100 * candidates["reduction"], label=list(labels))
    for place, group in table.groupby("place", sort=False):
        ax.errorbar(
            group["cost"], group["percent"], 100 * group["reduction_error"], label=str(place), ls="",
            fmt=_MARKERS[str(place)], ms=4, lw=0.7, alpha=0.8,
        )  # fmt: skip
    efficient = table[table["efficient"]].sort_values("cost")
    ax.step(efficient["cost"], efficient["percent"], where="post", color="0.5", lw=0.8, label="efficient")
    _name(ax, efficient)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda cost, _: format_tokens(cost)))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("cost (tokens times their price)", fontsize=8)
    ax.set_ylabel("expected reduction of what is unknown (%)", fontsize=8)
    ax.tick_params(labelsize=7)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(fontsize=7, frameon=False, loc="upper left")
    figure.text(0.01, 0.985, title, va="top", fontsize=9, weight="bold")
    figure.text(0.01, 0.01, "\n".join(textwrap.wrap(caption, 125)), fontsize=7, color="0.35")
    if warning:
        shout = "\n".join(textwrap.wrap(f"NOT CONVERGED - do not rely on this picture: {warning}", 100))
        figure.text(0.01, 0.945, shout, va="top", fontsize=8, color="red")
    return Picture(drawing, (figure,))


def _name(ax: Axes, efficient: pd.DataFrame) -> None:
    """Write the names of the best few efficient candidates to the left of their points."""
    best = efficient[efficient["percent"] > _NAMED * efficient["percent"].max()].nlargest(5, "percent")
    for label, cost, percent in zip(best["label"], best["cost"], best["percent"], strict=True):
        ax.annotate(
            str(label), (cost, percent), xytext=(-6, 3), textcoords="offset points", ha="right", fontsize=7
        )
