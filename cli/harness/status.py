"""`bayesscale harness status`: how far a grid is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayesscale.cli.options import CsvOption, JsonOption
from bayesscale.cli.output import Answer, print_answer


def status(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of the grid.")],
    details: Annotated[
        bool, typer.Option("--cells", help="A row for each finished cell: scores, precisions, rates, times.")
    ] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Say how far a grid is: what is finished, what runs and how fast, what went wrong."""
    from bayesscale.harness.grid.status import grid_status

    found = grid_status(folder)
    document = found.document()
    frame = found.frame()
    if details:
        frame = found.details()
        document["finished_cells"] = frame.to_dict("records")
    print_answer(Answer(frame, document, found.sentences()), as_json=as_json, as_csv=as_csv)
