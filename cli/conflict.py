"""`bayesscale conflict`: whether a loss and a score disagree on which mixture or checkpoint is better."""

from __future__ import annotations

from typing import Annotated

import typer

from bayesscale.cli.fit_options import Choice, FitFile, Printing, load_fit, one_size, parse_names
from bayesscale.cli.options import takes_options


@takes_options
def conflict(
    file: FitFile,
    choice: Choice,
    printing: Printing,
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="KIND", help="Pairs of 'mixtures' or of 'checkpoints'. Default: both."),
    ] = None,
    tokens: Annotated[
        str | None,
        typer.Option(
            "--tokens",
            metavar="SIZE",
            help="Size at which mixtures are compared. Default: the last at which both were measured.",
        ),
    ] = None,
    loss: Annotated[
        list[str] | None,
        typer.Option("--loss", metavar="NAME,...", help="Only these losses. Repeatable."),
    ] = None,
) -> None:
    """Say whether a loss, such as cross-entropy, would mislead about which mixture or checkpoint is better.

    Exit code 4 if the fit did not converge; the answer is printed all the same.
    """
    from bayesscale.questions.conflict.ask import conflict as ask

    size = None if tokens is None else one_size("--tokens", tokens)
    fit = load_fit(file)
    printing.show(ask(fit, by=by, size=size, losses=parse_names(loss), **choice.asked(fit)))
