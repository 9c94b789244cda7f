"""Processes that are killed, and processes that work together; minutes, because each one imports torch."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="pretraining needs torch (extra train)")

from safetensors.torch import load_file

WORKER = Path(__file__).with_name("worker.py")
STEP = 4 * 32

pytestmark = pytest.mark.slow


def _command(folder: Path, checkpoints: tuple[int, ...], changes: dict[str, Any]) -> list[str]:
    """Return the arguments of a worker."""
    return [str(WORKER), str(folder), json.dumps(checkpoints), json.dumps(changes)]


def _environment(**more: str) -> dict[str, str]:
    """Return the environment of a worker, one thread a process."""
    return {**os.environ, "OMP_NUM_THREADS": "1", **more}


def _finish(folder: Path, checkpoints: tuple[int, ...], changes: dict[str, Any]) -> None:
    """Run a worker to its end."""
    command = [sys.executable, *_command(folder, checkpoints, changes)]
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_run_that_is_killed_at_random_moments_ends_with_the_same_bits(tmp_path: Path) -> None:
    checkpoints = (20, 40, 60)
    changes: dict[str, Any] = {"resume_every": 1}
    _finish(tmp_path / "whole", checkpoints, changes)
    moments, killed = random.Random(0), 0
    broken = tmp_path / "broken"
    for _ in range(10):
        process = subprocess.Popen(
            [sys.executable, *_command(broken, checkpoints, changes)],
            env=_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        # Counted in writes, not in seconds: a fast machine would be done before a fixed wait was over.
        before, writes = _states(broken), moments.randint(1, 3)
        while process.poll() is None and writes:
            time.sleep(0.001)
            after = _states(broken)
            writes -= after != before
            before = after
        time.sleep(moments.uniform(0, 0.01))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.wait()
    assert killed >= 5, killed
    _finish(broken, checkpoints, changes)
    for steps in checkpoints:
        name = f"{steps * STEP}.safetensors"
        assert (broken / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert sorted(path.name for path in broken.iterdir()) == sorted(
        path.name for path in (tmp_path / "whole").iterdir()
    )


def _states(folder: Path) -> list[float]:
    """Return when the files of a run were written."""
    times = []
    for path in sorted(folder.glob("[!.]*")):
        try:
            times.append(path.stat().st_mtime)
        except FileNotFoundError:
            continue
    return times


@pytest.mark.parametrize("changes", [{}, {"accumulate": 2}])
def test_two_processes_give_the_weights_of_one(tmp_path: Path, changes: dict[str, Any]) -> None:
    checkpoints = (4, 10)
    _finish(tmp_path / "one", checkpoints, changes)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    together = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    command = _command(tmp_path / "two", checkpoints, changes)
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    workers = [
        subprocess.Popen(
            [sys.executable, *command], env=_environment(RANK=rank, LOCAL_RANK=rank, **together), **pipes
        )
        for rank in ("0", "1")
    ]
    for worker in workers:
        output, _ = worker.communicate(timeout=300)
        assert worker.returncode == 0, output
    for steps in checkpoints:
        name = f"{steps * STEP}.safetensors"
        one, two = load_file(tmp_path / "one" / name), load_file(tmp_path / "two" / name)
        for weight, value in one.items():
            torch.testing.assert_close(value, two[weight], atol=2e-4, rtol=1e-3)
    document = json.loads((tmp_path / "two" / f"{10 * STEP}.json").read_text())
    assert document["processes"] == 2
