"""Processes that are killed, and processes that work together."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="pretraining needs torch (extra train)")

from safetensors.torch import load_file

from bayesscale.harness.training.pretraining import pretrain
from tests.harness.training.conftest import small_job

STEP = 4 * 32

pytestmark = pytest.mark.slow


def _start(
    folder: Path, checkpoints: tuple[int, ...], changes: dict[str, Any], *more: str, **environment: str
) -> subprocess.Popen[str]:
    """Start a worker, with one thread."""
    worker = Path(__file__).with_name("worker.py")
    return subprocess.Popen(
        [sys.executable, str(worker), str(folder), json.dumps(checkpoints), json.dumps(changes), *more],
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def _finished(worker: subprocess.Popen[str]) -> str:
    """Wait for a worker, and return what it said."""
    output, errors = worker.communicate(timeout=300)
    assert worker.returncode == 0, errors
    return output


def test_a_run_that_is_killed_at_random_moments_ends_with_the_same_bits(tmp_path: Path) -> None:
    checkpoints, changes = (20, 40, 60), {"resume_every": 1}
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    killed = int(_finished(_start(broken, checkpoints, changes, "10")))
    assert killed >= 5, killed
    pretrain(small_job(whole, checkpoints, **changes))
    for steps in checkpoints:
        name = f"{steps * STEP}.safetensors"
        assert (broken / name).read_bytes() == (whole / name).read_bytes()
    assert {path.name for path in broken.iterdir()} == {path.name for path in whole.iterdir()}


@pytest.mark.parametrize("changes", [{}, {"accumulate": 2}])
def test_two_processes_give_the_weights_of_one(tmp_path: Path, changes: dict[str, Any]) -> None:
    checkpoints = (4, 10)
    pretrain(small_job(tmp_path / "one", checkpoints, **changes))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    together = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    workers = [
        _start(tmp_path / "two", checkpoints, changes, RANK=rank, LOCAL_RANK=rank, **together)
        for rank in ("0", "1")
    ]
    for worker in workers:
        _finished(worker)
    for steps in checkpoints:
        name = f"{steps * STEP}.safetensors"
        one, two = load_file(tmp_path / "one" / name), load_file(tmp_path / "two" / name)
        for weight, value in one.items():
            torch.testing.assert_close(value, two[weight], atol=2e-4, rtol=1e-3)
    document = json.loads((tmp_path / "two" / f"{10 * STEP}.json").read_text())
    assert document["processes"] == 2
