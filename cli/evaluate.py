"""`bayesscale evaluate`: hold out the later part of each curve, forecast it, and say how well that went."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from bayesscale.cli.fit_options import NOT_CONVERGED
from bayesscale.cli.options import CsvOption, JsonOption, MetricsFile, Reading, takes_options
from bayesscale.cli.output import Answer, print_answer
from bayesscale.cli.progress import Progress
from bayesscale.errors import UsageError

_DEFAULT = "0.6"


@takes_options
def evaluate(
    file: MetricsFile,
    reading: Reading,
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
            help="joint (default); one law of scores (log, saturating, rising); breaking or unbroken (breaks "
            "along either axis, or none), exact (no discrepancy either), paper (exact, with its laws), huber "
            "(its point fit). Repeatable.",
        ),
    ] = None,
    priors: Annotated[
        Path | None, typer.Option(help="TOML file of priors; see `bayesscale priors --toml`.")
    ] = None,
    draws: Annotated[int, typer.Option(help="Draws kept of each chain.")] = 500,
    chains: Annotated[int, typer.Option(help="Independent chains.")] = 4,
    seed: Annotated[int, typer.Option(help="Same data, seed and version: same draws.")] = 0,
    jobs: Annotated[int, typer.Option(help="Fits at the same time; the scores do not depend on it.")] = 1,
    engine: Annotated[
        str, typer.Option(help="What runs the fits: joblib on this machine, or ray on a cluster.")
    ] = "joblib",
    per_curve: Annotated[bool, typer.Option("--per-curve", help="A row for each curve and metric.")] = False,
    by_distance: Annotated[
        bool,
        typer.Option("--by-distance", help="A row for each metric and distance, in e-folds beyond the data."),
    ] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Fit the first part of each curve, forecast the rest, and score the forecasts.

    --json has the scores pooled, by distance and by curve; a table and --csv have one of the three. Exit
    code 3 if the table breaks a rule or is too short to be split, 4 if a fit failed or its diagnostics did;
    the scores of the others are printed then as well, and say so.
    """
    if per_curve and by_distance:
        raise UsageError("--per-curve and --by-distance both say what a row is; choose one of them")
    from bayesscale.evaluation import evaluate as evaluated
    from bayesscale.evaluation import split_rows
    from bayesscale.inference import Sampler
    from bayesscale.models.priors import Priors, load_priors

    if training is not None and first is not None:
        raise UsageError("--first and --training both say what is fitted; choose one of them")
    sampler = Sampler(draws=draws, chains=chains, seed=seed)
    metrics = (reading if training is None else _whole(reading, training)).read(file)
    splits = None
    if training is not None:
        fitted = reading.read(file, where=[training])
        splits = [split_rows(metrics, fitted.frame["line"].tolist(), training)]
    answer = evaluated(
        metrics,
        first=[_origin(text) for text in first or [_DEFAULT]],
        splits=splits,
        models=model or ["joint"],
        sampler=sampler,
        priors=load_priors(priors) if priors else Priors(),
        jobs=jobs,
        backend=engine,
        report=Progress(),
    )
    by = "curve" if per_curve else "distance" if by_distance else "metric"
    if as_json or as_csv:
        print_answer(Answer(answer.table(by), answer.document()), as_json=as_json, as_csv=as_csv)
    else:
        print_answer(Answer(answer.readable(by), {}, answer.sentences()))
    if not answer.complete:
        raise typer.Exit(NOT_CONVERGED)


def _origin(text: str) -> float:
    """Return the number of `--first`."""
    try:
        return float(text)
    except ValueError:
        raise UsageError(
            f"--first is a share such as 0.6 or a number of sizes such as 3; received {text!r}"
        ) from None


def _whole(reading: Reading, training: str) -> Reading:
    """Return the options that take both parts of a split for one curve: its flag tells no runs apart."""
    from bayesscale.metrics.names import COLUMNS, meaning
    from bayesscale.metrics.tidy.where import condition_column

    flag = condition_column(training)
    named = {part for pair in reading.columns or () for part in re.split("[=+,]", pair)}
    if not flag or flag in {*COLUMNS, *named} or meaning(flag):
        return reading
    return reading._replace(ignore=[*(reading.ignore or ()), flag])
