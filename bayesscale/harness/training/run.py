"""The steps of pretraining: one after the other, from any place, saved on the way."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bayesscale.errors import TrainingError
from bayesscale.harness.denoise import Denoising, corrupt, span_counts
from bayesscale.harness.device import autocast, compile_model, free_memory, is_out_of_memory, peak_flops
from bayesscale.harness.model.config import ModelConfig
from bayesscale.harness.model.t5 import T5
from bayesscale.harness.optim.optimizers import ScaledAdamW, inverse_sqrt, set_rate
from bayesscale.harness.progress import Meter
from bayesscale.harness.training.blocks import Blocks, fingerprint
from bayesscale.harness.training.jobs import PretrainJob
from bayesscale.harness.training.micro import MicroBatches
from bayesscale.harness.training.replicas import Replicas
from bayesscale.harness.training.state import WINDOW, Place, load_state, peek, save_state
from bayesscale.harness.training.weights import start_model

_HOPELESS = 2.0
"""A mean loss above this many times the logarithm of the vocabulary is called divergence."""


class DivergedError(Exception):
    """The loss or the weights are not finite, or the loss is far above that of a guess; carries the step."""

    def __init__(self, step: int) -> None:
        super().__init__(f"diverged at step {step}")
        self.step = step


class Run:
    """A model in training, with its optimiser, its data and its place.

    Parameters
    ----------
    job : PretrainJob
        What is to be done.
    replicas : Replicas
        The processes that do it.
    identity : mapping
        What determines the run, see `identity`.
    steps : int
        Steps in all.
    """

    def __init__(self, job: PretrainJob, replicas: Replicas, identity: dict[str, Any], steps: int) -> None:
        config = job.config
        self.job, self.replicas = job, replicas
        self.model: T5 = start_model(
            job.model, job.vocabulary, job.seed, init=job.init, device=replicas.device
        )
        self.model.dropout = config.dropout
        self.identity = identity
        self.optimizer = ScaledAdamW(self.model.parameters(), weight_decay=config.weight_decay)
        self._blocks = Blocks(job.mixture, job.blocks, replicas.device, config.length)
        self._share = replicas.share(config.batch)
        self.place = Place(parts=config.accumulate)
        self._micro = MicroBatches(config.accumulate)
        compile_model(self.model, config.compile, replicas.device)
        self._forward, self._unsynchronised = replicas.wrap(self.model)
        counts = span_counts(config.length, config.corruption, config.span)
        # Sentinels and EOS count as known.
        self.unigram_loss = self._blocks.entropy() * counts.masked / counts.target
        peak = peak_flops(replicas.device, config.precision)
        self.meter = Meter(
            job.report if replicas.leads else None,
            steps=steps,
            tokens_per_step=config.tokens_per_step,
            flops_per_step=3 * config.batch * self.model.config.flops(counts.source, counts.target),
            peak=peak and peak * replicas.count,
        )
        self._tried = replicas.count == 1

    def load(self, path: Path) -> None:
        """Go on from a saved state."""
        self.place = load_state(path, self.model, self.optimizer, self.identity)
        self._micro = MicroBatches(self.place.parts, self.place.halved)

    def saved_step(self, path: Path) -> int:
        """Return the step of a saved state."""
        step: int = peek(path, self.identity)["step"]
        return step

    def remove(self, path: Path) -> None:
        """Remove a state that nothing goes on from any more."""
        self.replicas.wait()
        if self.replicas.leads:
            path.unlink(missing_ok=True)
        self.replicas.wait()

    def save(self, path: Path) -> None:
        """Save the state."""
        self._look()
        if self.replicas.leads:
            save_state(path, self.model, self.optimizer, self.place, self.identity)
        self.replicas.wait()

    def advance(self, stop: int, path: Path) -> None:
        """Take steps until `stop`, saving the state on the way.

        Parameters
        ----------
        stop : int
            Step before which to stop.
        path : Path
            Where the state is saved.

        Raises
        ------
        DivergedError
            The run is lost.
        """
        self.model.train()
        while self.place.step < stop:
            step = self.place.step
            set_rate(self.optimizer, inverse_sqrt(self.job.config.rate, self.job.config.warmup, step))
            self._step(step)
            self.place.step += 1
            if self.meter.due:
                self._look()
            if self.place.step % self.job.config.resume_every == 0 and self.place.step < stop:
                self.save(path)
        self._look()
        if not all(bool(torch.isfinite(weight).all()) for weight in self.model.parameters()):
            raise DivergedError(stop)

    @property
    def micro_batch(self) -> int:
        """Sequences that a device has at once."""
        return self._micro.size(self.job.config.batch // self.replicas.count)

    @property
    def loss(self) -> float:
        """Mean loss of the last steps."""
        losses = self.place.losses
        return sum(losses) / len(losses) if losses else math.nan

    def batch(self, step: int) -> Denoising:
        """Return what this process learns from in a step."""
        config, first = self.job.config, step * self.job.config.batch
        positions = np.arange(first + self._share.start, first + self._share.stop)
        return corrupt(
            self._blocks.rows(positions),
            torch.from_numpy(positions).to(self.replicas.device),
            seed=self.job.seed,
            vocabulary=self.job.vocabulary,
            corruption=config.corruption,
            span=config.span,
        )

    def _step(self, step: int) -> None:
        """Take one step."""
        parameters = list(self.model.parameters())
        batch = self.batch(step)
        if self.job.config.dropout:
            torch.manual_seed(hash((self.job.seed, step, self.replicas.rank)) % 2**63)
        loss = self._loss(batch)
        rows = len(batch.source)
        if not self._tried:
            self._agree(loss, rows, parameters)
        total = self._micro.gradients(
            loss, rows, parameters, unsynchronised=self._unsynchronised, recover=self.replicas.count == 1
        )
        self.place.parts, self.place.halved = self._micro.parts, self._micro.halved
        if self.job.config.clip is not None:
            torch.nn.utils.clip_grad_norm_(parameters, self.job.config.clip)
        self.optimizer.step()
        self.meter.add(self.replicas.mean(total))

    def _loss(self, batch: Denoising) -> Callable[[int, int], Tensor]:
        """Return the loss of a range of rows, as a share of the mean over all labels."""
        device, precision, scale = self.replicas.device, self.job.config.precision, batch.labels.numel()

        def loss(start: int, stop: int) -> Tensor:
            with autocast(device, precision):
                part: Tensor = self._forward(
                    batch.source[start:stop], batch.target_in[start:stop], batch.labels[start:stop]
                )
            return part / scale

        return loss

    def _agree(self, loss: Callable[[int, int], Tensor], rows: int, parameters: Sequence[Tensor]) -> None:
        """Find a micro-batch that fits in every process, before they wait for each other's gradients."""
        while True:
            failed = False
            try:
                with self._unsynchronised():
                    loss(0, self._micro.size(rows)).backward()  # type: ignore[no-untyped-call]
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                failed = True
            if not self.replicas.any(failed):
                break
            if self._micro.size(rows) == 1:
                raise TrainingError(
                    "a micro-batch fits into the memory of every device; a single sequence does not; use a "
                    "smaller model or shorter sequences"
                )
            self._micro.halve(parameters)
        free_memory(self.replicas.device)
        self._tried = True

    def _look(self) -> None:
        """Fetch the losses from the device, report, and see whether the run is lost."""
        limit = _HOPELESS * math.log(self.model.config.vocab_size or 2)
        values = self.meter.fetch()
        for number, value in enumerate(values):
            self.place.losses.append(value)
            # Looked at one by one, so that the verdict does not depend on when somebody looks.
            hopeless = len(self.place.losses) == WINDOW and self.loss > limit
            if not math.isfinite(value) or hopeless:
                raise DivergedError(self.place.step - len(values) + number + 1)
        self.meter.tell(self.place.losses)


def identity(job: PretrainJob, model: ModelConfig) -> dict[str, Any]:
    """Return what determines the weights of a run, so that nothing else is taken for it.

    Parameters
    ----------
    job : PretrainJob
        The run.
    model : ModelConfig
        Its shape, from `start_config`.
    """
    # How often a state is saved and how a batch is split up change no more than the last bits.
    leave = {"checkpoints", "resume_every", "keep", "accumulate", "compile"}
    return {
        "model": model.model_dump(mode="json"),
        "pretraining": job.config.model_dump(mode="json", exclude=leave),
        "vocabulary": job.vocabulary.model_dump(mode="json"),
        "shares": {language: round(share, 9) for language, share in job.mixture.shares.items()},
        "blocks": fingerprint(job.blocks, job.mixture.languages),
        "seed": job.seed,
        "init": None if job.init is None else job.init.name,
    }
