"""`bayesscale advise`: continue pretraining or stop, for a target and a budget."""

from __future__ import annotations

from typing import Annotated

import typer

from bayesscale.cli.fit_options import Choice, Drawing, FitFile, Printing, load_fit, one_size
from bayesscale.cli.options import takes_options


@takes_options
def advise(
    file: FitFile,
    target: Annotated[
        float, typer.Option("--target", metavar="VALUE", help="The value wanted, in the metric's unit.")
    ],
    budget: Annotated[
        str, typer.Option("--budget", metavar="SIZE", help="Size up to which a curve may be continued.")
    ],
    choice: Choice,
    drawing: Drawing,
    printing: Printing,
    delta: Annotated[
        float | None,
        typer.Option(
            "--delta",
            metavar="GAIN",
            help="Gain over the baseline below which pretraining is not needed, in the metric's unit. "
            "Default: twice the metric's typical noise.",
        ),
    ] = None,
    confidence: Annotated[
        float,
        typer.Option("--confidence", metavar="PROB", help="Smallest probability at which an act is advised."),
    ] = 0.8,
) -> None:
    """Advise on every curve: the target is reached, continue, or stop (broken, out of reach, or not needed).

    With the probability of the act, those of what lies behind it, and the tokens that the target takes.
    'undecided' if no act is probable enough. Exit code 4 if the fit did not converge; the answer is printed
    all the same.
    """
    from bayesscale.questions.advise.ask import advise as ask

    drawing.check()
    size, metric = one_size("--budget", budget), choice.one_metric()
    fit = load_fit(file)
    answer = ask(
        fit, target, size, metric=metric, delta=delta, confidence=confidence, prob=choice.interval,
        **choice.curves(fit),
    )  # fmt: skip
    drawing.draw(answer)
    printing.show(answer)
