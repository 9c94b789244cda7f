"""Checkpoints on disk: weights as safetensors, and beside them a JSON file that says what they are."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bayesscale.errors import CheckpointError
from bayesscale.harness.model.t5 import T5
from bayesscale.harness.training.jobs import Checkpoint
from bayesscale.harness.training.state import check_identity
from bayesscale.harness.training.weights import save_weights, write_saved


def write_checkpoint(
    folder: Path, model: T5 | None, entry: Mapping[str, Any], identity: Mapping[str, Any]
) -> Checkpoint:
    """Write a checkpoint, or that there is none because the run diverged.

    Parameters
    ----------
    folder : Path
        Where it goes; files are called after its tokens.
    model : T5 or None
        The weights; None if the run diverged.
    entry : mapping
        tokens, planned, step, loss, and what else is worth knowing.
    identity : mapping
        What determines the run.
    """
    weights, described = _paths(folder, entry["tokens"])
    written = "" if model is None else save_weights(model, weights)
    loss = entry["loss"] if math.isfinite(entry["loss"]) else None
    status = "diverged" if model is None else "finished"
    document = {**entry, "loss": loss, "status": status, "hash": written, "identity": dict(identity)}
    # The JSON file comes last: a checkpoint without it is none.
    write_saved({described: json.dumps(document, indent=1) + "\n"})
    found = read_checkpoint(folder, entry["tokens"], identity)
    assert found is not None
    return found


def read_checkpoint(folder: Path, tokens: int, identity: Mapping[str, Any]) -> Checkpoint | None:
    """Return a checkpoint that is on disk, whole; None if it is not.

    Parameters
    ----------
    folder : Path
        Where checkpoints are.
    tokens : int
        Which one.
    identity : mapping
        What determines the run.

    Raises
    ------
    CheckpointError
        It is of another run, or its JSON file cannot be read.
    """
    weights, described = _paths(folder, tokens)
    if not described.is_file():
        return None
    try:
        document = json.loads(described.read_text())
        check_identity(described, document["identity"], identity)
        finished = document["status"] == "finished"
        if finished and not weights.is_file():
            return None
        return Checkpoint(
            tokens=document["tokens"],
            planned=document["planned"],
            step=document["step"],
            path=weights if finished else None,
            loss=math.nan if document["loss"] is None else document["loss"],
            status=document["status"],
            hash=document["hash"],
            unigram_loss=document["unigram_loss"],
            micro_batch=document["micro_batch"],
            out_of_memory=document["out_of_memory"],
        )
    except (ValueError, KeyError, OSError) as error:
        raise CheckpointError(
            f"beside a checkpoint is a JSON file that says what it is; {described} cannot be read: "
            f"{error!r}; remove it to train again"
        ) from error


def remove_leftovers(folder: Path) -> None:
    """Remove what a process that was killed while writing has left."""
    for path in folder.glob(".*.safetensors.*"):
        path.unlink(missing_ok=True)
    for path in folder.glob(".*.json.*"):
        path.unlink(missing_ok=True)


def _paths(folder: Path, tokens: int) -> tuple[Path, Path]:
    """Return the two files of a checkpoint."""
    return folder / f"{tokens}.safetensors", folder / f"{tokens}.json"
