"""Sections of a study about training, decoding and scoring."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import (
    Discriminator,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    Tag,
    field_validator,
    model_validator,
)

from bayesscale.harness.study.values import Distinct, Section, Size, SizeOrFull, Switch

Precision = Literal["fp32", "bf16"]


class LogSpaced(Section):
    """Checkpoints at equal distances in log tokens, both ends included."""

    first: Size
    last: Size
    count: int = Field(ge=2)

    @model_validator(mode="after")
    def _rises(self) -> LogSpaced:
        if self.first >= self.last:
            raise ValueError(f"first is smaller than last; received {self.first} and {self.last}")
        return self


def _form(value: Any) -> str:
    """Return which of its two forms a checkpoint schedule has."""
    return "<spaced>" if isinstance(value, dict | LogSpaced) else "<list>"


Checkpoints = Annotated[
    Annotated[tuple[Size, ...], Tag("<list>")] | Annotated[LogSpaced, Tag("<spaced>")], Discriminator(_form)
]
"""Sizes, or a table first, last, count."""


class PretrainingConfig(Section):
    """How the checkpoints of a mixture are pretrained.

    `batch` are sequences in an optimiser step, over all devices and micro-batches. `length` are tokens in a
    block of text before spans are masked; D_p counts these. As in T5, 568 tokens become 512 positions of the
    encoder and 114 of the decoder, 284 become 256 and 58. Checkpoints are rounded to whole steps.

    `rate` is the largest of AdamW, relative to the size of the weights, reached after `warmup` steps; then it
    falls with 1 / sqrt(step). `harness sweep` finds one. `clip` is the largest norm of a gradient.
    `corruption` is the share of tokens that is masked, `span` the mean length of a span.

    How it is computed: `compile` 'auto' compiles on a GPU only; `accumulate` are micro-batches in a step,
    with the same batch; `resume_every` are steps between two states that an interrupted run can be resumed
    from.
    """

    batch: PositiveInt = 128
    length: int = Field(default=568, ge=8)
    checkpoints: Checkpoints = ()
    rate: PositiveFloat = 0.01
    weight_decay: NonNegativeFloat = 0.0
    clip: PositiveFloat | None = 1.0
    warmup: int = Field(default=1000, ge=0)
    corruption: float = Field(default=0.15, gt=0, lt=1)
    span: float = Field(default=3.0, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    precision: Precision = "bf16"
    compile: Switch = "auto"
    deterministic: bool = False
    accumulate: PositiveInt = 1
    resume_every: PositiveInt = 500

    @field_validator("checkpoints")
    @classmethod
    def _some_checkpoints(cls, value: tuple[int, ...] | LogSpaced) -> tuple[int, ...] | LogSpaced:
        if isinstance(value, tuple) and list(value) != sorted(set(value)):
            raise ValueError(f"each checkpoint is larger than the one before; received {list(value)}")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> PretrainingConfig:
        if self.batch % self.accumulate:
            raise ValueError(f"accumulate divides batch; received {self.accumulate} and {self.batch}")
        if len(set(self.checkpoint_steps)) < len(self.checkpoint_steps):
            raise ValueError(
                f"checkpoints are at least one step of batch x length = {self.tokens_per_step} tokens apart; "
                f"received {self.nominal_tokens}; choose fewer, or a smaller batch"
            )
        return self

    @property
    def tokens_per_step(self) -> int:
        """Tokens that one optimiser step sees."""
        return self.batch * self.length

    @property
    def nominal_tokens(self) -> tuple[int, ...]:
        """Checkpoints as they were asked for."""
        spec = self.checkpoints
        if isinstance(spec, LogSpaced):
            return tuple(round(size) for size in np.geomspace(spec.first, spec.last, spec.count).tolist())
        return spec

    @property
    def checkpoint_steps(self) -> tuple[int, ...]:
        """Optimiser steps after which the model is kept: the nearest whole number, at least one."""
        return tuple(max(1, round(tokens / self.tokens_per_step)) for tokens in self.nominal_tokens)

    @property
    def checkpoint_tokens(self) -> tuple[int, ...]:
        """Tokens seen at the checkpoints: D_p."""
        return tuple(steps * self.tokens_per_step for steps in self.checkpoint_steps)


class FinetuningConfig(Section):
    """How each checkpoint is finetuned on each task.

    `sizes` are D_f: source and target tokens of subsets that are nested in each other. `batch` are source and
    target tokens in a step, on average. Where `steps` make fewer passes over D_f than `epochs`, more steps
    are taken. If that is not given, a D_f of which `steps` see less than one pass is refused; 0 allows it.

    Sources and targets are cut after `length` tokens. `rates` are constant, relative to the size of the
    weights; successive halving by the loss on dev leaves one.
    """

    sizes: Distinct[SizeOrFull]
    batch: Size = 8192
    steps: PositiveInt = 300
    epochs: NonNegativeFloat | None = None
    rates: Distinct[PositiveFloat] = (0.001, 0.003, 0.01, 0.03)
    length: int = Field(default=128, ge=4)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    weight_decay: NonNegativeFloat = 0.0
    clip: PositiveFloat | None = 1.0
    warmup: int = Field(default=0, ge=0)
    accumulate: PositiveInt = 1
    precision: Precision = "bf16"
    compile: Switch = "auto"

    @model_validator(mode="after")
    def _holds_a_pair(self) -> FinetuningConfig:
        if self.batch < 2 * self.length:
            raise ValueError(
                f"batch counts source and target tokens and holds the longest pair, 2 x length; received "
                f"{self.batch} and length = {self.length}; enlarge batch"
            )
        return self

    def steps_of(self, tokens: int) -> int:
        """Return the steps that a D_f of so many tokens is finetuned with."""
        return max(self.steps, math.ceil((self.epochs or 0.0) * tokens / self.batch))

    def epochs_of(self, tokens: int) -> float:
        """Return how often these steps see a D_f of so many tokens."""
        return self.steps_of(tokens) * self.batch / tokens

    def too_few(self, tokens: int) -> str | None:
        """Return what to do where steps see less than a D_f, and nobody has said that they may."""
        if self.epochs is not None or self.steps * self.batch >= tokens:
            return None
        return (
            f"{self.steps} steps of {self.batch:,} tokens see {self.epochs_of(tokens):.2g} of the {tokens:,} "
            "tokens, so a larger D_f would be the same experiment; set finetuning.epochs = 1 for as many "
            "steps as that takes, or epochs = 0 to allow it"
        )


class DecodingConfig(Section):
    """How hypotheses are made: the most likely token at every position, sentences in batches."""

    max_length: PositiveInt = 128
    batch: PositiveInt = 512
    precision: Precision = "bf16"


class ScoringConfig(Section):
    """What is scored: the metrics that are rows of the table for each finetuned model.

    `bootstrap` are resamples behind the standard errors; `tokenize` is sacreBLEU's tokenizer for BLEU. The
    first so many `sentences` of the test set are decoded; all if not given.
    """

    metrics: tuple[Literal["bleu", "chrf", "cross_entropy"], ...] = ("bleu", "chrf", "cross_entropy")
    bootstrap: int = Field(default=1000, ge=2)
    tokenize: str = "13a"
    sentences: Size | None = None
