"""Make the bundled example `synthetic-languages` from the folder of its grid, if that is whole.

The grid: bayesscale harness grid --preset synthetic -o FOLDER. Two files go beside the other examples: the
metrics table, and a row a model with what belongs to its scores. Prints what index.toml has to say.

Run: python -m benchmarks.bundle FOLDER [--seeds 0 ...]
"""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from bayesscale.harness.grid.status import GridStatus, grid_status
from bayesscale.metrics.examples import example_path

NAME = "synthetic-languages"
_SIGNED = ("torch", "sacrebleu", "sentencepiece", "numpy")
_METRICS = ["bleu", "chrf", "cross_entropy"]
_KEYS = ["seed", "pretrain_tokens", "mixture", "finetune_tokens"]
_TABLE = ["task", "mixture", "pretrain_tokens", "finetune_tokens", "metric", "value", "se", "run", "seed"]


def main(arguments: list[str]) -> None:
    """Write both files; refuse seeds whose cells are not all finished."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=None, help="only these; default: all")
    asked = parser.parse_args(arguments)
    status = grid_status(asked.folder)
    seeds = asked.seeds or list(status.grid.study.seeds)
    missing = [cell for cell, record in status.cells.items() if cell.seed in seeds and not record]
    if missing:
        sys.exit(f"{len(missing)} cells of seeds {seeds} are not finished, the first: {missing[0]}")
    folder = example_path("isik-simulated").parent
    table, models = scores(status, seeds), details(status, seeds)
    table.to_csv(folder / f"{NAME}.csv", index=False, float_format="%.6g")
    models.to_csv(folder / f"{NAME}.models.csv", index=False, float_format="%.6g")
    versions = ", ".join(f'{name} = "{version(name)}"' for name in _SIGNED)
    print(f"{len(models)} models, {len(table)} scores, seeds {seeds}; versions = {{ {versions} }}")
    print(f"signature of BLEU: {table.loc[table['metric'] == 'bleu', 'signature'].unique()}")


def scores(status: GridStatus, seeds: list[int]) -> pd.DataFrame:
    """Return the rows of the metrics table, in the order of the study.

    Parameters
    ----------
    status : GridStatus
        The grid.
    seeds : list of int
        Which seeds.
    """
    rows = [row for record in status.cells.values() if record for row in record["rows"]]
    table = pd.DataFrame(rows)
    table = table[table["seed"].isin(seeds) & table["metric"].isin(_METRICS)]
    shares = sorted(str(name) for name in table.columns if str(name).startswith("share_"))
    return table[[*_TABLE, "model_params", *shares, "signature"]].reset_index(drop=True)


def details(status: GridStatus, seeds: list[int]) -> pd.DataFrame:
    """Return a row a model: how it was trained, and the parts of its BLEU.

    Parameters
    ----------
    status : GridStatus
        The grid.
    seeds : list of int
        Which seeds.
    """
    table = status.details()
    table = table[table["seed"].isin(seeds)].reset_index(drop=True)
    runs = table[["mixture", "seed", "pretrain_tokens"]].itertuples(index=False, name=None)
    upstream = [status.checkpoints.get((mixture, seed), {}).get(tokens, {}) for mixture, seed, tokens in runs]
    table["pretrain_loss"] = [record.get("loss") for record in upstream]
    table["on_plateau"] = [record.get("on_plateau") for record in upstream]
    shown = ["pairs", "steps", "epochs", "rate", "rate_warning", "dev_loss", "pretrain_loss", "on_plateau",
             "brevity_penalty", *(f"precision_{n}" for n in range(1, 5)), "nats_per_byte"]  # fmt: skip
    return table[["task", *_KEYS, *shown]]


if __name__ == "__main__":
    main(sys.argv[1:])
