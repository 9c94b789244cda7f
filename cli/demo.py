"""`bayesscale demo`: from a bundled table to a forecast and a report, in one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayesscale.cli.fit_options import ForceOption, Printing
from bayesscale.cli.progress import Progress

EXAMPLE, TOKENS = "synthetic-languages", 4e6


def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the fit and the report go.")
    ] = Path("bayesscale-demo"),
    force: ForceOption = False,
) -> None:
    """Fit a bundled example that was measured, print its forecast, and write a report.

    The first fit after an installation compiles the sampler, which takes one to two minutes more.
    """
    from bayesscale.inference import fit, save
    from bayesscale.inference.store import check_target
    from bayesscale.metrics.examples import example_path
    from bayesscale.questions import forecast
    from bayesscale.report import write_report

    output.mkdir(parents=True, exist_ok=True)
    file, page = output / "demo.nc", output / "demo.html"
    for target in (file, page):
        check_target(target, force=force)
    fitted = fit(
        example_path(EXAMPLE),
        report=Progress(),
        command=f"bayesscale fit --example {EXAMPLE} -o {file}",
    )
    fitted.provenance["source"] = f"example {EXAMPLE}"
    save(fitted, file, force=force)
    write_report(fitted, page, force=force, progress=Progress())
    typer.echo(f"{file}: the fit; {page}: the report", err=True)
    Printing().show(forecast(fitted, [TOKENS]))
