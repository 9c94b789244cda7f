"""The pretraining runs of a grid: a run goes on from where it is, checkpoint by checkpoint."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesscale.errors import CheckpointError
from bayesscale.harness.files import read_json, write_json
from bayesscale.harness.grid.context import Grid, run_name
from bayesscale.harness.grid.keys import run_key
from bayesscale.harness.progress import Reporter
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    from bayesscale.harness.study.training import PretrainingConfig
    from bayesscale.harness.training.jobs import Checkpoint


@dataclass(frozen=True)
class Stretch:
    """Pretraining of one run up to the last of some checkpoints, by their D_p."""

    mixture: str
    seed: int
    checkpoints: tuple[int, ...]

    def __str__(self) -> str:
        return f"pretrain {self.mixture}, seed {self.seed}, to {format_tokens(self.checkpoints[-1])} tokens"


def pretrain_stretch(grid: Grid, stretch: Stretch, *, show: Callable[[str], None] | None) -> str:
    """Pretrain up to a checkpoint, from where the run is; return loss and speed, for people."""
    folder = grid.run(stretch.mixture, stretch.seed)
    config = grid.study.pretraining.model_copy(update={"checkpoints": stretch.checkpoints})
    work = partial(train, grid, stretch.mixture, stretch.seed, config, folder)
    if os.environ.get("RANK", "0") != "0":
        work(None)  # along with the first process of torchrun, which holds the lock
        return ""
    with grid.locked(f"{folder.name}.lock"):
        _claim(grid, stretch, folder)
        with Reporter(grid.progress, str(stretch), show=show, curve=folder / "training.jsonl") as report:
            last = work(report)[-1]
    if last.status == "diverged":
        return "DIVERGED"
    loss = f"loss {last.loss:.3f}"
    plateau = f"still on the plateau ({last.unigram_loss:.3f})" if last.on_plateau else ""
    return ", ".join(filter(None, (loss, plateau, report.last.speed)))


def read_records(grid: Grid, mixture: str, seed: int) -> dict[int, dict[str, Any]]:
    """Return what is on record of the checkpoints of a run, by D_p."""
    documents = [read_json(path) for path in grid.run(mixture, seed).glob("[0-9]*.json")]
    return {document["tokens"]: document for document in documents}


def checkpoint_of(grid: Grid, mixture: str, seed: int, tokens: int) -> tuple[dict[str, Any], Path | None]:
    """Return the record of a checkpoint and its weights; None for the weights of a run that had diverged."""
    given = grid.study.given(mixture, tokens)
    if given is not None:
        return {"tokens": tokens, "loss": None, "weights": str(given)}, given
    record = read_records(grid, mixture, seed).get(tokens)
    if record is None:
        raise CheckpointError(
            f"{run_name(mixture, seed)} has no checkpoint at {format_tokens(tokens)} tokens in "
            f"{grid.path}; run `bayesscale harness pretrain` first, or the whole grid"
        )
    if record["status"] == "diverged":
        return record, None
    return record, grid.run(mixture, seed) / f"{tokens}.safetensors"


def _claim(grid: Grid, stretch: Stretch, folder: Path) -> None:
    """Note in the folder which run it is of; refuse a folder of another run."""
    key = run_key(grid.study, grid.data_hash, stretch.mixture, stretch.seed)
    path = folder / "run.json"
    if not path.exists():
        write_json(path, {"key": key, "mixture": stretch.mixture, "seed": stretch.seed})
    elif read_json(path).get("key") != key:
        raise CheckpointError(
            f"{folder} holds a pretraining run of another recipe or other data; use another folder, or "
            "delete this one to pretrain again"
        )


def train(
    grid: Grid, mixture: str, seed: int, config: PretrainingConfig, folder: Path, report: Reporter | None
) -> tuple[Checkpoint, ...]:
    """Hand a run to the training loop, and return its checkpoints; no other run is in its folder."""
    from bayesscale.harness.training.jobs import PretrainJob
    from bayesscale.harness.training.pretraining import pretrain

    grid.prepare_torch()
    study, data = grid.study, grid.prepared()
    order = data.mixture(study.mixture(mixture).shares, config.length, seed)
    return pretrain(
        PretrainJob(
            model=study.model,
            config=config,
            mixture=order,
            blocks={language: data.blocks(language, config.length) for language in order.languages},
            folder=folder,
            vocabulary=data.tokenizer.vocabulary,
            seed=seed,
            device=grid.device(),
            init=study.path(study.init) if study.init else None,
            report=report,
        )
    )
