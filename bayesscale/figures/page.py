"""What all pages share: panels in rows and columns, title, warning, legend and caption around them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from math import ceil
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bayesscale.figures.drawing import Frame
from bayesscale.text import printable, shortened
from bayesscale.units import format_tokens

SMALL, MIDDLE = 7, 8
INK, GREY, FAINT = "black", "0.35", "0.9"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
"""Colours that people without colour vision tell apart by lightness (Okabe and Ito 2008)."""
MARKERS = "os^Dv*XP"
_LINE = 0.16
_SIDE = 0.1


def plain(text: str, width: int = 60) -> str:
    """Return a text that is short enough for a label, and in which no dollar sign starts a formula."""
    return shortened(printable(text), width).replace("$", r"\$")


def panels(
    count: int,
    columns: int,
    size: tuple[float, float],
    frame: Frame,
    *,
    left: float = 0.7,
    right: float = 0.0,
    legend: int = 0,
    above: int = 1,
) -> tuple[Figure, list[Axes]]:
    """Return a figure with panels, and title, warning and caption around them.

    Sizes are in inches: of a panel, and left and right of it for labels; legend and title take lines.
    """
    columns = min(columns, count)
    rows = ceil(count / columns)
    width = max(4.6, columns * (size[0] + left + right) + 2 * _SIDE)
    reasons = textwrap.wrap(frame.warning.replace("$", r"\$"), int(width * 14))
    caption = textwrap.wrap(frame.caption.replace("$", r"\$"), int(width * 17))
    title = textwrap.wrap(frame.title.replace("$", r"\$"), int(width * 12))
    head = 0.2 + _LINE * above + 0.2 * len(title) + (0.25 + _LINE * len(reasons) if reasons else 0.0)
    foot = 0.6 + _LINE * (len(caption) + legend)
    height = head + rows * size[1] + (rows - 1) * 0.55 + foot
    figure = Figure(figsize=(width, height), dpi=100)
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    across = (width - 2 * _SIDE) / columns - left - right
    figure.subplots_adjust(
        left=(_SIDE + left) / width, right=1 - (_SIDE + right) / width, bottom=foot / height,
        top=1 - head / height, wspace=(left + right) / across, hspace=0.55 / size[1],
    )  # fmt: skip
    for ax in axes[count:]:
        ax.set_visible(False)
    for ax in axes[:count]:
        ax.tick_params(labelsize=SMALL, length=2.5, pad=2)
        ax.spines[["top", "right"]].set_visible(False)
        ax.set_axisbelow(True)
    top = 1 - 0.08 / height
    figure.text(_SIDE / width, top, "\n".join(title), va="top", fontsize=10, weight="bold")
    if reasons:
        shout = "\n".join(["NOT CONVERGED - do not rely on this picture", *reasons])
        below = top - (0.04 + 0.2 * len(title)) / height
        figure.text(_SIDE / width, below, shout, va="top", fontsize=MIDDLE, color="red")
    figure.text(_SIDE / width, 0.06 / height, "\n".join(caption), va="bottom", fontsize=SMALL, color=GREY)
    return figure, axes[:count]


def put_legend(figure: Figure, frame: Frame, ax: Axes, columns: int = 4) -> None:
    """Put the legend of one panel above the caption."""
    width, height = figure.get_size_inches()
    lines = len(textwrap.wrap(frame.caption, int(width * 17)))
    figure.legend(
        *ax.get_legend_handles_labels(), loc="lower left", ncol=columns, fontsize=SMALL, frameon=False,
        bbox_to_anchor=(_SIDE / width, (0.12 + _LINE * lines) / height), borderaxespad=0, borderpad=0,
    )  # fmt: skip


def token_axis(ax: Axes, ticks: Sequence[float]) -> None:
    """Label a logarithmic axis of sizes with some of them."""
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator(list(ticks)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(tokens_formatter())


def tokens_formatter() -> Any:
    """Return a formatter that writes sizes as 130B."""
    write: Callable[[float, int | None], str] = lambda size, _: format_tokens(size)  # noqa: E731
    return FuncFormatter(write)


def round_ticks(low: float, high: float) -> list[float]:
    """Return at most four round sizes, none so near the right edge that its label meets the next panel's."""
    import numpy as np

    right = high / (high / low) ** 0.03
    decades = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)))
    for steps in ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), np.arange(1.0, 10.0, 0.5)):
        sizes = np.outer(decades, steps).ravel()
        inside = sizes[(sizes >= low) & (sizes <= right)]
        if len(inside) > 1:
            break
    return [float(size) for size in inside[:: max(1, ceil(len(inside) / 4))]]
