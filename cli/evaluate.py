"""`bayesscale evaluate`: hold out the later part of each curve, forecast it, and say how well that went."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bayesscale.cli.fit_options import NOT_CONVERGED
from bayesscale.cli.options import CsvOption, Fitting, JsonOption, Reading, takes_options
from bayesscale.cli.output import Answer, print_answer
from bayesscale.cli.progress import Progress
from bayesscale.errors import UsageError

if TYPE_CHECKING:
    from bayesscale.evaluation import Evaluation, Split
    from bayesscale.metrics.table import Metrics

_DEFAULT = "0.6"


@takes_options
def evaluate(
    reading: Reading,
    fitting: Fitting,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="The metrics table; or give --example.")
    ] = None,
    example: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Evaluate on a bundled table instead; `bayesscale examples` lists them."
        ),
    ] = None,
    first: Annotated[
        list[str] | None,
        typer.Option(
            "--first",
            metavar="SHARE|COUNT",
            help="Sizes of each curve to fit: a share, rounded up, or a number. Default: 0.6. Repeatable.",
        ),
    ] = None,
    training: Annotated[
        str | None,
        typer.Option(
            "--training",
            metavar="CONDITION",
            help="Rows to fit instead, such as training=1. The others are forecast.",
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="NAME",
            help="joint (default): what `fit` fits, with its options. log, saturating, rising: one law of "
            "scores. breaking, unbroken: breaks along either axis, or none. exact: no breaks and no "
            "discrepancy. paper: exact, with the paper's laws. Comparison methods: huber (the paper's point "
            "estimate), last-value (the last fitted value repeated), conformal and conformal-last (these two "
            "with conformal intervals). Repeatable.",
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option(metavar="N", help="Number of fits run in parallel. Does not change the scores.")
    ] = 1,
    engine: Annotated[
        str,
        typer.Option(metavar="NAME", help="What runs the fits: joblib on this machine, or ray on a cluster."),
    ] = "joblib",
    per_curve: Annotated[
        bool, typer.Option("--per-curve", help="Print a row for each curve and metric.")
    ] = False,
    by_distance: Annotated[
        bool,
        typer.Option(
            "--by-distance", help="Print a row for each metric and distance, in e-folds beyond the data."
        ),
    ] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Fit the first part of each curve, forecast the rest, and score the forecasts.

    --json has the scores pooled, by distance and by curve, every forecast, and the seconds of every fit. The
    table and --csv have one of the first three. Exit code 3 if the table breaks a rule or is too short to be
    split, 4 if a fit failed or its diagnostics did. The other scores are printed then as well, and say so.
    """
    if per_curve and by_distance:
        raise UsageError("--per-curve and --by-distance both say what a row is; choose one of them")
    if training is not None and first is not None:
        raise UsageError("--first and --training both say what is fitted; choose one of them")
    from bayesscale.evaluation import evaluate as evaluated

    sampler = fitting.sampler()
    metrics, splits = _table(file, example, reading, training)
    answer = evaluated(
        metrics,
        first=[_origin(text) for text in first or [_DEFAULT]],
        splits=splits,
        models=model or ["joint"],
        sampler=sampler,
        priors=fitting.read_priors(),
        breaks=fitting.breaks,
        discrepancy=fitting.discrepancy,
        law=fitting.law,
        jobs=jobs,
        backend=engine,
        report=Progress(),
        phases=lambda name: Progress(f"{name}: ", most=sampler.longest * sampler.draws),
    )
    by = "curve" if per_curve else "distance" if by_distance else "metric"
    _print(answer, by, as_json, as_csv)
    if not answer.complete:
        raise typer.Exit(NOT_CONVERGED)


def _print(answer: Evaluation, by: str, as_json: bool, as_csv: bool) -> None:
    """Print what was found, for people or for programs."""
    if as_json or as_csv:
        print_answer(Answer(answer.table(by), answer.document()), as_json=as_json, as_csv=as_csv)
    else:
        print_answer(Answer(answer.readable(by), {}, answer.sentences(), notes=answer.notes()))


def _table(
    file: Path | None, example: str | None, reading: Reading, training: str | None
) -> tuple[Metrics, list[Split] | None]:
    """Return the metrics table of a file or of a bundled example, and its split where rows name it."""
    if training is None:
        return reading.table(file, example), None
    from bayesscale.evaluation import split_like

    metrics = _whole(reading, training).table(file, example)
    fitted = reading.table(file, example, where=[training])
    return metrics, [split_like(metrics, fitted, training)]


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
    from bayesscale.metrics.names.columns import COLUMNS, meaning
    from bayesscale.metrics.tidy.where import condition_column

    flag = condition_column(training)
    named = {part for pair in reading.columns or () for part in re.split("[=+,]", pair)}
    if not flag or flag in {*COLUMNS, *named} or meaning(flag):
        return reading
    return reading._replace(ignore=[*(reading.ignore or ()), flag])
