"""`bayesscale evaluate`: hold out the later part of each curve, forecast it, and say how well that went."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayesscale.cli.fit_options import NOT_CONVERGED
from bayesscale.cli.options import (
    AxisOption,
    ColumnsOption,
    CsvOption,
    CurveOption,
    JsonOption,
    MetricsFile,
    WhereOption,
    read_table,
)
from bayesscale.cli.output import Answer, print_answer
from bayesscale.errors import UsageError

_DEFAULT = "0.6"


def evaluate(
    file: MetricsFile,
    columns: ColumnsOption = None,
    axis: AxisOption = "pretrain_tokens",
    curve: CurveOption = None,
    where: WhereOption = None,
    first: Annotated[
        list[str] | None,
        typer.Option(
            "--first",
            metavar="SHARE|COUNT",
            help="Sizes of each curve that are fitted: a share, 0.6 by default, or a number. Repeatable.",
        ),
    ] = None,
    training: Annotated[
        str | None,
        typer.Option(
            "--training",
            metavar="CONDITION",
            help="Rows that are fitted instead, such as training=1; the others are forecast.",
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="NAME",
            help="joint (default), unbroken, exact (no discrepancy either), huber (the paper's). Repeatable.",
        ),
    ] = None,
    priors: Annotated[
        Path | None, typer.Option(help="TOML file of priors; see `bayesscale priors --toml`.")
    ] = None,
    draws: Annotated[int, typer.Option(help="Draws kept of each chain.")] = 1000,
    tune: Annotated[int, typer.Option(help="Draws of each chain spent on adaptation.")] = 500,
    chains: Annotated[int, typer.Option(help="Independent chains.")] = 4,
    target_accept: Annotated[float, typer.Option(help="Larger: smaller steps, fewer divergences.")] = 0.98,
    seed: Annotated[int, typer.Option(help="Same data, seed and version: same draws.")] = 0,
    jobs: Annotated[int, typer.Option(help="Fits at the same time; the scores do not depend on it.")] = 1,
    per_curve: Annotated[bool, typer.Option("--per-curve", help="A row for each curve and metric.")] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Fit the first part of each curve, forecast the rest, and score the forecasts.

    Exit code 3 if the table breaks a rule, 4 if the sampler's diagnostics failed for a fit; the scores are
    printed then as well, and say so.
    """
    from bayesscale.evaluation import evaluate as evaluated
    from bayesscale.evaluation import split_rows
    from bayesscale.inference import Sampler
    from bayesscale.models.priors import Priors, load_priors
    from bayesscale.questions.describe import TOKENS

    if training is not None and first is not None:
        raise UsageError("--first and --training both say what is fitted; choose one of them")
    sampler = Sampler(draws, tune, chains, None, target_accept, 10, seed)
    metrics = read_table(file, columns, axis, curve, where)
    splits = None
    if training is not None:
        fitted = read_table(file, columns, axis, curve, [*(where or ()), training])
        splits = [split_rows(metrics, fitted.frame["line"].tolist(), training)]
    answer = evaluated(
        metrics,
        first=[_origin(text) for text in first or [_DEFAULT]],
        splits=splits,
        models=model or ["joint"],
        sampler=sampler,
        priors=load_priors(priors) if priors else Priors(),
        jobs=jobs,
        report=lambda line: typer.echo(line, err=True),
    )
    if as_json or as_csv:
        table = answer.curves() if per_curve else answer.frame()
        print_answer(Answer(table, answer.document()), as_json=as_json, as_csv=as_csv)
    else:
        table = answer.readable(per_curve=per_curve)
        print_answer(Answer(table, {}, answer.sentences(), sizes=TOKENS))
    if not answer.converged:
        raise typer.Exit(NOT_CONVERGED)


def _origin(text: str) -> float:
    """Return the number of `--first`."""
    try:
        return float(text)
    except ValueError:
        raise UsageError(
            f"--first is a share such as 0.6 or a number of sizes such as 3; received {text!r}"
        ) from None
