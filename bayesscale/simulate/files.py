"""Write a simulated table and its truth."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from bayesscale.errors import OutputExistsError, UsageError
from bayesscale.simulate.generate import Simulated
from bayesscale.simulate.population import POPULATION


def to_csv(frame: pd.DataFrame) -> str:
    """Return a simulated table as CSV, values with the decimals that are usual for their metric."""
    text = frame.copy()
    for column, more in (("value", 0), ("se", 1)):
        if column in frame:
            text[column] = [
                f"{number:.{POPULATION[metric].decimals + more}f}"
                for metric, number in zip(frame["metric"], frame[column], strict=True)
            ]
    return text.to_csv(index=False, float_format="%g", lineterminator="\n")


def truth_path(table: Path) -> Path:
    """Return where the truth of a table goes if nobody says otherwise: beside it."""
    return table.with_name(f"{table.stem}.truth.json")


def write(simulated: Simulated, table: Path, truth: Path | None = None, *, force: bool = False) -> None:
    """Write the table as CSV and the truth as JSON, each whole or not at all.

    Parameters
    ----------
    simulated : Simulated
        What `bayesscale.simulate.simulate` returned.
    table : Path
        Where the CSV goes.
    truth : Path, optional
        Where the JSON goes; beside the table if not given, see `truth_path`.
    force : bool
        Whether files that exist are replaced.

    Raises
    ------
    OutputExistsError
        If a file exists already; then neither is written.
    UsageError
        If a file cannot be written where it should go.
    """
    contents = {
        table: to_csv(simulated.frame),
        truth or truth_path(table): simulated.truth.to_json(),
    }
    if len(contents) < 2:
        raise UsageError(f"the table and its truth need two files; received {table} for both")
    existing = [str(path) for path in contents if path.exists()]
    if existing and not force:
        raise OutputExistsError(
            f"{' and '.join(existing)} would be overwritten: choose another name, or force it"
        )
    for path, content in contents.items():
        _write_whole(path, content)


def _write_whole(path: Path, content: str) -> None:
    """Write a temporary file in the same folder, then move it into place."""
    # Not from tempfile, whose files nobody else may read.
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_text(content, encoding="utf-8", newline="")
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}; choose another place") from error
