"""`bayesscale breaks`: which laws have stopped to hold."""

from __future__ import annotations

from typing import Annotated

import typer

from bayesscale.cli.fit_options import Choice, Drawing, FitFile, Printing, load_fit, one_size
from bayesscale.cli.options import takes_options


@takes_options
def breaks(
    file: FitFile,
    choice: Choice,
    drawing: Drawing,
    printing: Printing,
    tokens: Annotated[
        str | None,
        typer.Option(
            "--tokens", metavar="SIZE", help="Size at which the cost of a break is stated. Default: the last."
        ),
    ] = None,
) -> None:
    """Say for every curve whether its law broke: probability, position, cost and the evidence in words.

    Exit code 3 if the fit was made without breaks, as fits along finetune_tokens are unless told otherwise.
    4 if it did not converge; the answer is printed all the same.
    """
    from bayesscale.questions.breaks import breaks as ask

    drawing.check()
    at = None if tokens is None else one_size("--tokens", tokens)
    fit = load_fit(file)
    answer = ask(fit, at=at, **choice.asked(fit))
    drawing.draw(answer)
    printing.show(answer)
