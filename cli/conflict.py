"""`bayesscale conflict`: whether a loss and a score disagree on which mixture or checkpoint is better."""

from __future__ import annotations

from typing import Annotated

import typer

from bayesscale.cli.fit_options import (
    FinetuneOption,
    FitFile,
    IntervalOption,
    PretrainOption,
    TaskOption,
    VerboseOption,
    load_fit,
    one_size,
    other_sizes,
    parse_names,
    print_and_end,
)
from bayesscale.cli.options import CsvOption, JsonOption


def conflict(
    file: FitFile,
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="KIND", help="Pairs of 'mixtures' or of 'checkpoints'. Default: both."),
    ] = None,
    tokens: Annotated[
        str | None,
        typer.Option(
            "--tokens",
            metavar="SIZE",
            help="Where mixtures are compared. Default: the last size to which both were measured.",
        ),
    ] = None,
    interval: IntervalOption = 0.9,
    task: TaskOption = None,
    finetune_tokens: FinetuneOption = None,
    pretrain_tokens: PretrainOption = None,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="NAME,...", help="Only these scores. Repeatable."),
    ] = None,
    loss: Annotated[
        list[str] | None,
        typer.Option("--loss", metavar="NAME,...", help="Only these losses. Repeatable."),
    ] = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Say whether a loss, such as cross-entropy, would mislead about which mixture or checkpoint is better.

    Exit code 4 if the fit did not converge; the answer is printed all the same.
    """
    from bayesscale.questions.conflict.ask import conflict as ask

    size = None if tokens is None else one_size("--tokens", tokens)
    fit = load_fit(file)
    answer = ask(
        fit,
        by=by,
        size=size,
        prob=interval,
        tasks=task,
        other_sizes=other_sizes(fit, finetune_tokens, pretrain_tokens),
        metrics=parse_names(metric),
        losses=parse_names(loss),
    )
    print_and_end(answer, as_json=as_json, as_csv=as_csv, verbose=verbose)
