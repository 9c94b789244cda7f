"""`bayesscale breaks`: which laws have stopped to hold."""

from __future__ import annotations

from typing import Annotated

import typer

from bayesscale.cli.fit_options import (
    FinetuneOption,
    FitFile,
    ForceOption,
    IntervalOption,
    MetricOption,
    MixtureOption,
    PictureOption,
    PretrainOption,
    TaskOption,
    VerboseOption,
    draw_answer,
    load_fit,
    one_size,
    other_sizes,
    parse_names,
    print_and_end,
)
from bayesscale.cli.options import CsvOption, JsonOption


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
    mixture: MixtureOption = None,
    finetune_tokens: FinetuneOption = None,
    pretrain_tokens: PretrainOption = None,
    metric: MetricOption = None,
    picture: PictureOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Say for every curve whether its law broke: probability, position, cost and the evidence in words.

    Exit code 3 if the fit was made without breaks, as fits along finetune_tokens are unless told otherwise;
    4 if it did not converge: the answer is printed all the same.
    """
    from bayesscale.figures.picture import check_suffix
    from bayesscale.questions.breaks import breaks as ask

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
    draw_answer(answer, target, force=force)
    print_and_end(answer, as_json=as_json, as_csv=as_csv, verbose=verbose)
