"""`bayesscale plot`: a picture of data, credible bands and forecasts."""

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


def plot(
    file: FitFile,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where it goes: .png, .pdf or .svg.")
    ],
    tokens: Annotated[
        str | None,
        typer.Option(
            "--tokens", metavar="SIZE", help="Forecast up to here. Default: 10 times the largest size."
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
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> None:
    """Draw small multiples by task and mixture: data, credible bands of the laws, forecast region.

    Exit code 4 if the fit did not converge; the picture is written all the same, and says so in red.
    """
    from bayesscale.figures import check_suffix
    from bayesscale.questions import picture

    target = check_suffix(output)
    until = None if tokens is None else one_size("--tokens", tokens)
    fit = load_fit(file)
    drawn = picture(
        fit,
        until=until,
        prob=interval,
        tasks=task,
        mixtures=mixture,
        other_sizes=other_sizes(fit, finetune_tokens, pretrain_tokens),
        metrics=parse_names(metric),
    )
    written = drawn.save(target, force=force)
    print("\n".join(map(str, written)))
    if len(drawn.figures) > 1:
        limits = "--task, --mixture or --metric draw fewer curves"
        typer.echo(f"{len(drawn.figures)} pages, since a page holds 24 panels; {limits}", err=True)
    end(fit)
