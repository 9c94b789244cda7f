"""Make a model, read its weights and write them."""

from __future__ import annotations

from pathlib import Path

from bayesscale.harness.model.config import ModelConfig
from bayesscale.harness.model.t5 import T5


def init_model(config: ModelConfig, seed: int, *, device: str = "cpu") -> T5:
    """Return a model with random weights."""
    raise NotImplementedError


def load_weights(model: T5, path: Path) -> None:
    """Copy weights into a model in place."""
    raise NotImplementedError


def save_weights(model: T5, path: Path) -> str:
    """Write weights and return their hash."""
    raise NotImplementedError
