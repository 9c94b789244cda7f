"""Files of runs, each whole or not at all; a full disk ends a run and takes nothing that is finished."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bayesscale.errors import DataError, TrainingError, UsageError
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


def read_json(path: Path) -> Any:
    """Return what a JSON file of a grid holds; a DataError says what to do if it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not JSON"
        raise DataError(
            f"{path} must be a file of a grid; it cannot be read ({reason}); "
            "delete it if it is damaged: what it held is computed again"
        ) from error


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON file."""
    write_finished({path: json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"})


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as JSON lines; no file where there are none."""
    if text := "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows):
        write_finished({path: text})
