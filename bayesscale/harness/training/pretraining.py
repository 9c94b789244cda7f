"""Pretrain on a mixture, from checkpoint to checkpoint; whatever was reached before is not done again."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import torch

from bayesscale.harness.device import determinism
from bayesscale.harness.optim.schedule import Branch, branch_of
from bayesscale.harness.training.jobs import Checkpoint, PretrainJob, PretrainResult
from bayesscale.harness.training.records import read_checkpoint, remove_leftovers, write_checkpoint
from bayesscale.harness.training.replicas import replicas
from bayesscale.harness.training.run import DivergedError, Run, identity
from bayesscale.harness.training.weights import start_config

TRUNK, BRANCH = "trunk.safetensors", "branch.safetensors"


@dataclass(frozen=True)
class Target:
    """A checkpoint that is wanted.

    Attributes
    ----------
    planned, tokens, step : int
        Its tokens in the plan, in whole steps, and these steps.
    branch : Branch or None
        The cooldown that leads to it.
    """

    planned: int
    tokens: int
    step: int
    branch: Branch | None

    @property
    def leaves(self) -> int:
        """Step up to which the trunk is needed."""
        return self.step if self.branch is None else self.branch.start


def pretrain(job: PretrainJob) -> PretrainResult:
    """Pretrain until every checkpoint is on disk.

    A process that is killed at any moment and started again goes on where it was; in deterministic mode the
    weights are the same, bit by bit. A run that diverges is a result: its remaining checkpoints are recorded
    as diverged. Under torchrun all processes call this function; the batch is shared out among them, and the
    first one writes.

    Parameters
    ----------
    job : PretrainJob
        What is to be done.

    Raises
    ------
    CorpusError
        There is less text than the last checkpoint needs.
    CheckpointError
        The folder holds another run, or a file in it is damaged.
    TrainingError
        Memory or disk does not suffice.
    """
    began = time.perf_counter()
    targets = _targets(job)
    wanted = identity(job, start_config(job.model, job.vocabulary, job.init))
    with determinism(job.config.deterministic), replicas(job.device) as processes:
        if processes.leads:
            remove_leftovers(job.folder)
        processes.wait()
        found = {t.tokens: read_checkpoint(job.folder, t.tokens, wanted) for t in targets}
        missing = [target for target in targets if found[target.tokens] is None]
        for checkpoint in found.values():
            if checkpoint is not None and processes.leads:
                _tell(job, checkpoint)
        if missing:
            _train(job, Run(job, processes, wanted, _steps(missing)), missing)
        checkpoints = [read_checkpoint(job.folder, target.tokens, wanted) for target in targets]
    done = tuple(sorted((c for c in checkpoints if c is not None), key=lambda c: c.tokens))
    return PretrainResult(
        checkpoints=done,
        status="diverged" if any(c.status == "diverged" for c in done) else "finished",
        micro_batch=min(c.micro_batch for c in done),
        out_of_memory=max(c.out_of_memory for c in done),
        seconds=time.perf_counter() - began,
    )


def _targets(job: PretrainJob) -> list[Target]:
    """Return the checkpoints in the order in which the trunk passes the places where they leave it."""
    config = job.config
    steps = config.checkpoint_steps
    # Asks for the last block now, because text that does not suffice is better known before than after.
    last = steps[-1] * config.batch
    job.mixture.take(last - 1, last)
    targets = [
        Target(planned, step * config.tokens_per_step, step, branch_of(step, config.cooldown))
        for planned, step in zip(config.nominal_tokens, steps, strict=True)
    ]
    return sorted(targets, key=lambda target: (target.leaves, target.step))


def _steps(targets: list[Target]) -> int:
    """Return the steps that these targets take, those of branches included."""
    return max(t.leaves for t in targets) + sum(t.step - t.leaves for t in targets)


def _train(job: PretrainJob, run: Run, missing: list[Target]) -> None:
    """Take the steps that lead to the missing checkpoints."""
    trunk, branch = job.folder / TRUNK, job.folder / BRANCH
    # A trunk that is past the first missing checkpoint is of no use: one was added to the plan, or removed.
    if trunk.is_file() and run.saved_step(trunk) <= missing[0].leaves:
        run.load(trunk)
    for number, target in enumerate(missing):
        try:
            run.advance(target.leaves, trunk)
        except DivergedError as error:
            for lost in missing[number:]:
                _record(job, run, lost, error)
            break
        if target.branch is None:
            _record(job, run, target)
            continue
        run.save(trunk)
        if branch.is_file() and run.saved_branch(branch) == target.step:
            run.load(branch)
        try:
            run.advance(target.step, branch, target.branch)
            _record(job, run, target)
        except DivergedError as error:
            _record(job, run, target, error)
        run.remove(branch)
        run.load(trunk)
    else:
        if job.keep_state:
            run.save(trunk)
    if not job.keep_state:
        run.remove(trunk)


def _record(job: PretrainJob, run: Run, target: Target, error: DivergedError | None = None) -> None:
    """Write a checkpoint, or that the run was lost before it."""
    if run.replicas.leads:
        entry = {
            "tokens": target.tokens,
            "planned": target.planned,
            "step": target.step,
            "loss": run.loss if error is None else math.nan,
            "cooldown_from": None if target.branch is None else target.branch.start,
            "diverged_at": None if error is None else error.step,
            "micro_batch": run.place.micro_batch,
            "out_of_memory": run.place.halved,
            "processes": run.replicas.count,
            "torch": torch.__version__,
        }
        model = run.model if error is None else None
        _tell(job, write_checkpoint(job.folder, model, entry, run.identity))
    run.replicas.wait()


def _tell(job: PretrainJob, checkpoint: Checkpoint) -> None:
    """Hand a checkpoint to whoever wants to know."""
    if job.on_checkpoint is not None:
        job.on_checkpoint(checkpoint)
