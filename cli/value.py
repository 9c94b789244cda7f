"""`bayesscale value`: what pretraining gains over no pretraining, and what finetuning data it replaces."""

from __future__ import annotations

from typing import Annotated

import typer

from bayesscale.cli.fit_options import (
    FinetuneOption,
    FitFile,
    IntervalOption,
    MetricOption,
    TaskOption,
    end,
    load_fit,
    one_size,
    parse_names,
    parse_sizes,
)
from bayesscale.cli.options import CsvOption, JsonOption
from bayesscale.cli.output import Answer, print_answer


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
    mixture: Annotated[
        list[str] | None,
        typer.Option("--mixture", metavar="NAME", help="Only this mixture, measured or new. Repeatable."),
    ] = None,
    finetune_tokens: FinetuneOption = None,
    metric: MetricOption = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, help="Seed of what was not measured. Default: that of the fit."),
    ] = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Compare with no pretraining: P(gain > delta), the D_f where it ends, and the finetuning data saved.

    Exit code 4 if the fit did not converge; the answer is printed all the same.
    """
    from bayesscale.questions.describe import TOKENS
    from bayesscale.questions.value import value as asked

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
    if as_json or as_csv:
        print_answer(Answer(answer.frame(), answer.document()), as_json=as_json, as_csv=as_csv)
    else:
        print_answer(Answer(answer.readable(), {}, answer.sentences(), sizes=TOKENS))
        limits = answer.readable_limits()
        if not limits.empty:
            print_answer(
                Answer(limits, {}, ["", "D_f beyond which the gain is less than delta"], sizes=TOKENS)
            )
    end(fit)
