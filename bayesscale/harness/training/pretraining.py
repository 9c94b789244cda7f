"""Pretrain on a mixture, from checkpoint to checkpoint; whatever was reached before is not done again."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import torch

from bayesscale.harness.device import determinism
from bayesscale.harness.training.jobs import Checkpoint, PretrainJob, PretrainResult
from bayesscale.harness.training.records import read_checkpoint, remove_leftovers, write_checkpoint
from bayesscale.harness.training.replicas import replicas
from bayesscale.harness.training.run import DivergedError, Run, identity
from bayesscale.harness.training.weights import start_config

STATE = "state.safetensors"


@dataclass(frozen=True)
class Target:
    """A checkpoint that is wanted: its tokens in the plan, in whole steps, and these steps."""

    planned: int
    tokens: int
    step: int


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
            _train(job, Run(job, processes, wanted, missing[-1].step), missing)
        checkpoints = [read_checkpoint(job.folder, target.tokens, wanted) for target in targets]
    done = tuple(c for c in checkpoints if c is not None)
    return PretrainResult(
        checkpoints=done,
        status="diverged" if any(c.status == "diverged" for c in done) else "finished",
        micro_batch=min(c.micro_batch for c in done),
        out_of_memory=max(c.out_of_memory for c in done),
        seconds=time.perf_counter() - began,
    )


def _targets(job: PretrainJob) -> list[Target]:
    """Return the checkpoints in order."""
    config = job.config
    steps = config.checkpoint_steps
    # Asks for the last block now, because text that does not suffice is better known before than after.
    last = steps[-1] * config.batch
    job.mixture.take(last - 1, last)
    return [
        Target(planned, step * config.tokens_per_step, step)
        for planned, step in zip(config.nominal_tokens, steps, strict=True)
    ]


def _train(job: PretrainJob, run: Run, missing: list[Target]) -> None:
    """Take the steps that lead to the missing checkpoints."""
    state = job.folder / STATE
    # A state that is past the first missing checkpoint is of no use: one was added to the plan, or removed.
    if state.is_file() and run.saved_step(state) <= missing[0].step:
        run.load(state)
    for number, target in enumerate(missing):
        try:
            run.advance(target.step, state)
        except DivergedError as error:
            for lost in missing[number:]:
                _record(job, run, lost, error)
            break
        _record(job, run, target)
    else:
        if job.keep_state:
            run.save(state)
    if not job.keep_state:
        run.remove(state)


def _record(job: PretrainJob, run: Run, target: Target, error: DivergedError | None = None) -> None:
    """Write a checkpoint, or that the run was lost before it."""
    if run.replicas.leads:
        entry = {
            "tokens": target.tokens,
            "planned": target.planned,
            "step": target.step,
            "loss": run.loss if error is None else math.nan,
            "unigram_loss": run.unigram_loss,
            "diverged_at": None if error is None else error.step,
            "micro_batch": run.micro_batch,
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
