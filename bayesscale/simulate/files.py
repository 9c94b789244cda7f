"""Write a simulated table and its truth."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bayesscale.errors import UsageError
from bayesscale.files import write_files
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

    The truth goes beside the table if no place is given, see `truth_path`. OutputExistsError if a file exists
    already and `force` is not given; then neither is written. UsageError if a file cannot be written.
    """
    contents = {table: to_csv(simulated.frame), truth or truth_path(table): simulated.truth.to_json()}
    if len(contents) < 2:
        raise UsageError(f"the table and its truth need two files; received {table} for both")
    write_files(contents, force=force)
