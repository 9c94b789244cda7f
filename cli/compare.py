"""`bayesscale compare`: which law forecasts better, and with which weights to use several."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayesscale.cli.fit_options import NOT_CONVERGED, FitFile, end, load_fit
from bayesscale.cli.options import CsvOption, JsonOption
from bayesscale.cli.output import Answer, print_answer
from bayesscale.errors import UsageError


def compare(
    file: FitFile,
    lfo: Annotated[
        int | None,
        typer.Option(
            "--lfo",
            metavar="K",
            help="Leave-future-out: refit each law without the last K sizes of every curve.",
        ),
    ] = None,
    refit: Annotated[
        int,
        typer.Option(
            "--refit", metavar="N", help="Leave out up to N values with Pareto k above 0.7 in exact refits."
        ),
    ] = 0,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the fit with the weights of --lfo, for its forecasts."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing output file.")] = False,
    jobs: Annotated[int, typer.Option(help="Refits at the same time; the numbers do not depend on it.")] = 1,
    engine: Annotated[
        str, typer.Option(help="What runs the refits: joblib on this machine, or ray on a cluster.")
    ] = "joblib",
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Compare the laws of a fit with several: PSIS-LOO, leave-future-out, stacking weights.

    Exit code 2 if the fit has only one law, 4 if the fit or a refit failed or did not converge; the answer is
    printed then as well, and says so.
    """
    from bayesscale.evaluation.compare import compare as ask
    from bayesscale.inference import save
    from bayesscale.inference.store import check_target

    if output is not None:
        if lfo is None:
            raise UsageError("-o writes the weights of leave-future-out; add --lfo K, for instance --lfo 2")
        check_target(output, force=force)
    fit = load_fit(file)
    answer = ask(
        fit,
        lfo=lfo,
        refits=refit,
        jobs=jobs,
        backend=engine,
        report=lambda line: typer.echo(line, err=True),
    )
    frame = answer.frame() if as_csv else answer.readable()
    print_answer(Answer(frame, answer.document(), answer.sentences()), as_json=as_json, as_csv=as_csv)
    if output is not None:
        save(answer.weighted(), output, force=force)
        typer.echo(f"written to {output}", err=True)
    end(fit)
    if answer.problems:
        raise typer.Exit(NOT_CONVERGED)
