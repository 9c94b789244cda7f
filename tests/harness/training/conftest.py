"""A pretraining run that takes a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bayesscale.harness.mixture import Mixture
from bayesscale.harness.model.config import ModelConfig, Vocabulary
from bayesscale.harness.study.training import PretrainingConfig

VOCABULARY = Vocabulary(size=96, first_sentinel=95, sentinels=16)
MODEL = ModelConfig(layers=1, d_model=16, d_ff=32, heads=2, d_kv=8)
LENGTH, BATCH = 32, 4


def blocks(count: int = 200, seed: int = 0) -> np.ndarray[Any, np.dtype[np.uint16]]:
    """Return blocks that count upwards from random tokens, so that there is something to learn."""
    start = np.random.default_rng(seed).integers(0, 70, (count, 1))
    return (3 + (start + np.arange(LENGTH)) % 70).astype(np.uint16)


def small_job(folder: Path, checkpoints: tuple[int, ...] = (3, 7, 12), **changes: Any) -> Any:
    """Return a job with checkpoints after so many steps; changes go to the configuration or the job."""
    from bayesscale.harness.training.jobs import PretrainJob

    fields = {name: changes.pop(name) for name in tuple(changes) if name in PretrainingConfig.model_fields}
    config = PretrainingConfig.model_validate(
        {
            "batch": BATCH, "length": LENGTH, "checkpoints": tuple(s * BATCH * LENGTH for s in checkpoints),
            "warmup": 4, "precision": "fp32", "compile": False, "resume_every": 2,
            "deterministic": True, **fields,
        }
    )  # fmt: skip
    data = {"aa": blocks(seed=1), "bb": blocks(seed=2)}
    values: dict[str, Any] = {
        "model": MODEL, "config": config, "blocks": data, "folder": folder, "vocabulary": VOCABULARY,
        "seed": 5,
        "mixture": Mixture({"aa": 0.75, "bb": 0.25}, {"aa": 200, "bb": 200}, 5),
    }  # fmt: skip
    return PretrainJob(**{**values, **changes})


@pytest.fixture
def make_job(tmp_path: Path) -> Callable[..., Any]:
    """Return a function that makes a job in a folder of the test."""

    def make(name: str = "run", checkpoints: tuple[int, ...] = (3, 7, 12), **changes: Any) -> Any:
        return small_job(tmp_path / name, checkpoints, **changes)

    return make
