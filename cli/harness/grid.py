"""`bayesscale harness grid`: run the whole study; finished cells are skipped."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from bayesscale.cli.harness.options import (
    DeviceOption,
    FolderOption,
    Lines,
    PresetOption,
    QuietOption,
    StudyFile,
    ThreadsOption,
    chosen_study,
)  # fmt: skip
from bayesscale.errors import UsageError

if TYPE_CHECKING:
    from bayesscale.harness.grid.context import Settings
    from bayesscale.harness.grid.run import GridResult


def grid(
    output: FolderOption,
    study: StudyFile = None,
    preset: PresetOption = None,
    backend: Annotated[
        str, typer.Option("--backend", metavar="NAME", help="joblib (this machine) or ray (a cluster).")
    ] = "joblib",
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            metavar="N",
            min=1,
            help="Jobs at the same time. Default: one a GPU, or one a core; with ray, all.",
        ),
    ] = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = 1,
    address: Annotated[
        str | None, typer.Option("--address", metavar="ADDRESS", help="The Ray cluster, such as auto.")
    ] = None,
    part: Annotated[
        str | None, typer.Option("--part", metavar="I/N", help="Run only the I-th of N parts, here.")
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Pretrain, finetune and score every cell of a study, into FOLDER/metrics.jsonl.

    The command may be interrupted at any time and given again: it goes on from where it was. Exit code 1 if a
    cell failed; the others are finished all the same.
    """
    from bayesscale.harness.grid.run import run_grid

    chosen = chosen_study(study, preset)
    lines = Lines(quiet=quiet)
    settings = _settings(backend, workers, device, threads, address, part)
    result = run_grid(chosen, output, settings, report=lines.say, show=lines.show)
    _say_end(result)


def _settings(
    backend: str, workers: int | None, device: str, threads: int, address: str | None, part: str | None
) -> Settings:
    """Return the settings of a grid; refuse what cannot work before anything is prepared."""
    from bayesscale.engine import BACKENDS, processors
    from bayesscale.errors import valid_names
    from bayesscale.harness.grid.context import Settings, choose_devices

    if backend not in BACKENDS:
        raise UsageError(f"--backend is unknown; received {backend!r}; {valid_names(backend, BACKENDS)}")
    match = re.fullmatch(r"(\d+)/(\d+)", part or "1/1")
    if match is None:
        raise UsageError(
            f"--part is a number and how many there are; received {part!r}; write for instance 2/5"
        )
    devices = choose_devices(device, here=backend == "joblib")
    if backend == "ray":
        devices = ("cuda" if devices[0].startswith("cuda") else "cpu",)
    elif devices != ("cpu",) and (workers or 1) > len(devices):
        raise UsageError(
            f"each worker has a device of its own; received --workers {workers} and {len(devices)} devices; "
            "name a device twice to give it two jobs at the same time: --device cuda:0,cuda:0"
        )
    if workers is None and backend == "joblib":
        workers = max(processors() // threads, 1) if devices == ("cpu",) else len(devices)
    return Settings(backend, workers, address, devices, threads, (int(match[1]), int(match[2])))


def _say_end(result: GridResult) -> None:
    """Say where the scores are, and end with 1 if something failed."""
    print(result.grid.metrics)
    for warning in result.warnings:
        typer.echo(f"warning: {warning}", err=True)
    if result.diverged:
        typer.echo(f"{result.diverged} cells diverged: they are on record and have no scores", err=True)
    if result.failed or result.skipped:
        typer.echo(
            f"{result.failed} cells failed and {result.skipped} could not be reached; "
            f"{result.finished + result.diverged} of {result.cells} are finished; the first error: "
            f"{result.errors[0]}; all of them are in {result.grid.failures}; the same command tries them "
            "again",
            err=True,
        )
        raise typer.Exit(1)
