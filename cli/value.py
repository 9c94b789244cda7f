"""`bayesscale value`: what pretraining gains over no pretraining, and what finetuning data it replaces."""

from __future__ import annotations

from typing import Annotated

import typer

from bayesscale.cli.fit_options import Choice, FitFile, NoiseSeedOption, Printing, load_fit, one_size
from bayesscale.cli.options import takes_options


@takes_options
def value(
    file: FitFile,
    choice: Choice,
    printing: Printing,
    tokens: Annotated[
        str | None,
        typer.Option(
            "--tokens",
            metavar="SIZE",
            help="D_p at which pretraining is judged. Default: the last measured of each curve.",
        ),
    ] = None,
    delta: Annotated[
        float | None,
        typer.Option(
            "--delta",
            metavar="GAIN",
            help="The gain that counts, in the metric's unit. Default: twice the metric's typical noise.",
        ),
    ] = None,
    seed: NoiseSeedOption = None,
) -> None:
    """Compare with no pretraining: P(gain > delta), the D_f where it ends, and the finetuning data saved.

    Exit code 4 if the fit did not converge; the answer is printed all the same.
    """
    from bayesscale.questions.value.ask import value as ask

    size = None if tokens is None else one_size("--tokens", tokens)
    fit = load_fit(file)
    printing.show(ask(fit, tokens=size, delta=delta, seed=seed, **choice.asked(fit)))
