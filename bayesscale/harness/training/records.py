"""Checkpoints on disk: weights as safetensors, and beside them a JSON file that says what they are."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bayesscale.errors import CheckpointError
from bayesscale.harness.files import write_json
from bayesscale.harness.model.t5 import T5
from bayesscale.harness.training.jobs import Checkpoint
from bayesscale.harness.training.weights import save_weights


def write_checkpoint(folder: Path, model: T5 | None, entry: Mapping[str, Any]) -> None:
    """Write a checkpoint, or, without a model, that there is none because the run diverged.

    Files are called after the tokens in `entry`, which has step, loss, unigram_loss, and what else is worth
    knowing.
    """
    weights, described = _paths(folder, entry["tokens"])
    written = "" if model is None else save_weights(model, weights)
    loss = entry["loss"] if math.isfinite(entry["loss"]) else None
    document = {**entry, "loss": loss, "hash": written, "status": "diverged" if model is None else "finished"}
    document["on_plateau"] = _checkpoint(document, weights).on_plateau
    # The JSON file comes last: a checkpoint without it is none.
    write_json(described, document)


def read_checkpoint(folder: Path, tokens: int) -> Checkpoint | None:
    """Return a checkpoint that is on disk, whole; None if it is not."""
    weights, described = _paths(folder, tokens)
    if not described.is_file():
        return None
    try:
        checkpoint = _checkpoint(json.loads(described.read_text()), weights)
    except (ValueError, KeyError, OSError) as error:
        raise CheckpointError(
            f"beside a checkpoint is a JSON file that says what it is; {described} cannot be read: "
            f"{error!r}; remove it to train again"
        ) from error
    return checkpoint if checkpoint.path is None or checkpoint.path.is_file() else None


def remove_leftovers(folder: Path) -> None:
    """Remove what a process that was killed while writing has left."""
    for pattern in (".*.safetensors.*", ".*.json.*"):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)


def _checkpoint(document: Mapping[str, Any], weights: Path) -> Checkpoint:
    """Return what a JSON file says."""
    return Checkpoint(
        tokens=document["tokens"],
        step=document["step"],
        path=weights if document["status"] == "finished" else None,
        loss=math.nan if document["loss"] is None else document["loss"],
        unigram_loss=document["unigram_loss"],
        status=document["status"],
        hash=document["hash"],
    )


def _paths(folder: Path, tokens: int) -> tuple[Path, Path]:
    """Return the two files of a checkpoint."""
    return folder / f"{tokens}.safetensors", folder / f"{tokens}.json"
