"""Finetune a checkpoint on translations; successive halving on dev finds the rate."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bayesscale.errors import CorpusError
from bayesscale.harness.batches import PairBatch, collate, plan_batches
from bayesscale.harness.decoding.scores import cross_entropy
from bayesscale.harness.device import (
    autocast,
    compile_model,
    determinism,
    find_device,
    of_any_size,
    peak_flops,
)
from bayesscale.harness.halving import stretches
from bayesscale.harness.model.t5 import T5
from bayesscale.harness.progress import Meter
from bayesscale.harness.tokens.parallel import lengths
from bayesscale.harness.training.jobs import FinetuneJob, FinetuneResult, Trial
from bayesscale.harness.training.optimizer import ScaledAdamW
from bayesscale.harness.training.step import take_step
from bayesscale.harness.training.weights import start_model

_MULTIPLE = {"cpu": 1, "cuda": 16}
"""Lengths are rounded up to a multiple: few shapes on a GPU, no padding on a CPU."""


def finetune(job: FinetuneJob) -> FinetuneResult:
    """Finetune with several rates from the same weights, and keep the one that is best on dev.

    Successive halving: all rates for some steps, the better half for as many again, and so on; the last one
    takes all steps. A rate that diverges has a dev loss of NaN; if the last one does, the best of those that
    were dropped takes its place. If all do, that is the result.
    """
    for name, pairs in (("train", job.train), ("dev", job.dev)):
        if not len(pairs.source) or len(pairs.source) != len(pairs.target):
            raise CorpusError(
                f"finetuning needs at least one pair, with a source and a target; {name} has "
                f"{len(pairs.source)} sources and {len(pairs.target)} targets; choose a larger D_f or "
                "other files"
            )
    with determinism(job.deterministic):
        tuning = _Finetuning(job)
        best = tuning.search()
    tuning.model.dropout = 0.0
    return FinetuneResult(
        model=tuning.model.eval(),
        rate=math.nan if best is None else best.rate,
        dev_loss=math.nan if best is None else best.loss,
        trials=tuple(Trial(each.rate, each.step, each.loss) for each in tuning.candidates),
        status="diverged" if best is None else "finished",
        steps=tuning.steps,
        tokens_seen=tuning.tokens_seen,
        truncated=tuning.truncated,
    )


class _Candidate:
    """A rate, and where the model that is trained with it is."""

    def __init__(self, rate: float, weights: list[Tensor], optimizer: ScaledAdamW) -> None:
        self.rate, self.weights, self.optimizer = rate, weights, optimizer
        self.step, self.loss = 0, math.inf


class _Finetuning:
    """A model that is finetuned with several rates from the same weights."""

    def __init__(self, job: FinetuneJob) -> None:
        config = job.config
        self.job, self.device = job, find_device(job.device)
        started = start_model(job.model, job.vocabulary, job.seed, init=job.weights, device=self.device)
        shape, begin = started.config, [weight.detach() for weight in started.parameters()]
        workspace = job.workspace if job.workspace is not None and job.workspace.config == shape else None
        self.model: T5 = (workspace or T5(shape)).to(self.device)
        self.parameters = list(self.model.parameters())
        self.candidates = [
            _Candidate(rate, begin, ScaledAdamW(self.parameters, weight_decay=config.weight_decay))
            for rate in config.rates
        ]
        compile_model(self.model, config.compile)
        whole = lengths(job.train.source), lengths(job.train.target)
        self.truncated = int(sum((side > config.length).sum() for side in whole))
        sources, targets = (side.clip(max=config.length) for side in whole)
        tokens = sources + targets
        self.steps = config.steps_of(int(tokens.sum()))
        self._rounds = stretches(len(config.rates), self.steps)
        self._plan = plan_batches(tokens, tokens=config.batch, steps=self.steps, seed=job.seed)
        self.tokens_seen = int(sum(tokens[rows].sum() for rows in self._plan))
        pairs = config.batch / tokens.mean()
        self._meter = Meter(
            job.report, steps=sum(count * more for count, more in self._rounds),
            tokens_per_step=config.batch,
            flops_per_step=3 * pairs * shape.flops(round(sources.mean()), round(targets.mean())),
            peak=peak_flops(self.device, config.precision),
        )  # fmt: skip

    def search(self) -> _Candidate | None:
        """Return the candidate that has taken all steps, its weights in the model; None if all diverge."""
        stop = 0
        for count, more in self._rounds[:-1]:
            stop += more
            for candidate in self._best()[:count]:
                self._advance(candidate, stop)
        while ranked := self._best():
            self._advance(ranked[0], self.steps)
            if math.isfinite(ranked[0].loss):
                return ranked[0]
        return None

    def _best(self) -> list[_Candidate]:
        """Return those that have not diverged, the best first; those that came farther are better."""
        alive = [each for each in self.candidates if not math.isnan(each.loss)]
        return sorted(alive, key=lambda each: (-each.step, each.loss))

    def _advance(self, candidate: _Candidate, stop: int) -> None:
        """Train a candidate up to a step, and note its loss on dev; NaN if it diverges."""
        with torch.no_grad():
            for weight, value in zip(self.parameters, candidate.weights, strict=True):
                weight.copy_(value)
        _move(candidate.optimizer, self.device)
        finite = self._train(candidate, stop)
        candidate.step, candidate.loss = stop, self._dev_loss() if finite else math.nan
        if stop < self.steps:
            # On a GPU, those that wait do so in the memory of the machine.
            candidate.weights = [weight.detach().to("cpu", copy=True) for weight in self.parameters]
            _move(candidate.optimizer, torch.device("cpu"))

    def _dev_loss(self) -> float:
        """Return the cross-entropy on dev, NaN if it is not finite."""
        loss = cross_entropy(self.model, self.job.dev).per_token
        return loss if math.isfinite(loss) else math.nan

    def _train(self, candidate: _Candidate, stop: int) -> bool:
        """Take steps; False if the loss is not finite."""
        config = self.job.config
        recent: deque[float] = deque(maxlen=50)
        self.model.train()
        self.model.dropout = config.dropout
        with _seeded(self.job.seed, candidate.step, self.device):
            for step in range(candidate.step, stop):
                rows = self._plan[step]
                rate = candidate.rate * min((step + 1) / max(config.warmup, 1), 1.0)
                loss = take_step(candidate.optimizer, rate, self._loss(rows), len(rows), config)
                self._meter.add(loss)
                if self._meter.due or step == stop - 1:
                    values = self._meter.fetch()
                    recent.extend(values)
                    if not all(map(math.isfinite, values)):
                        return False
                    self._meter.tell(recent)
        return all(bool(torch.isfinite(weight).all()) for weight in self.parameters)

    def _loss(self, rows: NDArray[np.int64]) -> Callable[[int, int], Tensor]:
        """Return the loss of a range of a batch, as a share of the mean over all its labels."""
        job, config = self.job, self.job.config
        labels = sum(min(len(job.train.target[row]), config.length) for row in rows)

        def loss(start: int, stop: int) -> Tensor:
            batch: PairBatch = collate(
                job.train, rows[start:stop], self.device,
                longest=config.length, multiple=_MULTIPLE.get(self.device.type, 1),
            )  # fmt: skip
            of_any_size(self.model, batch)
            with autocast(self.device, config.precision):
                part: Tensor = self.model(*batch)
            return part / labels

        return loss


def _move(optimizer: torch.optim.Optimizer, device: torch.device) -> None:
    """Move the moments of an optimiser."""
    for state in optimizer.state.values():
        for name, value in state.items():
            if isinstance(value, Tensor):
                state[name] = value.to(device)


@contextmanager
def _seeded(seed: int, step: int, device: torch.device) -> Iterator[None]:
    """Draw dropout from a seed, and leave the generators of others as they were."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(hash((seed, step)) % 2**63)
        yield
