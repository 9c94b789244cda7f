"""The pretraining runs of a grid: a run goes on from where it is, checkpoint by checkpoint."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesscale.errors import CheckpointError
from bayesscale.harness.grid.context import Grid, run_name
from bayesscale.harness.grid.files import read_json, write_json
from bayesscale.harness.grid.keys import run_key
from bayesscale.harness.progress import Reporter
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    from bayesscale.harness.training.jobs import Checkpoint, PretrainResult


@dataclass(frozen=True)
class Stretch:
    """Pretraining of one run up to a checkpoint.

    Parameters
    ----------
    mixture : str
        Name of the mixture.
    seed : int
        Seed of the run.
    checkpoints : tuple of int
        D_p of the checkpoints that are wanted, the last of which is the end.
    """

    mixture: str
    seed: int
    checkpoints: tuple[int, ...]

    def __str__(self) -> str:
        return f"pretrain {self.mixture}, seed {self.seed}, to {format_tokens(self.checkpoints[-1])} tokens"


def pretrain_stretch(grid: Grid, stretch: Stretch, *, show: Callable[[str], None] | None = None) -> str:
    """Pretrain up to a checkpoint, from where the run is; return loss and speed, for people.

    Parameters
    ----------
    grid : Grid
        Study, folder, device.
    stretch : Stretch
        Which run, and how far.
    show : callable, optional
        Receives the line that stands for the present state.
    """
    folder = grid.run(stretch.mixture, stretch.seed)
    if os.environ.get("RANK", "0") != "0":
        # Trains along with the first process of torchrun, which holds the lock and keeps the records.
        if new := _missing(stretch, read_records(grid, stretch.mixture, stretch.seed)):
            _pretrain(grid, replace(stretch, checkpoints=new), folder, None)
        return ""
    with grid.locked(f"{folder.name}.lock"):
        _claim(grid, stretch, folder)
        recorded = read_records(grid, stretch.mixture, stretch.seed)
        # Those on record need not be there any more.
        new = _missing(stretch, recorded)
        if not new:
            return "was finished"
        with Reporter(grid.progress, str(stretch), show=show, curve=folder / "training.jsonl") as report:
            result = _pretrain(grid, replace(stretch, checkpoints=new), folder, report)
        recorded |= {
            tokens: _record(checkpoint, folder, result)
            for tokens, checkpoint in zip(new, result.checkpoints, strict=True)
        }
        write_json(
            folder / "checkpoints.json", {str(tokens): recorded[tokens] for tokens in sorted(recorded)}
        )
    return _summary(recorded[stretch.checkpoints[-1]], report.last.speed)


def _missing(stretch: Stretch, recorded: Mapping[int, Any]) -> tuple[int, ...]:
    """Return the checkpoints that are not on record."""
    return tuple(tokens for tokens in stretch.checkpoints if tokens not in recorded)


def read_records(grid: Grid, mixture: str, seed: int) -> dict[int, dict[str, Any]]:
    """Return what is on record of the checkpoints of a run, by planned D_p.

    Parameters
    ----------
    grid : Grid
        Study and folder.
    mixture : str
        Name of the mixture.
    seed : int
        Seed of the run.
    """
    path = grid.run(mixture, seed) / "checkpoints.json"
    return {int(tokens): record for tokens, record in read_json(path).items()} if path.exists() else {}


def checkpoint_of(grid: Grid, mixture: str, seed: int, tokens: int) -> tuple[dict[str, Any], Path | None]:
    """Return the record of a checkpoint and its weights; None for the weights of a run that had diverged.

    Parameters
    ----------
    grid : Grid
        Study and folder.
    mixture, seed, tokens
        Which checkpoint.

    Raises
    ------
    CheckpointError
        It is not there.
    """
    given = grid.study.given(mixture, tokens)
    if given is not None:
        return {"tokens": tokens, "loss": None, "file": str(given)}, given
    record = read_records(grid, mixture, seed).get(tokens)
    if record is None:
        raise CheckpointError(
            f"{run_name(mixture, seed)} has no checkpoint at {format_tokens(tokens)} tokens in "
            f"{grid.path}; run `bayesscale harness pretrain` first, or the whole grid"
        )
    if record["status"] == "diverged":
        return record, None
    path = grid.run(mixture, seed) / record["file"]
    if not path.is_file():
        raise CheckpointError(
            f"the weights {path} have been deleted; with keep = 'grid' they stay only until their cells are "
            "finished; delete checkpoints.json beside them to pretrain again"
        )
    return record, path


def delete_weights(grid: Grid, mixture: str, seed: int, tokens: Sequence[int]) -> None:
    """Delete weights that no cell needs any more; the records of the checkpoints stay.

    Parameters
    ----------
    grid : Grid
        Study and folder.
    mixture, seed, tokens
        Which checkpoints.
    """
    records = read_records(grid, mixture, seed)
    for each in tokens:
        if (file := records.get(each, {}).get("file")) is not None:
            with suppress(OSError):
                (grid.run(mixture, seed) / file).unlink(missing_ok=True)


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


def _pretrain(grid: Grid, stretch: Stretch, folder: Path, report: Reporter | None) -> PretrainResult:
    """Hand the run to the training loop."""
    from bayesscale.harness.training import PretrainJob, pretrain

    grid.prepare_torch()
    study = grid.study
    last = stretch.checkpoints[-1] >= study.checkpoint_tokens(study.mixture(stretch.mixture))[-1]
    mixture, blocks = grid.mixture(stretch.mixture, stretch.seed)
    return pretrain(
        PretrainJob(
            model=study.model,
            config=study.pretraining.model_copy(update={"checkpoints": stretch.checkpoints}),
            mixture=mixture,
            blocks=blocks,
            folder=folder,
            vocabulary=grid.prepared().tokenizer.vocabulary,
            seed=stretch.seed,
            device=grid.device(),
            init=study.path(study.init) if study.init else None,
            keep_state=not last or study.pretraining.keep == "all",
            report=report,
        )
    )


def _summary(record: dict[str, Any], speed: str) -> str:
    """Return how a stretch went."""
    if record["status"] == "diverged":
        return "DIVERGED"
    loss = "" if record["loss"] is None else f"loss {record['loss']:.3f}"
    plateau = f"still on the plateau ({record['unigram_loss']:.3f})" if record["on_plateau"] else ""
    return ", ".join(filter(None, (loss, plateau, speed)))


def _record(checkpoint: Checkpoint, folder: Path, result: PretrainResult) -> dict[str, Any]:
    """Return what is kept of a checkpoint besides its weights."""
    path = checkpoint.path
    if path is not None and not path.is_relative_to(folder):
        raise CheckpointError(f"checkpoints lie in the folder of their run, {folder}; received {path}")
    loss = checkpoint.loss if abs(checkpoint.loss) < float("inf") else None
    fields = asdict(replace(checkpoint, path=None)) | {"loss": loss, "on_plateau": checkpoint.on_plateau}
    del fields["path"]
    return {
        **fields,
        "file": None if path is None else str(path.relative_to(folder)),
        "micro_batch": result.micro_batch,
        "out_of_memory": result.out_of_memory,
    }
