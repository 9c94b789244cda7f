"""How far a grid is, from what lies in its folder; needs neither torch nor the data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from bayesscale.errors import UsageError
from bayesscale.harness.files import read_json
from bayesscale.harness.grid.context import Grid, recorded_study
from bayesscale.harness.grid.keys import cell_key
from bayesscale.harness.grid.pretraining import read_records
from bayesscale.harness.grid.run import warnings_of
from bayesscale.harness.progress import Progress, running
from bayesscale.harness.study.cells import Cell, cells
from bayesscale.harness.study.config import Study

_SHOWN_FAILURES = 3


@dataclass(frozen=True)
class GridStatus:
    """How far a grid is.

    `cells` have their record, or None if they are not finished; `checkpoints` are records by (mixture, seed)
    and D_p; the newest of `failures` is the last.
    """

    grid: Grid
    cells: dict[Cell, dict[str, Any] | None] = field(repr=False)
    checkpoints: dict[tuple[str, int], dict[int, dict[str, Any]]] = field(repr=False)
    running: tuple[Progress, ...]
    failures: tuple[dict[str, Any], ...]

    def count(self, status: str) -> int:
        """Return the number of cells that are 'finished' or 'diverged'."""
        return sum(record is not None and record["status"] == status for record in self.cells.values())

    def frame(self) -> pd.DataFrame:
        """Return a row for every checkpoint: its loss and how many of its cells are finished."""
        rows, points = [], dict[tuple[int, str, int], list[dict[str, Any] | None]]()
        for cell, found in self.cells.items():
            points.setdefault((cell.seed, cell.mixture or "", cell.pretrain_tokens), []).append(found)
        for (seed, mixture, tokens), mine in sorted(points.items(), key=lambda point: point[0]):
            record = self.checkpoints.get((mixture, seed), {}).get(tokens, {})
            rows.append(
                {
                    "mixture": mixture or "none",
                    "seed": seed,
                    "pretrain_tokens": tokens,
                    "pretrained": record.get("status", ""),
                    "loss": record.get("loss"),
                    "on_plateau": record.get("on_plateau"),
                    "cells": len(mine),
                    "finished": sum(each is not None for each in mine),
                    "diverged": sum(each is not None and each["status"] == "diverged" for each in mine),
                }
            )
        return pd.DataFrame(rows)

    def details(self) -> pd.DataFrame:
        """Return a row for every finished cell, with its scores and what belongs to them."""
        return pd.DataFrame([_detail(cell, record) for cell, record in self.cells.items() if record])

    def document(self) -> dict[str, Any]:
        """Return everything for programs."""
        return {
            "study": self.grid.study.name,
            "folder": str(self.grid.path),
            "metrics": str(self.grid.metrics),
            "cells": len(self.cells),
            "finished": self.count("finished"),
            "diverged": self.count("diverged"),
            "running": [vars(each) for each in self.running],
            "failures": [{key: each[key] for key in ("time", "job", "error")} for each in self.failures],
            "checkpoints": self.frame().to_dict("records"),
        }

    def sentences(self) -> list[str]:
        """Return what a reader has to know of the table."""
        total, done = len(self.cells), self.count("finished")
        lines = [f"{self.grid.study.name}: {done} of {total} cells have scores, in {self.grid.metrics}"]
        if diverged := self.count("diverged"):
            lines.append(f"{diverged} diverged, which is their result: they have a record and no scores")
        lines += [f"warning: {each}" for each in warnings_of(list(filter(None, self.cells.values())))]
        lines += [f"now: {each}" for each in self.running]
        lines += [
            f"failed {each['time'][:16]}: {each['job']}: {each['error']}"
            for each in self.failures[-_SHOWN_FAILURES:]
        ]
        return lines


def grid_status(path: Path) -> GridStatus:
    """Return how far the grid in a folder is."""
    recorded = recorded_study(path)
    if recorded is None:
        raise UsageError(
            f"the folder of a grid holds study.json; there is none in {path}; "
            "name the folder that was given to `harness grid -o`"
        )
    grid = Grid(path, Study.model_validate(recorded["study"]), recorded["data_hash"])
    done = grid.finished()
    keys = {cell: cell_key(grid.study, grid.data_hash, cell) for cell in cells(grid.study)}
    records = {cell: read_json(grid.cell(key)) if key in done else None for cell, key in keys.items()}
    runs = {(cell.mixture, cell.seed) for cell in keys if cell.mixture}
    checkpoints = {(str(mixture), seed): read_records(grid, str(mixture), seed) for mixture, seed in runs}
    return GridStatus(grid, records, checkpoints, tuple(running(grid.progress)), tuple(_failures(grid)))


def _failures(grid: Grid) -> Iterator[dict[str, Any]]:
    """Yield what went wrong; a line that is not whole is passed over."""
    if grid.failures.exists():
        for line in grid.failures.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue


def _detail(cell: Cell, record: dict[str, Any]) -> dict[str, Any]:
    """Return one finished cell as a row."""
    finetune, test = record["finetune"], record.get("test")
    row: dict[str, Any] = {
        "task": cell.task,
        "mixture": cell.mixture or "none",
        "pretrain_tokens": cell.pretrain_tokens,
        "size": str(cell.size),
        "seed": cell.seed,
        "status": record["status"],
        "finetune_tokens": finetune["tokens"],
        "pairs": finetune["pairs"],
        "steps": finetune.get("steps"),
        "epochs": finetune.get("epochs"),
        "rate": finetune.get("rate"),
        "rate_warning": finetune.get("rate_warning"),
        "dev_loss": finetune.get("dev_loss"),
        "seconds": record.get("seconds"),
    }
    if test is None:
        return row
    for score in test["scores"]:
        row[score["metric"]] = score["value"]
        if score["metric"] == "bleu":
            row["brevity_penalty"] = score["brevity_penalty"]
            row |= {f"precision_{n}": value for n, value in enumerate(score["precisions"], start=1)}
    row |= {"nats_per_token": test["loss"]["per_token"], "nats_per_byte": test["loss"]["per_byte"]}
    return row | {f"bleu {name}": score["value"] for name, score in test["domains"].items()}
