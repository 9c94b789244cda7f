"""Finetune a checkpoint on translations, with every rate that is to be tried; dev chooses."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bayesscale.errors import CorpusError
from bayesscale.harness.batches import PairBatch, collate, plan_batches
from bayesscale.harness.decoding.scores import cross_entropy
from bayesscale.harness.device import autocast, compiled, determinism, find_device, peak_flops
from bayesscale.harness.model.t5 import T5
from bayesscale.harness.optim.optimizers import make_optimizer, set_rate
from bayesscale.harness.optim.schedule import Schedule
from bayesscale.harness.training.jobs import FinetuneJob, FinetuneResult
from bayesscale.harness.training.micro import MicroBatches
from bayesscale.harness.training.progress import Meter
from bayesscale.harness.training.weights import init_model, load_weights, saved_config

_MULTIPLE = {"cpu": 1, "cuda": 16}
"""Lengths are rounded up to a multiple: few shapes on a GPU, no padding on a CPU."""


def finetune(job: FinetuneJob) -> FinetuneResult:
    """Finetune with every rate from the same weights, and keep the one that is best on dev.

    A rate that diverges has a dev loss of NaN and is not chosen. If all do, that is the result.

    Parameters
    ----------
    job : FinetuneJob
        What is to be done.

    Raises
    ------
    CorpusError
        There are no pairs to learn from, or none to choose the rate by.
    CheckpointError
        The weights are missing, damaged or of another model.
    TrainingError
        There is not enough memory for one pair.
    """
    began = time.perf_counter()
    for name, pairs in (("train", job.train), ("dev", job.dev)):
        if not len(pairs.source) or len(pairs.source) != len(pairs.target):
            raise CorpusError(
                f"finetuning needs at least one pair, with a source and a target; {name} has "
                f"{len(pairs.source)} sources and {len(pairs.target)} targets; choose a larger D_f or "
                "other files"
            )
    with determinism(job.deterministic):
        tuning = _Finetuning(job)
        losses = {rate: tuning.attempt(rate) for rate in job.config.rates}
    finite = {rate: loss for rate, loss in losses.items() if math.isfinite(loss)}
    rate = min(finite, key=lambda rate: finite[rate]) if finite else math.nan
    return FinetuneResult(
        model=tuning.best_model(),
        dev_loss=finite.get(rate, math.nan),
        rate=rate,
        dev_losses=losses,
        status="finished" if finite else "diverged",
        truncated=tuning.truncated,
        micro_batch=tuning.micro.size,
        out_of_memory=tuning.micro.halved,
        seconds=time.perf_counter() - began,
    )


class _Finetuning:
    """A model that is finetuned several times from the same weights."""

    def __init__(self, job: FinetuneJob) -> None:
        config = job.config
        self.job, self.device = job, find_device(job.device)
        shape = saved_config(job.model, job.vocabulary, job.weights)
        reused = job.workspace is not None and job.workspace.config == shape
        self.model: T5 = job.workspace if reused and job.workspace is not None else T5(shape)
        self.model.to(self.device)
        self._begin = self._start_weights(shape)
        self.micro = MicroBatches(max(config.batch // config.accumulate, 1))
        self._forward = _forward(self.model, config.compile, self.device)
        self._best: list[Tensor] | None = None
        self._best_loss = math.inf
        sources, targets = _lengths(job.train.source), _lengths(job.train.target)
        self._plan = plan_batches(
            np.minimum(sources, config.length) + np.minimum(targets, config.length),
            batch=config.batch, steps=config.steps, seed=job.seed,
        )  # fmt: skip
        self.truncated = int((sources > config.length).sum() + (targets > config.length).sum())
        mean = float(sources.clip(max=config.length).mean()), float(targets.clip(max=config.length).mean())
        self._tokens = config.batch * sum(mean)
        self._flops = 3 * config.batch * shape.flops(round(mean[0]), round(mean[1]))

    def attempt(self, rate: float) -> float:
        """Finetune with one rate and return the dev loss, NaN if it diverges."""
        with torch.no_grad():
            for weight, value in zip(self.model.parameters(), self._begin, strict=True):
                weight.copy_(value)
        if not self._train(rate):
            return math.nan
        vocabulary = self.job.vocabulary
        loss = cross_entropy(
            self.model, self.job.dev, device=self.job.device, pad=vocabulary.pad, eos=vocabulary.eos
        ).per_token
        if loss < self._best_loss:
            self._best_loss = loss
            self._best = [weight.detach().clone() for weight in self.model.parameters()]
        return loss

    def best_model(self) -> T5:
        """Return the model with the best weights; with those of the last attempt if all diverged."""
        if self._best is not None:
            with torch.no_grad():
                for weight, value in zip(self.model.parameters(), self._best, strict=True):
                    weight.copy_(value)
        self.model.dropout = 0.0
        return self.model.eval()

    def _start_weights(self, shape: Any) -> list[Tensor]:
        """Return the weights that every attempt starts from."""
        if self.job.weights is None:
            drawn = init_model(shape, self.job.seed, device=self.device)
            return [weight.detach() for weight in drawn.parameters()]
        load_weights(self.model, self.job.weights)
        return [weight.detach().clone() for weight in self.model.parameters()]

    def _train(self, rate: float) -> bool:
        """Take all steps with one rate; False if the loss is not finite."""
        job, config = self.job, self.job.config
        parameters = list(self.model.parameters())
        optimizer = make_optimizer(config.optimizer, parameters, weight_decay=config.weight_decay)
        schedule = Schedule(rate, "constant", config.warmup)
        peak = peak_flops(self.device, config.precision)
        meter = Meter(
            job.report, steps=config.steps * len(config.rates), done=config.steps * config.rates.index(rate),
            tokens_per_step=self._tokens, flops_per_step=self._flops, peak=peak,
        )  # fmt: skip
        recent: deque[float] = deque(maxlen=50)
        self.model.train()
        self.model.dropout = config.dropout
        with _seeded(job.seed, self.device):
            for step, rows in enumerate(self._plan):
                set_rate(optimizer, schedule(step))
                total = self.micro.gradients(self._loss(rows), len(rows), parameters)
                if config.clip is not None:
                    torch.nn.utils.clip_grad_norm_(parameters, config.clip)
                optimizer.step()
                meter.add(total)
                if meter.due or step == len(self._plan) - 1:
                    values = meter.fetch()
                    recent.extend(values)
                    if not all(map(math.isfinite, values)):
                        return False
                    meter.tell(recent)
        return all(bool(torch.isfinite(weight).all()) for weight in parameters)

    def _loss(self, rows: NDArray[np.int64]) -> Callable[[int, int], Tensor]:
        """Return the loss of a range of a batch, as a share of the mean over all its labels."""
        job, config = self.job, self.job.config
        multiple = _MULTIPLE.get(self.device.type, 1)
        labels = sum(min(len(job.train.target[row]), config.length) for row in rows)

        def loss(start: int, stop: int) -> Tensor:
            batch: PairBatch = collate(
                job.train,
                rows[start:stop],
                job.vocabulary,
                self.device,
                longest=config.length,
                multiple=multiple,
            )
            with autocast(self.device, config.precision):
                part: Tensor = self._forward(batch.source, batch.target_in, batch.labels, batch.mask)
            return part / labels

        return loss


def _forward(model: T5, wanted: Any, device: torch.device) -> Callable[..., Any]:
    """Return the model, compiled if wanted; once for each model, so that a workspace is compiled once."""
    kept = model.__dict__.get("_compiled_forward")
    if kept is None:
        kept = model.__dict__["_compiled_forward"] = compiled(model.forward, wanted, device, dynamic=True)
    done: Callable[..., Any] = kept
    return done


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Draw dropout from a seed, and leave the generators of others as they were."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def _lengths(sequences: Any) -> NDArray[np.int64]:
    """Return the length of every sequence."""
    return np.array([len(sequence) for sequence in sequences], dtype=np.int64)
