"""Figures; the only place that touches Matplotlib."""

from bayesscale.report.drawing import Drawing
from bayesscale.report.picture import Picture, check_suffix, draw

__all__ = ["Drawing", "Picture", "check_suffix", "draw"]
