"""`bayesscale rank`: which mixture is best for a task."""

from __future__ import annotations

from typing import Annotated

import typer

from bayesscale.cli.fit_options import (
    AlignmentOption,
    FinetuneOption,
    FitFile,
    IntervalOption,
    MetricOption,
    NoiseSeedOption,
    PretrainOption,
    ShareOption,
    TaskOption,
    VerboseOption,
    load_fit,
    other_sizes,
    parse_names,
    parse_shares,
    parse_sizes,
    print_and_end,
)
from bayesscale.cli.options import CsvOption, JsonOption


def rank(
    file: FitFile,
    tokens: Annotated[
        list[str],
        typer.Option(
            "--tokens", metavar="SIZE,...", help="Sizes at which mixtures are compared, such as 1e12,1T."
        ),
    ],
    interval: IntervalOption = 0.9,
    task: TaskOption = None,
    mixture: Annotated[
        list[str] | None,
        typer.Option("--mixture", metavar="NAME", help="Compare this mixture, measured or new. Repeatable."),
    ] = None,
    finetune_tokens: FinetuneOption = None,
    pretrain_tokens: PretrainOption = None,
    share: ShareOption = None,
    alignment: AlignmentOption = None,
    metric: MetricOption = None,
    seed: NoiseSeedOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Rank mixtures for each task at given sizes: P(best), P(better than the next), intervals.

    Exit code 4 if the fit did not converge; the answer is printed all the same.
    """
    from bayesscale.questions.rank import rank as ask

    sizes, shares = parse_sizes("--tokens", tokens), parse_shares(share)
    fit = load_fit(file)
    answer = ask(
        fit,
        sizes,
        prob=interval,
        tasks=task,
        mixtures=mixture,
        other_sizes=other_sizes(fit, finetune_tokens, pretrain_tokens),
        shares=shares,
        alignment=alignment,
        metrics=parse_names(metric),
        seed=seed,
    )
    print_and_end(answer, as_json=as_json, as_csv=as_csv, verbose=verbose)
