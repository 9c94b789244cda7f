"""What all pages share: panels in rows and columns, title, warning, legend and caption around them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from math import ceil
from typing import Any, TypeVar

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bayesscale.figures.drawing import Frame
from bayesscale.text import printable, shortened
from bayesscale.units import format_tokens

SMALL, MIDDLE = 7, 8
INK, GREY, FAINT = "black", "0.35", "0.9"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
"""Colours that people without colour vision tell apart by lightness (Okabe and Ito 2008)."""
MARKERS = "os^Dv*XP"
_LINE, _LOUD = 0.16, 0.25
_SHOUT = "NOT CONVERGED - do not rely on this picture"
_SIDE = 0.1
Item = TypeVar("Item")


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
    head, foot = room(frame, width)
    head, foot = head + _LINE * above, foot + 0.52 + _LINE * legend
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
        bare(ax)
    surround(figure, frame)
    return figure, axes[:count]


def bare(ax: Axes) -> None:
    """Draw axes with small labels and without the lines above and to the right."""
    ax.tick_params(labelsize=SMALL, length=2.5, pad=2)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_axisbelow(True)


def _wrapped(frame: Frame, width: float) -> tuple[list[str], list[str], list[str], list[str]]:
    """Return title, what shouts, warning and caption in lines that fit a width in inches."""
    shout = _SHOUT if frame.warning else ""
    texts = ((frame.title, 12), (shout, 5.5), (frame.warning, 14), (frame.caption, 17))
    title, loud, reasons, caption = (
        textwrap.wrap(plain(text, 2000), int(width * each)) for text, each in texts
    )
    return title, loud, reasons, caption


def room(frame: Frame, width: float) -> tuple[float, float]:
    """Return the inches that title and warning take above, and the caption below."""
    title, loud, reasons, caption = _wrapped(frame, width)
    warning = 0.05 + _LOUD * len(loud) + _LINE * len(reasons) if reasons else 0.0
    return 0.2 + 0.2 * len(title) + warning, _LINE * len(caption)


def surround(figure: Figure, frame: Frame) -> None:
    """Write title, warning and caption of a figure that has its size."""
    width, height = figure.get_size_inches()
    title, loud, reasons, caption = _wrapped(frame, width)
    left, top = _SIDE / width, 1 - 0.08 / height
    figure.text(left, top, "\n".join(title), va="top", fontsize=10, weight="bold")
    if reasons:
        top -= (0.04 + 0.2 * len(title)) / height
        figure.text(left, top, "\n".join(loud), va="top", fontsize=13, weight="bold", color="red")
        top -= _LOUD * len(loud) / height
        figure.text(left, top, "\n".join(reasons), va="top", fontsize=MIDDLE, color="red")
    figure.text(left, 0.06 / height, "\n".join(caption), va="bottom", fontsize=SMALL, color=GREY)


def put_legend(
    figure: Figure, frame: Frame, entries: tuple[Sequence[Any], Sequence[str]], columns: int = 4
) -> None:
    """Put a legend of handles and labels above the caption."""
    width, height = figure.get_size_inches()
    lines = len(_wrapped(frame, width)[-1])
    figure.legend(
        *entries, loc="lower left", ncol=columns, fontsize=SMALL, frameon=False, borderaxespad=0, borderpad=0,
        bbox_to_anchor=(_SIDE / width, (0.12 + _LINE * lines) / height), handlelength=1.8, columnspacing=1.2,
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0)},
    )  # fmt: skip


def in_pages(items: Sequence[Item], most: int) -> Iterator[Sequence[Item]]:
    """Yield at most so many items for each page."""
    yield from (items[start : start + most] for start in range(0, len(items), most))


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
