"""Pictures: figures, the numbers behind them, and how they are written to a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import pandas as pd
from matplotlib import rc_context
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from bayesscale.errors import UsageError
from bayesscale.files import write_files
from bayesscale.report.drawing import Drawing, pages
from bayesscale.report.figure import draw_page

SUFFIXES = (".pdf", ".png", ".svg")
_DPI = 160


@dataclass(frozen=True)
class Picture:
    """Small multiples of curves, on as many pages as they need.

    Parameters
    ----------
    drawing : Drawing
        What is shown.
    figures : tuple of matplotlib.figure.Figure
        One a page.
    """

    drawing: Drawing
    figures: tuple[Figure, ...] = field(repr=False)

    def frame(self) -> pd.DataFrame:
        """Return the numbers behind the bands."""
        return self.drawing.bands.copy()

    def save(self, path: str | Path, *, force: bool = False) -> list[Path]:
        """Write the picture, each file whole or not at all; return the files.

        Parameters
        ----------
        path : path
            The suffix chooses the format: .png, .pdf or .svg. Several pages go into one PDF, or into numbered
            files of the other formats.
        force : bool
            Replace files that exist.

        Raises
        ------
        UsageError
            The suffix is another, or the files cannot be written there.
        OutputExistsError
            A file exists, and `force` is not given.
        """
        target = check_suffix(path)
        contents = (
            _pdf(target, self.figures) if target.suffix.lower() == ".pdf" else _images(target, self.figures)
        )
        write_files(contents, force=force)
        return list(contents)


def check_suffix(path: str | Path) -> Path:
    """Return a path whose suffix is that of a picture; refuse any other."""
    target = Path(path)
    if target.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"the suffix of a picture says its format; received {target.name!r}; valid: {', '.join(SUFFIXES)}"
        )
    return target


def draw(drawing: Drawing) -> Picture:
    """Return the picture of a drawing.

    Parameters
    ----------
    drawing : Drawing
        What is to be shown.
    """
    parts = pages(drawing)
    names = [
        f"page {number} of {len(parts)}" if len(parts) > 1 else "" for number in range(1, len(parts) + 1)
    ]
    return Picture(
        drawing, tuple(draw_page(drawing.only(keys), name) for keys, name in zip(parts, names, strict=True))
    )


def _pdf(target: Path, figures: tuple[Figure, ...]) -> dict[Path, bytes]:
    """Return all pages in one file; without a date, so that the same picture is the same file."""
    buffer = BytesIO()
    with PdfPages(buffer, metadata={"CreationDate": None}) as document:
        for figure in figures:
            document.savefig(figure)
    return {target: buffer.getvalue()}


def _images(target: Path, figures: tuple[Figure, ...]) -> dict[Path, bytes]:
    """Return one file a page, numbered if there are several."""
    kind = target.suffix.lower().removeprefix(".")
    metadata = {"Date": None} if kind == "svg" else None
    contents = {}
    for number, figure in enumerate(figures, start=1):
        buffer = BytesIO()
        with rc_context({"svg.hashsalt": target.name}):  # else the identifiers in an SVG are random
            figure.savefig(buffer, format=kind, dpi=_DPI, metadata=metadata)
        name = target if len(figures) == 1 else target.with_stem(f"{target.stem}-{number}")
        contents[name] = buffer.getvalue()
    return contents
