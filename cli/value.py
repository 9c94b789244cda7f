"""`bayesscale value`: what pretraining gains over no pretraining, and what finetuning data it replaces."""

from __future__ import annotations

from typing import Annotated

import typer

from bayesscale.cli.fit_options import (
    FinetuneOption,
    FitFile,
    IntervalOption,
    MetricOption,
    NewMixtureOption,
    TaskOption,
    VerboseOption,
    load_fit,
    one_size,
    parse_names,
    parse_sizes,
    print_and_end,
)
from bayesscale.cli.options import CsvOption, JsonOption


def value(
    file: FitFile,
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
    interval: IntervalOption = 0.9,
    task: TaskOption = None,
    mixture: NewMixtureOption = None,
    finetune_tokens: FinetuneOption = None,
    metric: MetricOption = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, help="Seed of what was not measured. Default: that of the fit."),
    ] = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Compare with no pretraining: P(gain > delta), the D_f where it ends, and the finetuning data saved.

    Exit code 4 if the fit did not converge; the answer is printed all the same.
    """
    from bayesscale.questions.value.ask import value as asked

    size = None if tokens is None else one_size("--tokens", tokens)
    fit = load_fit(file)
    answer = asked(
        fit,
        tokens=size,
        delta=delta,
        prob=interval,
        tasks=task,
        mixtures=mixture,
        other_sizes=None if finetune_tokens is None else parse_sizes("--finetune-tokens", finetune_tokens),
        metrics=parse_names(metric),
        seed=seed,
    )
    print_and_end(answer, as_json=as_json, as_csv=as_csv, verbose=verbose)
