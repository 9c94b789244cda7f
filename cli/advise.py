"""`bayesscale advise`: continue pretraining or stop, for a target and a budget."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayesscale.cli.fit_options import (
    FinetuneOption,
    FitFile,
    IntervalOption,
    PretrainOption,
    TaskOption,
    end,
    load_fit,
    one_size,
    other_sizes,
)
from bayesscale.cli.options import CsvOption, JsonOption
from bayesscale.cli.output import Answer, print_answer


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
    mixture: Annotated[
        list[str] | None, typer.Option("--mixture", metavar="NAME", help="Only this mixture. Repeatable.")
    ] = None,
    finetune_tokens: FinetuneOption = None,
    pretrain_tokens: PretrainOption = None,
    picture: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw the curves and the target: .png, .pdf, .svg."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a picture that exists.")] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Advise on every curve: target reached, continue, stop (out of reach or broken), or no need to pretrain.

    With the probability of each and the tokens that the target takes; 'not enough data yet' where no act is
    probable enough. Exit code 4 if the fit did not converge; the answer is printed all the same.
    """
    from bayesscale.questions.advise import advise as ask
    from bayesscale.questions.describe import TOKENS
    from bayesscale.report import check_suffix

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
    frame = answer.frame() if as_csv else answer.readable()
    print_answer(
        Answer(frame, answer.document(), answer.sentences(), sizes=TOKENS), as_json=as_json, as_csv=as_csv
    )
    if path:
        for written in answer.plot().save(path, force=force):
            typer.echo(str(written), err=True)
    end(fit)
