"""`bayesscale plot`: a picture of an answer, and the numbers behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayesscale.cli.fit_options import Choice, FitFile, ForceOption, end, load_fit, one_size
from bayesscale.cli.options import takes_options
from bayesscale.cli.output import Answer, print_answer
from bayesscale.errors import UsageError, valid_names

_FORMATS = ("json", "csv")


@takes_options
def plot(
    file: FitFile,
    choice: Choice,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The picture: a .png, .pdf or .svg file."),
    ] = None,
    what: Annotated[
        str,
        typer.Option(
            "--what",
            metavar="NAME",
            help="Picture: forecast, breaks, gain, ranking, link, calibration, posterior or backtest.",
        ),
    ] = "forecast",
    tokens: Annotated[
        str | None,
        typer.Option(
            "--tokens", metavar="SIZE", help="Forecast or rank at this size. Default: 10 times the largest."
        ),
    ] = None,
    shape: Annotated[
        str,
        typer.Option(
            "--for", metavar="PLACE", help="What the picture is for: page, column (of a paper) or slide."
        ),
    ] = "page",
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="FORMAT", help="Print the numbers behind the picture: json or csv."),
    ] = None,
    force: ForceOption = False,
) -> None:
    """Draw a fit: forecasts, breaks, gains, ranking, score against loss, calibration, prior and posterior.

    Exit code 4 if the fit did not converge; the picture is written all the same, and says so in red.
    """
    from bayesscale.figures.picture import check_suffix
    from bayesscale.questions.pictures import COLUMNS, draw_what

    if output is None and data is None:
        raise UsageError("a picture needs a file; received none; give -o fit.png, or --data csv")
    if data is not None and data not in _FORMATS:
        raise UsageError(f"--data is a format; received {data!r}; {valid_names(data, _FORMATS)}")
    if shape not in COLUMNS:
        raise UsageError(f"--for is a place; received {shape!r}; {valid_names(shape, COLUMNS)}")
    target = check_suffix(output) if output else None
    size = None if tokens is None else one_size("--tokens", tokens)
    fit = load_fit(file)
    drawn = draw_what(fit, what, tokens=size, columns=COLUMNS[shape], **choice.asked(fit))
    if data:
        from bayesscale.questions.answer import plain_records, record

        document = {**record(fit), "picture": what, "data": plain_records(drawn.frame())}
        print_answer(Answer(drawn.frame(), document), as_json=data == "json", as_csv=data == "csv")
    if target:
        written = drawn.save(target, force=force)
        # With --data stdout holds the numbers and nothing else.
        typer.echo("\n".join(map(str, written)), err=data is not None)
        if len(drawn.figures) > 1:
            limits = "--task, --mixture or --metric draw fewer curves"
            typer.echo(f"{len(drawn.figures)} pages, since a page holds 24 panels; {limits}", err=True)
    end(fit)
