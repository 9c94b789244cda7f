"""The steps of pretraining: one after the other, from any place, saved on the way."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bayesscale.harness.denoise import Denoising, corrupt
from bayesscale.harness.device import autocast, compile_model, peak_flops
from bayesscale.harness.model.config import span_counts
from bayesscale.harness.model.t5 import T5
from bayesscale.harness.progress import Meter
from bayesscale.harness.training.blocks import Blocks
from bayesscale.harness.training.jobs import PretrainJob
from bayesscale.harness.training.optimizer import ScaledAdamW, inverse_sqrt
from bayesscale.harness.training.replicas import Replicas
from bayesscale.harness.training.state import WINDOW, Place, load_state, save_state
from bayesscale.harness.training.step import take_step
from bayesscale.harness.training.weights import start_model

_HOPELESS = 2.0
"""A mean loss above this many times the logarithm of the vocabulary is called divergence."""


class DivergedError(Exception):
    """The loss or the weights are not finite, or the loss is far above that of a guess; carries the step."""

    def __init__(self, step: int) -> None:
        super().__init__(f"diverged at step {step}")
        self.step = step


class Run:
    """A model in training, with its optimiser, its data and its place."""

    def __init__(self, job: PretrainJob, replicas: Replicas, steps: int) -> None:
        config = job.config
        self.job, self.replicas = job, replicas
        self.model: T5 = start_model(
            job.model, job.vocabulary, job.seed, init=job.init, device=replicas.device
        )
        self.model.dropout = config.dropout
        self.optimizer = ScaledAdamW(self.model.parameters(), weight_decay=config.weight_decay)
        self._blocks = Blocks(job.mixture, job.blocks, replicas.device)
        self._share = replicas.share(config.batch)
        self.place = Place()
        compile_model(self.model, config.compile)
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

    def load(self, path: Path) -> None:
        """Go on from a saved state."""
        self.place = load_state(path, self.model, self.optimizer)
        self.meter.done = self.place.step

    def save(self, path: Path) -> None:
        """Save the state."""
        self._look()
        if self.replicas.leads:
            save_state(path, self.model, self.optimizer, self.place)
        self.replicas.wait()

    def advance(self, stop: int, path: Path) -> None:
        """Take steps until `stop`, saving the state on the way; DivergedError if the run is lost."""
        self.model.train()
        while self.place.step < stop:
            self._step(self.place.step)
            self.place.step += 1
            if self.meter.due:
                self._look()
            if self.place.step % self.job.config.resume_every == 0 and self.place.step < stop:
                self.save(path)
        self._look()
        if not all(bool(torch.isfinite(weight).all()) for weight in self.model.parameters()):
            raise DivergedError(stop)

    @property
    def loss(self) -> float:
        """Mean loss of the last steps."""
        losses = self.place.losses
        return sum(losses) / len(losses) if losses else math.nan

    def _batch(self, step: int) -> Denoising:
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
        config, batch = self.job.config, self._batch(step)
        if config.dropout:
            torch.manual_seed(hash((self.job.seed, step, self.replicas.rank)) % 2**63)
        rate = inverse_sqrt(config.rate, config.warmup, step)
        loss, rows = self._loss(batch), len(batch.source)
        total = take_step(self.optimizer, rate, loss, rows, config, self._unsynchronised)
        self.meter.add(self.replicas.mean(total))

    def _loss(self, batch: Denoising) -> Callable[[int, int], Tensor]:
        """Return the loss of a range of rows, as a share of the mean over all labels."""
        device, precision, scale = self.replicas.device, self.job.config.precision, batch.labels.numel()

        def loss(start: int, stop: int) -> Tensor:
            with autocast(device, precision):
                part: Tensor = self._forward(*(tensor[start:stop] for tensor in batch))
            return part / scale

        return loss

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
