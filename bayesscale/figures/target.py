"""A line at the value that is wanted, in every panel of a picture of one metric."""

from __future__ import annotations

from bayesscale.figures.picture import Picture

_ROOM = 0.05


def mark_target(picture: Picture, target: float) -> None:
    """Draw a line at a value, for which the panels make room."""
    for figure in picture.figures:
        for ax in (ax for ax in figure.axes if ax.get_visible()):
            low, high = ax.get_ylim()
            room = _ROOM * (max(high, target) - min(low, target))
            ax.set_ylim(min(low, target - room), max(high, target + room))
            ax.axhline(target, color="tab:red", lw=0.8, zorder=2)
            where = ax.get_yaxis_transform()
            ax.text(
                0.01, target, f"target {target:g}", transform=where, fontsize=6, color="tab:red", va="bottom"
            )
