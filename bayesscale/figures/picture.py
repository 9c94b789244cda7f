"""Pictures: figures, the numbers behind them, and how they are written to a file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from warnings import catch_warnings, simplefilter

import pandas as pd
from matplotlib import rc_context
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from bayesscale.errors import UsageError
from bayesscale.files import write_files

SUFFIXES = (".pdf", ".png", ".svg")
_DPI = 160


@dataclass(frozen=True)
class Picture:
    """A picture, on as many pages as it needs, one figure each, with the table of the numbers behind it."""

    table: pd.DataFrame = field(repr=False)
    figures: tuple[Figure, ...] = field(repr=False)

    def frame(self) -> pd.DataFrame:
        """Return the numbers behind the picture."""
        return self.table.copy()

    def titles(self) -> list[str]:
        """Return the titles of all panels."""
        return [
            ax.get_title(loc) for figure in self.figures for ax in figure.axes for loc in ("left", "center")
        ]

    def svgs(self, name: str) -> list[str]:
        """Return each page as an SVG element for HTML, with identifiers that begin with `name`."""
        return [_svg(figure, f"{name}-{number}") for number, figure in enumerate(self.figures, start=1)]

    def _repr_png_(self) -> bytes:
        """Return the first page for a notebook."""
        buffer = BytesIO()
        self.figures[0].savefig(buffer, format="png", dpi=110)
        return buffer.getvalue()

    def save(self, path: str | Path, *, force: bool = False) -> list[Path]:
        """Write the picture, each file whole or not at all; return the files.

        The suffix chooses the format: .png, .pdf or .svg. Several pages go into one PDF, or into numbered
        files of the other formats. UsageError for another suffix or place; OutputExistsError if a file
        exists, and `force` is not given.
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


def _svg(figure: Figure, name: str) -> str:
    """Return a figure as an SVG element, without the declarations of a file."""
    buffer = BytesIO()
    # Fonts of the page have letters that Matplotlib's own lacks, of which it would warn.
    with rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}), catch_warnings():
        simplefilter("ignore")
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    text = buffer.getvalue().decode()
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", text[text.index("<svg") :])
    # Its natural width, which a page may reduce to what can still be read.
    width = figure.get_size_inches()[0]
    style = f'<svg style="width: {1.1 * width:.2f}in; min-width: {0.48 * width:.2f}in"'
    return re.sub(r'(?<=\s)(width|height)="[^"]*"', "", text, count=2).replace("<svg", style, 1)


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
