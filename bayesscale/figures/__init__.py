"""Pictures of answers; the only place that touches Matplotlib."""

from bayesscale.figures.drawing import Drawing, Frame
from bayesscale.figures.figure import draw
from bayesscale.figures.picture import Picture, check_suffix

__all__ = ["Drawing", "Frame", "Picture", "check_suffix", "draw"]
