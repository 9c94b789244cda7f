"""Calibration: how often intervals hold the values that they were made for, by their probability."""

from __future__ import annotations

import textwrap

import pandas as pd

from bayesscale.figures.drawing import Frame
from bayesscale.figures.page import COLOURS, FAINT, MIDDLE, SMALL, in_pages, panels, plain
from bayesscale.figures.picture import Picture


def draw_calibration(table: pd.DataFrame, frame: Frame, *, columns: int = 3) -> Picture:
    """Return a picture of the share of values below each quantile of their prediction, a panel a metric."""
    groups = list(table.groupby("metric", sort=False))
    figure, axes = panels(len(groups), columns, (2.3, 2.3), frame, left=0.6)
    for ax, (metric, own) in zip(axes, groups, strict=True):
        ax.fill_between(own["pit"], own["low"], own["high"], color=FAINT, lw=0)
        ax.plot([0, 1], [0, 1], color="0.5", lw=0.8)
        ax.step(own["pit"], own["share"], where="post", color=COLOURS[0], lw=1.4)
        ax.set_xlim(0, 1)
        ax.set_ylim(0, 1)
        ax.set_xlabel("probability predicted below", fontsize=SMALL)
        ax.set_ylabel("share of values below", fontsize=SMALL)
        ax.set_title(plain(f"{metric}, {len(own)} values", 40), fontsize=MIDDLE, loc="left")
    return Picture(table, (figure,))


def draw_held_out(table: pd.DataFrame, frame: Frame, *, columns: int = 3) -> Picture:
    """Return a picture of forecasts against measured values, a panel a metric; what is missed stands out.

    Columns of the table: metric, value, median, lower_90, upper_90.
    """
    groups = list(table.groupby("metric", sort=False))
    figure, axes = panels(len(groups), columns, (2.3, 2.3), frame, left=0.6)
    for ax, (metric, own) in zip(axes, groups, strict=True):
        inside = own["value"].between(own["lower_90"], own["upper_90"])
        low = min(own["lower_90"].min(), own["value"].min())
        high = max(own["upper_90"].max(), own["value"].max())
        ax.plot([low, high], [low, high], color="0.5", lw=0.8)
        for held, colour, marker in ((True, COLOURS[0], "o"), (False, COLOURS[1], "D")):
            part = own[inside == held]
            ax.vlines(part["value"], part["lower_90"], part["upper_90"], color=colour, lw=1, alpha=0.6)
            ax.plot(part["value"], part["median"], marker, color=colour, ms=3, lw=0)
        ax.set_xlabel(f"measured {plain(str(metric), 30)}", fontsize=SMALL)
        ax.set_ylabel("forecast", fontsize=SMALL)
        title = f"{plain(str(metric), 30)}: {inside.sum()} of {len(own)} inside"
        ax.set_title(title, fontsize=MIDDLE, loc="left")
    return Picture(table, (figure,))


def draw_densities(table: pd.DataFrame, frame: Frame, *, columns: int = 3) -> Picture:
    """Return a picture of prior and posterior densities, a panel a quantity."""
    figures = []
    for part in in_pages(list(table.groupby("quantity", sort=False)), columns * 6):
        figure, axes = panels(len(part), columns, (2.5, 1.0), frame, left=0.25, above=2)
        for ax, (quantity, own) in zip(axes, part, strict=True):
            for group, colour in (("prior", "0.6"), ("posterior", COLOURS[0])):
                line = own[own["group"] == group]
                ax.fill_between(line["x"], line["density"], color=colour, alpha=0.45, lw=0)
                ax.plot(line["x"], line["density"], color=colour, lw=1)
            ax.set_yticks([])
            ax.margins(y=0.2)
            ax.set_ylim(bottom=0)
            ax.spines["left"].set_visible(False)
            title = textwrap.wrap(plain(str(quantity), 90), 46)[:2]
            ax.set_title("\n".join(title), fontsize=SMALL, loc="left")
        figures.append(figure)
    return Picture(table, tuple(figures))
