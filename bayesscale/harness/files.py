"""Write the files of runs; a disk that is full ends a run and takes nothing that is finished."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bayesscale.errors import TrainingError, UsageError
from bayesscale.files import write_files
from bayesscale.units import format_bytes


def write_finished(contents: Mapping[Path, str | bytes]) -> None:
    """Write files, replacing older ones, each whole or not at all; a full disk is a TrainingError."""
    try:
        write_files(contents, force=True)
    except UsageError as error:
        needed = format_bytes(sum(map(len, contents.values())))
        raise cannot_write(f"{error}; {needed} are to be written") from error


def cannot_write(reason: object) -> TrainingError:
    """Return what to say where a file of a run cannot be written."""
    return TrainingError(
        f"{reason}; what is finished is kept: make room (or choose another folder) and run the same command "
        "again"
    )
