"""`bayesscale rank`: which mixture is best for a task."""

from __future__ import annotations

from typing import Annotated

import typer

from bayesscale.cli.fit_options import Choice, FitFile, NewCurves, Printing, load_fit, parse_sizes
from bayesscale.cli.options import takes_options


@takes_options
def rank(
    file: FitFile,
    tokens: Annotated[
        list[str],
        typer.Option(
            "--tokens", metavar="SIZE,...", help="Sizes at which mixtures are compared, such as 1e12,1T."
        ),
    ],
    choice: Choice,
    new: NewCurves,
    printing: Printing,
) -> None:
    """Rank mixtures for each task at given sizes: P(best), P(better than the next), intervals.

    Exit code 4 if the fit did not converge; the answer is printed all the same.
    """
    from bayesscale.questions.rank import rank as ask

    sizes, described = parse_sizes("--tokens", tokens), new.asked()
    fit = load_fit(file)
    printing.show(ask(fit, sizes, **choice.asked(fit), **described))
