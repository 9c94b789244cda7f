"""Run a small grid, killed again and again at random moments; says how often, and how many grids that took.

A process of its own, so that children that are forked from it have everything imported: a kill then hits the
work and not the start. Called as `python killing.py FOLDER KILLS SEED`.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

# Imported for the children.
import sacrebleu.metrics  # noqa: F401
import torch
import torch._dynamo  # which optimisers import when the first one is made

import bayesscale.harness.decoding
import bayesscale.harness.scoring
import bayesscale.harness.tokens.prepare
import bayesscale.harness.tokens.supply
import bayesscale.harness.training.finetuning
import bayesscale.harness.training.pretraining  # noqa: F401
from bayesscale.harness.grid.context import Settings
from bayesscale.harness.grid.run import run_grid
from tests.harness.grid.micro import micro


def start(folder: Path) -> int:
    """Start a grid in a child; return its process id."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        result = run_grid(micro(), folder, Settings(threads=1))
        status = 0 if result.finished == result.cells else 2
    finally:
        os._exit(status)


def finish(child: int) -> None:
    """Wait for a child, which has to succeed."""
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"the grid ended with {os.waitstatus_to_exitcode(status)}")


def main(folder: Path, kills: int, seed: int) -> None:
    """Kill grids until there were enough kills; a grid that is finished before is followed by another."""
    torch.set_num_threads(1)
    began = time.monotonic()
    finish(start(folder / "undisturbed"))
    whole = time.monotonic() - began
    dice, killed, number = random.Random(seed), 0, 1
    while killed < kills:
        child = start(folder / f"killed-{number}")
        time.sleep(dice.uniform(0.0, 0.2) * whole)
        if os.waitpid(child, os.WNOHANG)[0]:
            number += 1
            continue
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        killed += 1
    finish(start(folder / f"killed-{number}"))
    report = {"killed": killed, "grids": number, "seconds": time.monotonic() - began}
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
