"""Make the bundled example `synthetic-languages` from the folder of its grid, if that is whole.

The grid: bayesscale harness grid --preset synthetic -o FOLDER. Two files go beside the other examples: the
metrics table, and a row a model with what belongs to its scores. Prints what index.toml has to say.

Run: python -m benchmarks.bundle FOLDER [--seeds 0 ...] [--last TOKENS]
"""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from bayesscale.harness.files import read_json
from bayesscale.harness.grid.context import Grid
from bayesscale.harness.grid.pretraining import read_records
from bayesscale.harness.grid.status import GridStatus
from bayesscale.harness.study.cells import Cell, cells
from bayesscale.harness.study.presets import preset
from bayesscale.metrics.examples import example_path

NAME = "synthetic-languages"
_SIGNED = ("torch", "sacrebleu", "sentencepiece", "numpy")
_TABLE = ["task", "mixture", "pretrain_tokens", "finetune_tokens", "metric", "value", "se", "run", "seed"]


def main(arguments: list[str]) -> None:
    """Write both files; refuse a grid of which a cell is not finished."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1], help="only these")
    parser.add_argument("--last", type=float, default=float("inf"), help="no checkpoint beyond this D_p")
    asked = parser.parse_args(arguments)
    study = preset("synthetic")
    wanted = [
        cell for cell in cells(study) if cell.seed in asked.seeds and cell.pretrain_tokens <= asked.last
    ]
    grid = Grid(asked.folder, study, "")
    records = {Cell(**record["cell"]): record for record in _records(asked.folder)}
    if missing := [cell for cell in wanted if cell not in records]:
        sys.exit(f"{len(missing)} of {len(wanted)} cells are not finished, the first: {missing[0]}")
    runs = {(cell.mixture, cell.seed) for cell in wanted if cell.mixture}
    upstream = {(name, seed): read_records(grid, name, seed) for name, seed in runs}
    status = GridStatus(grid, {cell: records[cell] for cell in wanted}, upstream, (), ())
    folder = example_path("isik-simulated").parent
    table, models = scores(status), details(status)
    table.to_csv(folder / f"{NAME}.csv", index=False, float_format="%.6g")
    models.to_csv(folder / f"{NAME}.models.csv", index=False, float_format="%.6g")
    versions = ", ".join(f'{name} = "{version(name)}"' for name in _SIGNED)
    print(f"{len(models)} models, {len(table)} scores; versions = {{ {versions} }}")


def _records(folder: Path) -> list[dict[str, Any]]:
    """Return the records of all finished cells in a folder."""
    return [read_json(path) for path in sorted((folder / "cells").glob("*.json"))]


def scores(status: GridStatus) -> pd.DataFrame:
    """Return the rows of the metrics table, in the order of the study.

    Parameters
    ----------
    status : GridStatus
        The grid.
    """
    table = pd.DataFrame([row for record in status.cells.values() if record for row in record["rows"]])
    shares = sorted(str(name) for name in table.columns if str(name).startswith("share_"))
    return table[[*_TABLE, "model_params", *shares, "signature"]]


def details(status: GridStatus) -> pd.DataFrame:
    """Return a row a model: how it was trained, and the parts of its BLEU.

    Parameters
    ----------
    status : GridStatus
        The grid.
    """
    table = status.details()
    runs = table[["mixture", "seed", "pretrain_tokens"]].itertuples(index=False, name=None)
    upstream = [status.checkpoints.get((mixture, seed), {}).get(tokens, {}) for mixture, seed, tokens in runs]
    table["pretrain_loss"] = [record.get("loss") for record in upstream]
    table["on_plateau"] = [record.get("on_plateau") for record in upstream]
    return table[
        ["task", "mixture", "pretrain_tokens", "finetune_tokens", "seed", "status", "pairs", "steps",
         "epochs", "rate", "rate_warning", "dev_loss", "pretrain_loss", "on_plateau", "brevity_penalty",
         *(f"precision_{n}" for n in range(1, 5)), "nats_per_byte"]
    ]  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
