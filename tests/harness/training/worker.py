"""A process that pretrains: killed again and again by one test, started twice by another. Not a test.

Called as `python worker.py FOLDER CHECKPOINTS CHANGES [KILLS]`; says how many of its children were killed.
They are forked with everything imported: a kill then hits the work and not the start.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

import torch
import torch._dynamo  # which optimisers import when the first one is made

from bayesscale.harness.training.pretraining import pretrain
from tests.harness.training.conftest import small_job


def kill(job: Any, kills: int) -> int:
    """Pretrain in children that are killed at random moments; return how many of them were at work."""
    moments, killed = random.Random(0), 0
    for _ in range(kills):
        child = multiprocessing.get_context("fork").Process(target=pretrain, args=(job,))
        # Counted in writes, not in seconds: a fast machine would be done before a fixed wait was over.
        before, writes = _states(job.folder), moments.randint(1, 3)
        child.start()
        while child.is_alive() and writes:
            time.sleep(0.001)
            after = _states(job.folder)
            writes -= after != before
            before = after
        time.sleep(moments.uniform(0, 0.01))
        child.kill()
        child.join()
        killed += child.exitcode == -signal.SIGKILL
    return killed


def _states(folder: Path) -> list[float]:
    """Return when the files of a run were written."""
    times = []
    for path in sorted(folder.glob("[!.]*")):
        try:
            times.append(path.stat().st_mtime)
        except FileNotFoundError:
            continue
    return times


if __name__ == "__main__":
    torch.set_num_threads(1)
    changed = small_job(Path(sys.argv[1]), tuple(json.loads(sys.argv[2])), **json.loads(sys.argv[3]))
    if len(sys.argv) > 4:
        sys.stdout.write(str(kill(changed, int(sys.argv[4]))))
    pretrain(changed)
