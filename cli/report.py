"""`bayesscale report`: all answers of a fit on one page of HTML."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayesscale.cli.fit_options import FitFile, ForceOption, IntervalOption, end, load_fit, one_size
from bayesscale.cli.progress import Progress


def report(
    file: FitFile,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The page: a .html file.")],
    target: Annotated[
        float | None,
        typer.Option("--target", metavar="VALUE", help="The value wanted. Adds advice on every curve."),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget", metavar="SIZE", help="With --target: size up to which a curve may be continued."
        ),
    ] = None,
    interval: IntervalOption = 0.9,
    force: ForceOption = False,
) -> None:
    """Write a report: verdict, forecasts, breaks, ranking, next measurement, value, conflict, calibration.

    It also has diagnostics, the data, and the command that makes the fit again. One file without scripts or
    network, for a browser, a phone or paper. Exit code 4 if the fit did not converge; the report is written
    all the same, and says so in red.
    """
    from bayesscale.report import write_report

    size = None if budget is None else one_size("--budget", budget)
    fit = load_fit(file)
    written = write_report(
        fit, output, prob=interval, target=target, budget=size, force=force,
        progress=Progress(),
    )  # fmt: skip
    print(written)
    end(fit)
