"""What a study will cost: cells, tokens, time and disk, from its sizes alone.

Time is arithmetic divided by what a device sustains, plus what every step costs however small it is. Both are
guesses of the right order until somebody says what was measured.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bayesscale.harness.halving import stretches
from bayesscale.harness.model.config import SENTINELS, span_counts
from bayesscale.harness.study.cells import Cell, cells
from bayesscale.harness.study.config import Study
from bayesscale.harness.study.mixtures import MixtureConfig
from bayesscale.units import format_bytes, format_seconds, format_tokens

if TYPE_CHECKING:
    import pandas as pd

_UNKNOWN_VOCABULARY = 32_100
_CPU_FLOPS, _GPU_FLOPS = 1.5e10, 2.5e14
# Seconds that a block of a layer takes beside its arithmetic: calls, small kernels, the optimiser.
_CPU_OVERHEAD, _GPU_OVERHEAD = 2e-3, 3e-4
# Cleaning and tokenizing, a token; training the tokenizer, a megabyte of each language. Measured on one core.
_DATA_SECONDS, _TOKENIZER_SECONDS = 3e-6, 3.0
# Sentences are much shorter than the length at which they are cut.
_USUAL_SENTENCE = 24
_BYTES_OF_HYPOTHESIS = 400
_BYTES_OF_ROW = 300


@dataclass(frozen=True)
class Stage:
    """One kind of work: 'pretraining', 'finetuning', 'decoding' or 'data', and which part of it.

    `steps` are those of the optimiser, or tokens decoded one after the other; `tokens` go through the model;
    `seconds` are estimated on one device, `disk` in bytes that stay.
    """

    stage: str
    what: str
    jobs: int
    steps: int
    tokens: int
    seconds: float
    disk: int


@dataclass(frozen=True)
class Plan:
    """What a study will cost: cells in the order in which they are run, and the work in stages.

    `parameters` are weights of the model, `flops` the operations a second that the time is estimated with.
    `problems` say what lacks text.
    """

    study: str
    parameters: int
    cells: tuple[Cell, ...]
    stages: tuple[Stage, ...]
    devices: int
    flops: float
    problems: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Estimated wall time; the data are prepared by one process, whatever the number of devices."""
        data = sum(stage.seconds for stage in self.stages if stage.stage == "data")
        return data + sum(stage.seconds for stage in self.stages if stage.stage != "data") / self.devices

    @property
    def disk(self) -> int:
        """Estimated bytes on disk."""
        return sum(stage.disk for stage in self.stages)

    @property
    def tokens(self) -> int:
        """Pretraining tokens."""
        return sum(stage.tokens for stage in self.stages if stage.stage == "pretraining")

    def frame(self) -> pd.DataFrame:
        """Return the stages as a table."""
        import pandas as pd

        return pd.DataFrame([asdict(stage) for stage in self.stages])

    def cell_frame(self) -> pd.DataFrame:
        """Return the cells as a table, in the order in which they are run."""
        import pandas as pd

        return pd.DataFrame([asdict(cell) for cell in self.cells])

    def document(self) -> dict[str, Any]:
        """Return everything for programs."""
        return {
            "study": self.study,
            "model_params": self.parameters,
            "pretrain_tokens": self.tokens,
            "seconds": self.seconds,
            "disk_bytes": self.disk,
            "devices": self.devices,
            "flops_per_second": self.flops,
            "problems": list(self.problems),
            "stages": [asdict(stage) for stage in self.stages],
            "cells": [asdict(cell) for cell in self.cells],
        }

    def sentences(self) -> list[str]:
        """Return the totals in words."""
        devices = "one device" if self.devices == 1 else f"{self.devices} devices"
        baselines = sum(cell.mixture is None for cell in self.cells)
        return [
            f"{self.study}: {len(self.cells)} cells, {baselines} of them not pretrained; "
            f"{format_tokens(self.parameters)} weights, {format_tokens(self.tokens)} pretraining tokens",
            f"about {format_seconds(self.seconds)} on {devices} at {self.flops:.1e} operations/s, and about "
            f"{format_bytes(self.disk)} on disk (estimates; give --flops that were measured)",
            *(f"warning: {problem}" for problem in self.problems),
        ]


def plan(study: Study, *, gpu: bool | None = None, devices: int = 1, flops: float | None = None) -> Plan:
    """Return what a study will cost on devices that work side by side.

    Without `gpu` it is asked whether there is one here. `flops` are the operations a second that a device
    sustains in training; guessed if not given.
    """
    on_gpu = Path("/dev/nvidia0").exists() if gpu is None else gpu
    estimate = _Estimate(study, on_gpu, flops)
    stages = (
        _data(study, estimate),
        *(_pretraining(study, mixture, estimate) for mixture in study.mixtures),
        *(_finetuning(study, size, estimate) for size in dict.fromkeys(cell.size for cell in cells(study))),
        _decoding(study, estimate),
    )
    return Plan(study.name, estimate.parameters, cells(study), stages, devices, estimate.flops)


class _Estimate:
    """Time from arithmetic."""

    def __init__(self, study: Study, on_gpu: bool, flops: float | None) -> None:
        pieces = study.tokenizer.vocab_size
        self.vocabulary = study.model.vocab_size or (pieces + SENTINELS if pieces else _UNKNOWN_VOCABULARY)
        self.parameters = study.model.parameters(self.vocabulary)
        self.flops = flops or (_GPU_FLOPS if on_gpu else _CPU_FLOPS * (os.cpu_count() or 1))
        self._overhead = (_GPU_OVERHEAD if on_gpu else _CPU_OVERHEAD) * sum(study.model.depth)
        self._model = study.model

    def training(self, steps: float, sequences: int, sources: int, targets: int) -> float:
        """Return the seconds of optimiser steps: a backward pass costs twice a forward pass."""
        operations = 3 * self._model.flops(sources, targets, self.vocabulary) * sequences
        return steps * (operations / self.flops + self._overhead)

    def decoding(self, sentences: int, batch: int) -> float:
        """Return the seconds of decoding sentences."""
        length = _USUAL_SENTENCE
        operations = self._model.flops(length, length, self.vocabulary) * sentences
        batches = -(-sentences // batch)
        return operations / self.flops + batches * length * self._overhead / 3


def _data(study: Study, estimate: _Estimate) -> Stage:
    """Return the tokens on disk, as far as the study says how many there are."""
    needed = study.largest_tokens()
    tokens = int(sum(needed.values()))
    size = 2 if estimate.vocabulary <= 1 << 16 else 4
    trained = 0.0 if study.tokenizer.path else len(needed) * study.tokenizer.megabytes
    seconds = tokens * _DATA_SECONDS + trained * _TOKENIZER_SECONDS
    return Stage("data", "text to tokens, at least", len(needed), 0, tokens, seconds, tokens * size)


def _pretraining(study: Study, mixture: MixtureConfig, estimate: _Estimate) -> Stage:
    """Return the pretraining of a mixture."""
    config = study.pretraining
    checkpoints = study.checkpoint_tokens(mixture)
    seeds = len(study.seeds)
    tokens = checkpoints[-1]
    steps = tokens // config.tokens_per_step
    counts = span_counts(config.length, config.corruption, config.span)
    seconds = estimate.training(steps, config.batch, counts.source, counts.target)
    # Weights in 32 bits; the state has those and the optimiser's two moments.
    disk = 4 * estimate.parameters * (len(checkpoints) + 3)
    return Stage(
        "pretraining", mixture.name, seeds, steps * seeds, tokens * seeds, seconds * seeds, disk * seeds
    )


def _finetuning(study: Study, size: int | Literal["full"], estimate: _Estimate) -> Stage:
    """Return the finetuning of all cells of a D_f, with the rates that are tried."""
    config = study.finetuning
    jobs = sum(cell.size == size for cell in cells(study))
    length = min(config.length, _USUAL_SENTENCE)
    steps = config.steps if size == "full" else config.steps_of(size)
    taken = sum(count * last for count, last in stretches(len(config.rates), steps))
    tokens = taken * config.batch
    seconds = estimate.training(taken, config.batch // (2 * length), length, length)
    if size == "full":
        what = f"all of D_f, {steps} steps" + (f" or {config.epochs:g} epochs" if config.epochs else "")
    else:
        what = f"D_f {format_tokens(size)}, {steps} steps, {config.epochs_of(size):.2g} epochs"
    what += f", {len(config.rates)} rates" if len(config.rates) > 1 else ""
    return Stage("finetuning", what, jobs, taken * jobs, tokens * jobs, seconds * jobs, 0)


def _decoding(study: Study, estimate: _Estimate) -> Stage:
    """Return the decoding of all test sets, as far as their size is known."""
    config, jobs = study.decoding, len(cells(study))
    sentences = study.artificial.test if study.artificial else 3000
    sentences = min(sentences, study.scoring.sentences or sentences)
    seconds = estimate.decoding(sentences, config.batch)
    steps = -(-sentences // config.batch) * _USUAL_SENTENCE
    tokens = 2 * sentences * _USUAL_SENTENCE
    disk = sentences * _BYTES_OF_HYPOTHESIS + len(study.scoring.metrics) * _BYTES_OF_ROW
    return Stage(
        "decoding", f"{sentences} sentences", jobs, steps * jobs, tokens * jobs, seconds * jobs, disk * jobs
    )
