"""Where the parts of a grid lie in its folder."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bayesscale.errors import DataError, TrainingError
from bayesscale.files import write_files


@dataclass(frozen=True)
class GridFolder:
    """The folder of a grid.

    Parameters
    ----------
    path : Path
        Where it is.
    """

    path: Path

    @property
    def study(self) -> Path:
        """The study as it was last run, and the hash of its data."""
        return self.path / "study.json"

    @property
    def prepared(self) -> Path:
        """The tokenizer, the tokens and the tasks."""
        return self.path / "prepared"

    @property
    def metrics(self) -> Path:
        """The metrics table."""
        return self.path / "metrics.jsonl"

    @property
    def domains(self) -> Path:
        """A metrics table of BLEU by domain."""
        return self.path / "domains.jsonl"

    @property
    def failures(self) -> Path:
        """What went wrong, one line a job, the newest last."""
        return self.path / "failures.jsonl"

    @property
    def progress(self) -> Path:
        """One file for each process that is at work."""
        return self.path / "progress"

    def run(self, mixture: str, seed: int) -> Path:
        """Return the folder of a pretraining run."""
        return self.path / "pretraining" / run_name(mixture, seed)

    def cell(self, key: str) -> Path:
        """Return the record of a finished cell."""
        return self.path / "cells" / f"{key}.json"

    def hypotheses(self, key: str) -> Path:
        """Return the hypotheses of a finished cell, one a line."""
        return self.path / "cells" / f"{key}.hypotheses.txt"

    def finished(self) -> set[str]:
        """Return the keys of the cells that have a record."""
        return {path.stem for path in (self.path / "cells").glob("*.json") if not path.name.startswith(".")}

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Hold a lock of this folder; the system frees it when the process ends, however it ends."""
        path = self.path / "locks" / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise cannot_write(path, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def run_name(mixture: str | None, seed: int) -> str:
    """Return the name of a training run, for folders and for the column `run`.

    Parameters
    ----------
    mixture : str or None
        Name of the mixture; None where nothing was pretrained.
    seed : int
        Its seed.
    """
    return f"{mixture or 'none'}-seed{seed}"


def read_json(path: Path) -> Any:
    """Return what a JSON file of a grid holds.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    DataError
        It cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not JSON"
        raise DataError(
            f"{path} must be a file of a grid; it cannot be read ({reason}); "
            "delete it if it is damaged: what it held is computed again"
        ) from error


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON file, whole or not at all.

    Parameters
    ----------
    path : Path
        The file.
    document : mapping
        What it holds.
    """
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_files({path: text}, force=True)


def cannot_write(path: Path, error: OSError) -> TrainingError:
    """Return what to say where a file of the grid cannot be written.

    Parameters
    ----------
    path : Path
        The file.
    error : OSError
        Why.
    """
    return TrainingError(
        f"{path} cannot be written: {(error.strerror or str(error)).lower()}; what is finished is kept: "
        "make room (or choose another folder) and run the same command again"
    )
