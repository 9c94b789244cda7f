"""`bayesscale fit`: from a metrics table to a posterior in a file."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayesscale.cli.fit_options import NOT_CONVERGED
from bayesscale.cli.options import CsvOption, Fitting, JsonOption, Reading, takes_options
from bayesscale.cli.progress import Progress
from bayesscale.errors import UsageError, valid_names

if TYPE_CHECKING:
    from bayesscale.inference import Fit
    from bayesscale.metrics.table import Metrics

_METHODS = ("particles", "huber")


@takes_options
def fit(
    reading: Reading,
    fitting: Fitting,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="The metrics table; or give --example.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="NetCDF file for the posterior."),
    ] = None,
    example: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Fit a bundled table instead; `bayesscale examples` lists them."),
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="particles: the joint model. huber: the paper's point estimate, without intervals.",
        ),
    ] = "particles",
    first: Annotated[
        int | None,
        typer.Option(metavar="N", help="With huber: number of smallest sizes to fit; 0 for all. Default: 4."),
    ] = None,
    backtest: Annotated[
        bool,
        typer.Option(
            "--backtest/--no-backtest",
            help="Also forecast the last quarter of each curve from the rest, and keep how often intervals "
            "covered it. Costs about one more fit.",
        ),
    ] = True,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing output file.")] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Fit the laws of scores and losses to all curves at once, and write the posterior.

    Exit code 3 if the table breaks a rule, 4 if the sampler's diagnostics failed. The file is written then as
    well, and every answer from it says so.
    """
    if method not in _METHODS:
        raise UsageError(f"--method is unknown; received {method!r}; {valid_names(method, _METHODS)}")
    if method == "huber":
        _point_fit(reading.table(file, example), first, output, as_json, as_csv)
        return
    if first is not None:
        raise UsageError("--first goes with --method huber; choose rows with --where instead")
    if output is None:
        raise UsageError("the posterior needs a file to be written to; give -o, for instance -o fit.nc")
    from bayesscale.inference import save
    from bayesscale.inference.store import check_target

    check_target(output, force=force)
    result = _sampled(reading.table(file, example), fitting)
    # Before the held-out sizes are fitted: what was drawn is not lost if that is interrupted.
    save(result, output, force=force)
    if backtest:
        from bayesscale.evaluation.backtest import backtest as with_record

        result = with_record(result, report=Progress("held-out sizes: "))
        save(result, output, force=True)
    _print(result, output, as_json, as_csv)
    if not result.status.ok:
        raise typer.Exit(NOT_CONVERGED)


def _sampled(metrics: Metrics, fitting: Fitting) -> Fit:
    """Fit, and say on stderr what takes how long."""
    from bayesscale.inference import fit as fit_model

    sampler = fitting.sampler()
    return fit_model(
        metrics,
        priors=fitting.read_priors(),
        sampler=sampler,
        breaks=fitting.breaks,
        discrepancy=fitting.discrepancy,
        law=fitting.law,
        report=Progress(most=sampler.longest * sampler.draws),
        command=shlex.join(["bayesscale", *sys.argv[1:]]),
    )


def _print(result: Fit, output: Path, as_json: bool, as_csv: bool) -> None:
    """Say what was fitted, how the sampler did, and where the posterior is."""
    import pandas as pd

    from bayesscale.cli.output import Answer, print_answer
    from bayesscale.questions.answer import is_simulated, track_record

    timings = result.provenance["timings"]
    rows = [
        ("status", result.status.label),
        ("chains", _agreement(result.provenance["diagnostics"])),
        ("seconds", ", ".join(f"{name} {value:.1f}" for name, value in timings.items())),
        ("written to", str(output)),
        ("next", shlex.join(["bayesscale", "show", str(output)])),
    ]
    document: dict[str, Any] = {
        "status": result.status.label,
        "problems": list(result.status.problems),
        "remedy": result.status.remedy,
        "output": str(output),
        "provenance": result.provenance,
    }
    simulated = ["SIMULATED data, not measured"] if is_simulated(result) else []
    sentences = [str(result.metrics), *simulated, *result.metrics.notes]
    if not result.status.ok:
        sentences.append(str(result.status))
    sentences += track_record(result)
    frame = pd.DataFrame(rows, columns=["fit", "value"])
    print_answer(Answer(frame, document, sentences, texts=True), as_json=as_json, as_csv=as_csv)


def _agreement(diagnostics: Mapping[str, Any]) -> str:
    """Return how well the chains agree, in a few words; `show --verbose` has all diagnostics."""
    rhat = max(diagnostics["rhat"], diagnostics["curve_rhat"])
    ess = min(diagnostics[name] for name in ("ess_bulk", "ess_tail", "curve_ess"))
    return f"R-hat at most {rhat:.3f}, ESS at least {ess:,.0f}"


def _point_fit(metrics: Metrics, first: int | None, output: Path | None, as_json: bool, as_csv: bool) -> None:
    """Print the paper's point fit."""
    if output is not None:
        raise UsageError(
            "--method huber gives no posterior; leave out -o, and use --csv or --json to keep it"
        )
    from bayesscale.cli.output import Answer, print_answer
    from bayesscale.pointfit import KIND, fit_huber

    point = fit_huber(metrics, first=4 if first is None else first or None)
    frame = point.frame()
    document = {"kind": KIND, "fits": frame.to_dict("records")}
    shown = frame if as_csv else point.readable()
    answer = Answer(shown, document, [str(metrics), *point.sentences()])
    print_answer(answer, as_json=as_json, as_csv=as_csv)
