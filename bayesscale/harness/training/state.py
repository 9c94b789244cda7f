"""The state that a run goes on from after an interruption, in one safetensors file."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from bayesscale.errors import CheckpointError
from bayesscale.harness.files import write_finished

WINDOW = 50
"""Steps over which the loss of a checkpoint is averaged."""


@dataclass
class Place:
    """Where a run is: optimiser steps done, and losses of the last ones."""

    step: int = 0
    losses: deque[float] = field(default_factory=lambda: deque(maxlen=WINDOW))


def save_state(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, place: Place) -> None:
    """Write a state, whole or not at all.

    What a file says of the run is JSON in its header, so that and the weights cannot come apart.
    """
    tensors, numbers = {}, {}
    for name, weight in model.named_parameters():
        tensors[f"weight/{name}"] = weight.detach()
        for key, value in optimizer.state[weight].items():
            if isinstance(value, Tensor):
                tensors[f"optimizer/{name}/{key}"] = value
            else:
                numbers[f"{name}/{key}"] = value
    header = {"step": place.step, "losses": list(place.losses), "optimizer": numbers}
    tensors = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    write_finished({path: save(tensors, {"state": json.dumps(header)})})


def load_state(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> Place:
    """Copy a state into a model and its optimiser, bit by bit, and return where the run was."""
    header = _header(path)
    with safe_open(str(path), framework="pt", device="cpu") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
    optimizer.state.clear()
    for name, weight in model.named_parameters():
        with torch.no_grad():
            weight.copy_(tensors[f"weight/{name}"])
        moments = _below(tensors, f"optimizer/{name}/")
        state = {key: moment.to(weight.device) for key, moment in moments.items()}
        if state := state | _below(header["optimizer"], f"{name}/"):
            optimizer.state[weight] = state
    return Place(header["step"], deque(header["losses"], maxlen=WINDOW))


def saved_step(path: Path) -> int:
    """Return the step of a state."""
    step: int = _header(path)["step"]
    return step


def _header(path: Path) -> dict[str, Any]:
    """Return what a state says of itself."""
    try:
        with safe_open(str(path), framework="pt", device="cpu") as file:
            header: dict[str, Any] = json.loads((file.metadata() or {})["state"])
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise CheckpointError(
            f"a run goes on from a state that this program wrote; {path} cannot be read: {error}; remove "
            "it to begin again"
        ) from error
    return header


def _below(values: Mapping[str, Any], start: str) -> dict[str, Any]:
    """Return the values whose names begin like this, by the rest of their names."""
    return {key.removeprefix(start): value for key, value in values.items() if key.startswith(start)}
