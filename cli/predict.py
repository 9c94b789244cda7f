"""`bayesscale predict`: credible intervals for scores at other sizes."""

from __future__ import annotations

from typing import Annotated

import typer

from bayesscale.cli.fit_options import Choice, FitFile, NewCurves, Printing, load_fit, parse_sizes
from bayesscale.cli.options import takes_options


@takes_options
def predict(
    file: FitFile,
    tokens: Annotated[
        list[str],
        typer.Option(
            "--tokens", metavar="SIZE,...", help="Sizes along the curves, such as 1e12,1T; 0: not pretrained."
        ),
    ],
    choice: Choice,
    new: NewCurves,
    printing: Printing,
) -> None:
    """Forecast scores at other sizes, for measured curves, other D_f and new mixtures, with intervals.

    Exit code 4 if the fit did not converge; the answer is printed all the same.
    """
    from bayesscale.questions import forecast

    sizes, described = parse_sizes("--tokens", tokens), new.asked()
    fit = load_fit(file)
    printing.show(forecast(fit, sizes, **choice.asked(fit), **described))
