"""Pretrain on a mixture, from checkpoint to checkpoint; whatever was reached before is not done again."""

from __future__ import annotations

import math

import torch

from bayesscale.harness.device import determinism
from bayesscale.harness.training.jobs import Checkpoint, PretrainJob
from bayesscale.harness.training.records import read_checkpoint, remove_leftovers, write_checkpoint
from bayesscale.harness.training.replicas import replicas
from bayesscale.harness.training.run import DivergedError, Run
from bayesscale.harness.training.state import saved_step

STATE = "state.safetensors"


def pretrain(job: PretrainJob) -> tuple[Checkpoint, ...]:
    """Pretrain until every checkpoint is on disk, and return them in order.

    A process that is killed at any moment and started again goes on where it was; in deterministic mode the
    weights are the same, bit by bit. The last state stays, so that checkpoints can be added. A run that
    diverges is a result: its remaining checkpoints are recorded as diverged. Under torchrun all processes
    call this function; the batch is shared out among them, and the first one writes.
    """
    config = job.config
    # Asks for the last block now, because text that does not suffice is better known before than after.
    last = config.checkpoint_steps[-1] * config.batch
    job.mixture.take(last - 1, last)
    with determinism(config.deterministic), replicas(job.device) as processes:
        if processes.leads:
            remove_leftovers(job.folder)
        processes.wait()
        missing = [
            step
            for step, tokens in zip(config.checkpoint_steps, config.checkpoint_tokens, strict=True)
            if read_checkpoint(job.folder, tokens) is None
        ]
        if missing:
            _train(job, Run(job, processes, missing[-1]), missing)
        found = [read_checkpoint(job.folder, tokens) for tokens in config.checkpoint_tokens]
    return tuple(checkpoint for checkpoint in found if checkpoint is not None)


def _train(job: PretrainJob, run: Run, missing: list[int]) -> None:
    """Take the steps that lead to the missing checkpoints."""
    state = job.folder / STATE
    # A state that is past the first missing checkpoint is of no use: one was added to the plan, or removed.
    if state.is_file() and saved_step(state) <= missing[0]:
        run.load(state)
    for number, step in enumerate(missing):
        try:
            run.advance(step, state)
        except DivergedError as error:
            for lost in missing[number:]:
                _record(job, run, lost, error)
            return
        _record(job, run, step)
    run.save(state)


def _record(job: PretrainJob, run: Run, step: int, error: DivergedError | None = None) -> None:
    """Write a checkpoint, or that the run was lost before it."""
    if run.replicas.leads:
        entry = {
            "tokens": step * job.config.tokens_per_step,
            "step": step,
            "loss": run.loss if error is None else math.nan,
            "unigram_loss": run.unigram_loss,
            "diverged_at": None if error is None else error.step,
            "processes": run.replicas.count,
            "torch": torch.__version__,
        }
        write_checkpoint(job.folder, run.model if error is None else None, entry)
    run.replicas.wait()
