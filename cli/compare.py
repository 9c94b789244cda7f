"""`bayesscale compare`: which laws the curves follow, and which forecasts better."""

from __future__ import annotations

from typing import Annotated

import typer

from bayesscale.cli.fit_options import NOT_CONVERGED, FitFile, Printing, load_fit
from bayesscale.cli.options import takes_options
from bayesscale.cli.progress import Progress


@takes_options
def compare(
    file: FitFile,
    printing: Printing,
    lfo: Annotated[
        int | None,
        typer.Option(
            "--lfo",
            metavar="K",
            help="Leave-future-out: refit each law alone, and all together, without the last K sizes of each "
            "curve.",
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option(metavar="N", help="Number of refits run in parallel. Does not change the numbers.")
    ] = 1,
    engine: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="What runs the refits: joblib on this machine, or ray on a cluster."
        ),
    ] = "joblib",
) -> None:
    """Compare the laws of a fit: shares of the curves that follow each, PSIS-LOO, leave-future-out.

    Exit code 3 if no metric has several laws, 4 if a refit failed, or the fit or a refit did not converge.
    The answer is printed then as well, and says so.
    """
    from bayesscale.evaluation.compare import compare as ask

    fit = load_fit(file)
    answer = ask(fit, lfo=lfo, jobs=jobs, backend=engine, report=Progress())
    printing.show(answer)
    if answer.problems:
        raise typer.Exit(NOT_CONVERGED)
