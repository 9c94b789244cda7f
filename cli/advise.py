"""`bayesscale advise`: continue pretraining or stop, for a target and a budget."""

from __future__ import annotations

from typing import Annotated

import typer

from bayesscale.cli.fit_options import (
    FinetuneOption,
    FitFile,
    ForceOption,
    IntervalOption,
    MixtureOption,
    PictureOption,
    PretrainOption,
    TaskOption,
    VerboseOption,
    draw_answer,
    load_fit,
    one_size,
    other_sizes,
    print_and_end,
)
from bayesscale.cli.options import CsvOption, JsonOption


def advise(
    file: FitFile,
    target: Annotated[float, typer.Option("--target", help="The value wanted, in the metric's unit.")],
    budget: Annotated[
        str, typer.Option("--budget", metavar="SIZE", help="Size up to which a curve may be continued.")
    ],
    metric: Annotated[
        str | None, typer.Option("--metric", metavar="NAME", help="Default: the first score of the fit.")
    ] = None,
    delta: Annotated[
        float | None,
        typer.Option(
            "--delta",
            help="Gain over the baseline below which pretraining is not needed, in the metric's unit. "
            "Default: twice the noise of one run that is typical of the metric.",
        ),
    ] = None,
    confidence: Annotated[
        float, typer.Option("--confidence", metavar="PROB", help="Probability from which on to advise.")
    ] = 0.8,
    interval: IntervalOption = 0.9,
    task: TaskOption = None,
    mixture: MixtureOption = None,
    finetune_tokens: FinetuneOption = None,
    pretrain_tokens: PretrainOption = None,
    picture: PictureOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Advise on every curve: target reached, continue, stop (out of reach or broken), or no need to pretrain.

    With the probability of each and the tokens that the target takes; 'not enough data yet' where no act is
    probable enough. Exit code 4 if the fit did not converge; the answer is printed all the same.
    """
    from bayesscale.figures.picture import check_suffix
    from bayesscale.questions.advise.ask import advise as ask

    path = check_suffix(picture) if picture else None
    size = one_size("--budget", budget)
    fit = load_fit(file)
    answer = ask(
        fit,
        target,
        size,
        metric=metric,
        delta=delta,
        confidence=confidence,
        prob=interval,
        tasks=task,
        mixtures=mixture,
        other_sizes=other_sizes(fit, finetune_tokens, pretrain_tokens),
    )
    draw_answer(answer, path, force=force)
    print_and_end(answer, as_json=as_json, as_csv=as_csv, verbose=verbose)
