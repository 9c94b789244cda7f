"""`bayesscale breaks`: which laws have stopped to hold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayesscale.cli.fit_options import (
    FinetuneOption,
    FitFile,
    IntervalOption,
    MetricOption,
    PretrainOption,
    TaskOption,
    end,
    load_fit,
    one_size,
    other_sizes,
    parse_names,
)
from bayesscale.cli.options import CsvOption, JsonOption
from bayesscale.cli.output import Answer, print_answer


def breaks(
    file: FitFile,
    tokens: Annotated[
        str | None,
        typer.Option(
            "--tokens", metavar="SIZE", help="Where the cost of a break is stated. Default: the last size."
        ),
    ] = None,
    interval: IntervalOption = 0.9,
    task: TaskOption = None,
    mixture: Annotated[
        list[str] | None, typer.Option("--mixture", metavar="NAME", help="Only this mixture. Repeatable.")
    ] = None,
    finetune_tokens: FinetuneOption = None,
    pretrain_tokens: PretrainOption = None,
    metric: MetricOption = None,
    picture: Annotated[
        Path | None,
        typer.Option(
            "--plot", metavar="FILE", help="Draw the curves that may have broken: .png, .pdf, .svg."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a picture that exists.")] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Say for every curve whether its law broke: probability, position, cost and the evidence in words.

    Exit code 3 if the fit was made without breaks, as fits along finetune_tokens are unless told otherwise;
    4 if it did not converge: the answer is printed all the same.
    """
    from bayesscale.questions.breaks import breaks as ask
    from bayesscale.questions.describe import TOKENS
    from bayesscale.report import check_suffix

    target = check_suffix(picture) if picture else None
    at = None if tokens is None else one_size("--tokens", tokens)
    fit = load_fit(file)
    answer = ask(
        fit,
        prob=interval,
        at=at,
        tasks=task,
        mixtures=mixture,
        other_sizes=other_sizes(fit, finetune_tokens, pretrain_tokens),
        metrics=parse_names(metric),
    )
    frame = answer.frame() if as_csv else answer.readable()
    shown = Answer(frame, answer.document(), answer.sentences(), sizes=(*TOKENS, "break at", "from", "to"))
    print_answer(shown, as_json=as_json, as_csv=as_csv)
    if target:
        for written in answer.plot().save(target, force=force):
            typer.echo(str(written), err=True)
    end(fit)
