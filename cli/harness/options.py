"""What commands of the harness share: which study, where it goes, on which devices, lines on stderr."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bayesscale.errors import UsageError
from bayesscale.text import printable

if TYPE_CHECKING:
    from bayesscale.harness.study.config import Study

StudyFile = Annotated[
    Path | None, typer.Argument(metavar="STUDY", help="A study file; 'harness init' writes one.")
]
PresetOption = Annotated[
    str | None,
    typer.Option("--preset", metavar="NAME", help="tiny, synthetic or isik, instead of a study file."),
]
FolderOption = Annotated[
    Path,
    typer.Option("--output", "-o", metavar="FOLDER", help="Folder of the grid; gone on with if it is there."),
]
DeviceOption = Annotated[
    str, typer.Option("--device", metavar="NAMES", help="auto, cpu, cuda, or several: cuda:0,cuda:1.")
]
ThreadsOption = Annotated[
    int, typer.Option("--threads", metavar="N", min=1, help="Threads of torch in each process on a CPU.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Say only what goes wrong.")]

_SECONDS = 20.0


def chosen_study(file: Path | None, preset_name: str | None) -> Study:
    """Return the study of a file or of a preset."""
    from bayesscale.harness.study.load import load_study
    from bayesscale.harness.study.presets import preset

    if (file is None) == (preset_name is None):
        received = "both" if file else "neither"
        raise UsageError(
            f"a study file or --preset says what to do; received {received}; give exactly one of them, for "
            "instance --preset tiny"
        )
    return load_study(file) if file is not None else preset(str(preset_name))


class Lines:
    """Lines on stderr: what is said stays; the present state replaces the one before on a terminal."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty()
        self._open = False
        self._shown = time.monotonic()

    def say(self, line: str) -> None:
        """Write a line that stays."""
        if not self._quiet:
            self._close()
            print(printable(line), file=sys.stderr, flush=True)
            self._shown = time.monotonic()

    def show(self, line: str) -> None:
        """Write the present state; where there is no terminal, only now and then."""
        if self._quiet:
            return
        if self._live:
            print(f"\r\x1b[K{printable(line)}", end="", file=sys.stderr, flush=True)
            self._open = True
        elif time.monotonic() - self._shown > _SECONDS:
            self.say(line)

    def _close(self) -> None:
        """Remove the present state."""
        if self._open:
            print("\r\x1b[K", end="", file=sys.stderr)
            self._open = False
