"""The bundled grid: made from records of cells, whole or not at all."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest

from bayesscale.harness.study.cells import Cell, cells
from bayesscale.harness.study.presets import preset
from bayesscale.metrics.read import read_metrics
from benchmarks import bundle

CELLS = cells(preset("synthetic"))
LAST = sorted({cell.pretrain_tokens for cell in CELLS})[2]


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the example goes."""
    monkeypatch.setattr(bundle, "example_path", lambda name: tmp_path / "isik-simulated.csv")
    monkeypatch.setattr(bundle, "version", lambda name: "1.0")  # where the tests run, torch may be missing
    return tmp_path / "synthetic-languages.csv"


def _record(cell: Cell) -> dict[str, object]:
    """Return what would be on record of a cell."""
    facts = {
        "task": cell.task, "mixture": cell.mixture or "none", "pretrain_tokens": cell.pretrain_tokens,
        "finetune_tokens": 60_000 if cell.size == "full" else cell.size,
        "run": f"{cell.mixture}-seed{cell.seed}", "seed": cell.seed, "model_params": 9,
        "share_ka": 0.5, "share_lo": 0.5,
    }  # fmt: skip
    value = 20 + cell.pretrain_tokens / 1e5
    row = {**facts, "metric": "bleu", "value": value, "se": 0.5, "signature": "s"}
    text = {"metric": "bleu", "value": value, "brevity_penalty": 1.0, "precisions": [9.0] * 4}
    test = {"scores": [text], "loss": {"per_token": 1.0, "per_byte": 0.3}, "domains": {}}
    finetune = {"tokens": 60_000, "pairs": 9, "epochs": 3.0, "steps": 9, "rate": 0.03, "rate_warning": None}
    return {"cell": asdict(cell), "status": "finished", "rows": [row], "finetune": finetune, "test": test}


def _grid(folder: Path, some: list[Cell]) -> Path:
    """Write records and checkpoints of some cells."""
    (folder / "cells").mkdir(parents=True)
    for number, cell in enumerate(some):
        (folder / "cells" / f"{number:03d}.json").write_text(json.dumps(_record(cell)))
    run = folder / "pretraining" / "ka-seed0"
    run.mkdir(parents=True)
    document = {"tokens": LAST, "loss": 2.5, "on_plateau": True}
    (run / f"{LAST}.json").write_text(json.dumps(document))
    return folder


def test_the_finished_part_of_a_grid_becomes_a_table_in_the_order_of_the_study(
    tmp_path: Path, target: Path
) -> None:
    some = [cell for cell in CELLS if cell.seed == 0 and cell.pretrain_tokens <= LAST]
    bundle.main([str(_grid(tmp_path / "grid", some[::-1])), "--seeds", "0", "--last", str(LAST)])
    metrics = read_metrics(target)
    assert (len(metrics.frame), metrics.notes) == (len(some), ())
    assert pd.read_csv(target)["mixture"].tolist() == [cell.mixture or "none" for cell in some]
    models = pd.read_csv(target.with_suffix(".models.csv"))
    assert len(models) == len(some)
    upstream = models[(models["mixture"] == "ka") & (models["pretrain_tokens"] == LAST)]
    assert upstream["pretrain_loss"].tolist() == [2.5] * 3
    assert models["pretrain_loss"].notna().sum() == 3


def test_a_grid_that_lacks_a_cell_is_not_bundled(tmp_path: Path, target: Path) -> None:
    some = [cell for cell in CELLS if cell.seed == 0]
    with pytest.raises(
        SystemExit, match=r"1 of 111 cells are not finished, the first: ka-lo, 50ka.50fo, D_p 1.2M"
    ):
        bundle.main([str(_grid(tmp_path / "grid", some[:-1])), "--seeds", "0"])
    assert not target.exists()
