"""The page: sections rendered by a template into one file that needs nothing else."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from bayesscale.errors import UsageError
from bayesscale.files import refuse_existing, write_files
from bayesscale.questions.answer import LABEL, html_table, is_simulated, source_line, source_name
from bayesscale.report.sections import Section, sections
from bayesscale.report.terms import explained
from bayesscale.tables import cell_text, cells
from bayesscale.text import printable, shortened

if TYPE_CHECKING:
    from bayesscale.inference import Fit

_MOST_ROWS = 5000
_WORDED = {
    "rhat": "largest R-hat of the population",
    "ess_bulk": "smallest effective sample size of the population",
    "ess_tail": "the same in the tails",
    "curve_rhat": "largest R-hat of a curve",
    "curve_ess": "smallest effective sample size of a curve",
    "sweeps": "sweeps of each chain, with warm-up",
    "draws": "draws of all chains",
    "bad_curves": "curves beyond the limits",
}
"""What diagnostics are, by their names."""
_COMMAND = re.compile(r"`([^`]+)`")
_OPTIONS = re.compile(r"; --csv and --json have all\b")


def write_report(
    fit: Fit,
    path: str | os.PathLike[str],
    *,
    prob: float = 0.9,
    target: float | None = None,
    budget: float | None = None,
    force: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Path:
    """Write all answers of a fit as one self-contained file of HTML.

    Parameters
    ----------
    fit : Fit
        A fitted model.
    path : path
        The file, with the suffix .html.
    prob : float
        Probability of the equal-tailed intervals.
    target, budget : float, optional
        The value wanted, and the size up to which curves may be continued: adds the advice on every curve.
    force : bool
        Replace a file that exists.
    progress : callable, optional
        Called with the title of each section when it is done.

    Raises
    ------
    UsageError
        The suffix is another, or one of target and budget is missing.
    OutputExistsError
        The file exists, and `force` is not given.
    """
    place = Path(path)
    if place.suffix.lower() not in (".html", ".htm"):
        raise UsageError(
            f"a report is a page of HTML; received {place.name!r}; name a file such as report.html"
        )
    if (target is None) != (budget is None):
        raise UsageError("advice needs a target and a budget; received one of them; give both or none")
    # Before pages of pictures are drawn.
    refuse_existing([place], force=force)
    text = render(fit, prob=prob, target=target, budget=budget, progress=progress)
    write_files({place: text}, force=force)
    return place


def render(
    fit: Fit,
    *,
    prob: float = 0.9,
    target: float | None = None,
    budget: float | None = None,
    progress: Callable[[str], None] | None = None,
) -> str:
    """Return the page."""
    done: list[Section] = []
    for section in sections(fit, prob=prob, target=target, budget=budget):
        done.append(section)
        if progress:
            progress(section.title)
    verdict = done.pop()
    answered = [section for section in done if not section.missing]
    shown = [*answered, _diagnostics(fit), _data(fit), _provenance(fit)]
    source = source_line(fit, prob)
    environment = Environment(
        loader=PackageLoader("bayesscale.report", "."), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(table=_table, pictures=_pictures, plain=_plain, prose=_prose)
    page = environment.get_template("page.html.jinja")
    return page.render(
        title=f"Scaling laws of {_plain(source_name(fit))}",
        fit=fit,
        simulated=is_simulated(fit),
        source=source,
        verdict=verdict,
        terms=explained([source, *verdict.sentences, *_texts(answered)]),
        sections=shown,
        missing=[(section.title, section.missing) for section in done if section.missing],
    )


def _texts(parts: list[Section]) -> list[str]:
    """Return what sections say, with the headings of their tables and of the panels of their pictures."""
    found: list[str] = []
    for part in parts:
        found += [*part.sentences, *part.notes]
        found += [name for table in part.tables.values() for name in cells(table.head(1))]
        found += [title for shown, _ in part.pictures for title in shown.titles()]
    return found


def _diagnostics(fit: Fit) -> Section:
    """Return how the sampler did."""
    found = fit.provenance.get("diagnostics", {})
    rows = [
        (_WORDED.get(name, name.replace("_", " ")), cell_text(_said(value)), str(found.get(f"{name}_of", "")))
        for name, value in found.items()
        if not name.endswith("_of") and value not in ([], (), "", None)
    ]
    table = pd.DataFrame(rows, columns=["diagnostic", "value", "of"])
    told = f"{str(fit.status)[:1].upper()}{str(fit.status)[1:].removesuffix('.')}."
    return Section("diagnostics", "Did the sampler converge?", [told], {"Diagnostics": table}, closed=True)


def _said(value: Any) -> Any:
    """Return a list as one text."""
    return "; ".join(map(str, value)) if isinstance(value, list | tuple) else value


def _data(fit: Fit) -> Section:
    """Return the data, row by row, and what was noted on reading them."""
    frame = fit.metrics.frame.drop(columns=["line"], errors="ignore")
    cut = f", of which the first {_MOST_ROWS:,} are shown" if len(frame) > _MOST_ROWS else ""
    told = f"{len(frame):,} rows in {len(fit.curves):,} curves{cut}."
    return Section(
        "data", "Data", [told], {"All rows": frame.head(_MOST_ROWS)}, (), list(fit.metrics.notes), True
    )


def _provenance(fit: Fit) -> Section:
    """Return what made the numbers, and how to make them again."""
    made = fit.provenance
    rows = [
        ("source", str(made.get("source", ""))),
        ("hash of the data", str(made.get("data_hash", ""))),
        ("seed", str(made.get("seed", ""))),
        ("made at", str(made.get("created", ""))),
        ("versions", ", ".join(f"{name} {version}" for name, version in made.get("versions", {}).items())),
        ("command", str(made.get("command", ""))),
    ]
    table = pd.DataFrame(rows, columns=["what", "value"])
    told = "The same data, seed and versions give the same draws: run the command below again."
    return Section("provenance", "How to make it again", [told], {"Source, seed and versions": table})


def _plain(text: Any) -> str:
    """Return text without control characters and overlong words, for the template to escape."""
    return " ".join(shortened(word, 2 * LABEL) for word in printable(str(text)).split(" "))


def _prose(text: Any) -> Markup:
    """Return a text in HTML, escaped: commands in their letters, and nothing on options of a command."""
    told = _OPTIONS.sub("", _plain(text))
    return Markup(_COMMAND.sub(r"<code>\1</code>", str(escape(told))))


def _table(table: pd.DataFrame) -> Markup:
    """Return a table in HTML, escaped."""
    return Markup(html_table(table))


def _pictures(section: Section) -> list[dict[str, Any]]:
    """Return the pages of a section's pictures as SVG, with what they show in words."""
    return [
        {"svg": Markup(svg), "alt": f"{_plain(alt)}{f' Page {page} of {len(shown.figures)}.' * several}"}
        for number, (shown, alt) in enumerate(section.pictures, start=1)
        for several in [len(shown.figures) > 1]
        for page, svg in enumerate(shown.svgs(f"{section.name}-{number}"), start=1)
    ]
