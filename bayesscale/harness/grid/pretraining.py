"""The pretraining runs of a grid: a run goes on from where it is, checkpoint by checkpoint."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesscale.errors import CheckpointError
from bayesscale.harness.grid.keys import run_key
from bayesscale.harness.grid.layout import read_json, run_name, write_json
from bayesscale.harness.grid.loggers import open_log
from bayesscale.harness.grid.progress import Reporter
from bayesscale.harness.grid.workplace import Workplace
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


@dataclass(frozen=True)
class Pretrained:
    """What a stretch gave.

    Parameters
    ----------
    records : dict
        Records of the checkpoints of the run by D_p.
    summary : str
        Loss and speed, for people.
    """

    records: dict[int, dict[str, Any]]
    summary: str


def pretrain_stretch(
    place: Workplace,
    stretch: Stretch,
    *,
    show: Callable[[str], None] | None = None,
) -> Pretrained:
    """Pretrain up to a checkpoint, from where the run is.

    Parameters
    ----------
    place : Workplace
        Study, folder, device.
    stretch : Stretch
        Which run, and how far.
    show : callable, optional
        Receives the line that stands for the present state.
    """
    name = run_name(stretch.mixture, stretch.seed)
    folder = place.folder.run(stretch.mixture, stretch.seed)
    if os.environ.get("RANK", "0") != "0":
        return _follow(place, stretch, folder)
    with place.folder.locked(f"{name}.lock"):
        _claim(place, stretch, folder)
        recorded = read_records(place, stretch.mixture, stretch.seed)
        if all(tokens in recorded for tokens in stretch.checkpoints):
            return Pretrained(recorded, "was finished")
        place.prepare_torch()
        with (
            open_log(
                place.folder.path, f"pretraining/{name}", place.loggers, folder / "training.jsonl"
            ) as log,
            Reporter(place.folder.progress, str(stretch), show=show, log=log) as report,
        ):
            # Those on record need not be there any more.
            new = tuple(tokens for tokens in stretch.checkpoints if tokens not in recorded)
            result = _pretrain(place, replace(stretch, checkpoints=new), folder, report)
        found = {
            tokens: _record(checkpoint, folder, result)
            for tokens, checkpoint in zip(new, result.checkpoints, strict=True)
        }
        recorded |= found
        write_json(
            folder / "checkpoints.json", {str(tokens): recorded[tokens] for tokens in sorted(recorded)}
        )
    return Pretrained(recorded, _summary(recorded[stretch.checkpoints[-1]], report.speed))


def _follow(place: Workplace, stretch: Stretch, folder: Path) -> Pretrained:
    """Train along with the first process of torchrun, which holds the lock and keeps the records."""
    recorded = read_records(place, stretch.mixture, stretch.seed)
    new = tuple(tokens for tokens in stretch.checkpoints if tokens not in recorded)
    if new:
        place.prepare_torch()
        _pretrain(place, replace(stretch, checkpoints=new), folder, None)
    return Pretrained(recorded, "")


def read_records(place: Workplace, mixture: str, seed: int) -> dict[int, dict[str, Any]]:
    """Return what is on record of the checkpoints of a run, by planned D_p.

    Parameters
    ----------
    place : Workplace
        Study and folder.
    mixture : str
        Name of the mixture.
    seed : int
        Seed of the run.
    """
    path = place.folder.run(mixture, seed) / "checkpoints.json"
    return {int(tokens): record for tokens, record in read_json(path).items()} if path.exists() else {}


def checkpoint_of(
    place: Workplace, mixture: str, seed: int, tokens: int
) -> tuple[dict[str, Any], Path | None]:
    """Return the record of a checkpoint and its weights; None for the weights of a run that had diverged.

    Parameters
    ----------
    place : Workplace
        Study and folder.
    mixture, seed, tokens
        Which checkpoint.

    Raises
    ------
    CheckpointError
        It is not there.
    """
    record = read_records(place, mixture, seed).get(tokens)
    if record is None:
        raise CheckpointError(
            f"{run_name(mixture, seed)} has no checkpoint at {format_tokens(tokens)} tokens in "
            f"{place.folder.path}; run `bayesscale harness pretrain` first, or the whole grid"
        )
    if record["status"] == "diverged":
        return record, None
    path = place.folder.run(mixture, seed) / record["file"]
    if not path.is_file():
        raise CheckpointError(
            f"the weights {path} have been deleted; with keep = 'grid' they stay only until their cells are "
            "finished; delete checkpoints.json beside them to pretrain again"
        )
    return record, path


def delete_weights(place: Workplace, mixture: str, seed: int, tokens: Sequence[int]) -> None:
    """Delete weights that no cell needs any more; the records of the checkpoints stay.

    Parameters
    ----------
    place : Workplace
        Study and folder.
    mixture, seed, tokens
        Which checkpoints.
    """
    records = read_records(place, mixture, seed)
    for each in tokens:
        if (file := records.get(each, {}).get("file")) is not None:
            with suppress(OSError):
                (place.folder.run(mixture, seed) / file).unlink(missing_ok=True)


def _claim(place: Workplace, stretch: Stretch, folder: Path) -> None:
    """Note in the folder which run it is of; refuse a folder of another run."""
    key = run_key(place.study, place.data_hash, stretch.mixture, stretch.seed)
    path = folder / "run.json"
    if not path.exists():
        write_json(path, {"key": key, "mixture": stretch.mixture, "seed": stretch.seed})
    elif read_json(path).get("key") != key:
        raise CheckpointError(
            f"{folder} holds a pretraining run of another recipe or other data; use another folder, or "
            "delete this one to pretrain again"
        )


def _pretrain(place: Workplace, stretch: Stretch, folder: Path, report: Reporter | None) -> PretrainResult:
    """Hand the run to the training loop."""
    from bayesscale.harness.training import PretrainJob, pretrain

    study = place.study
    last = stretch.checkpoints[-1] >= study.checkpoint_tokens(study.mixture(stretch.mixture))[-1]
    mixture, blocks = place.mixture(stretch.mixture, stretch.seed)
    return pretrain(
        PretrainJob(
            model=study.model,
            config=study.pretraining.model_copy(update={"checkpoints": stretch.checkpoints}),
            mixture=mixture,
            blocks=blocks,
            folder=folder,
            vocabulary=place.prepared().tokenizer.vocabulary,
            seed=stretch.seed,
            device=place.device(),
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
    return ", ".join(filter(None, (loss, speed)))


def _record(checkpoint: Checkpoint, folder: Path, result: PretrainResult) -> dict[str, Any]:
    """Return what is kept of a checkpoint besides its weights."""
    path = checkpoint.path
    if path is not None and not path.is_relative_to(folder):
        raise CheckpointError(f"checkpoints lie in the folder of their run, {folder}; received {path}")
    loss = checkpoint.loss if abs(checkpoint.loss) < float("inf") else None
    fields = asdict(replace(checkpoint, path=None)) | {"loss": loss}
    del fields["path"]
    return {
        **fields,
        "file": None if path is None else str(path.relative_to(folder)),
        "micro_batch": result.micro_batch,
        "out_of_memory": result.out_of_memory,
    }
