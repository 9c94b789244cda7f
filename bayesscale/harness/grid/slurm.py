"""A job array for Slurm: every task runs its part of the grid, and goes on where it was when requeued."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from bayesscale.harness.grid.layout import GridFolder
from bayesscale.harness.study.cells import cells
from bayesscale.harness.study.config import Study

_SCRIPT = """#!/bin/bash
# {runs} training runs of the study {name}, in {parts} tasks; each has the metrics of its part appended to
# {metrics}.
# What is finished is skipped, so the same script may be submitted again. Adapt partition, account and time.
#SBATCH --job-name=bayesscale-{name}
#SBATCH --array=1-{parts}
#SBATCH --cpus-per-task={cpus}
{gpu}#SBATCH --time={hours}:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output={folder}/slurm-%A-%a.log
set -euo pipefail
exec {command} --part "$SLURM_ARRAY_TASK_ID/{parts}"
"""


def slurm_script(
    study: Study,
    source: Sequence[str],
    folder: GridFolder,
    *,
    parts: int | None = None,
    device: str = "cuda",
    cpus: int = 4,
    hours: int = 24,
) -> str:
    """Return a script for sbatch.

    Parameters
    ----------
    study : Study
        The study.
    source : sequence of str
        How the command line names the study: its file, or `--preset NAME`.
    folder : GridFolder
        Folder of the grid, on a disk that all nodes share and on which locks work.
    parts : int, optional
        Tasks of the array. Default: one for every training run and for the baselines of every seed.
    device : str
        Device of a task.
    cpus : int
        Cores of a task.
    hours : int
        Time limit of a task.
    """
    runs = len({(cell.mixture, cell.seed) for cell in cells(study)})
    where = str(folder.path.resolve())
    words = [
        *("bayesscale", "harness", "grid", *source),
        *("-o", where, "--device", device, "--threads", str(cpus)),
    ]
    return _SCRIPT.format(
        runs=runs,
        name=study.name,
        parts=min(parts or runs, runs),
        metrics=Path(where) / folder.metrics.name,
        cpus=cpus,
        gpu="" if device == "cpu" else "#SBATCH --gres=gpu:1\n",
        hours=hours,
        folder=where,
        command=shlex.join(words),
    )
