"""What is simulated: tasks, mixtures, sizes, noise and breaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice, product

import numpy as np

from bayesscale.errors import UsageError, valid_names
from bayesscale.metrics.alignment import alignment_score, task_languages
from bayesscale.simulate.population import POPULATION

TOKENS_PER_STEP = 256 * 512
"""Batch times length of the paper's pretraining."""
FIRST_STEP, LAST_STEP = 8_000, 1_000_000
"""Steps of the first and the last checkpoint: 1e9 and 1.3e11 tokens."""


@dataclass(frozen=True)
class Mixture:
    """A pretraining mixture: its label, the share of each language, and the step at which its text ends."""

    name: str
    shares: Mapping[str, float]
    last_step: int = LAST_STEP


@dataclass(frozen=True)
class Task:
    """A translation task, named by its languages, with sizes D_f of its finetuning data in tokens.

    `enough` is the D_f at which pretraining hardly matters any more, the largest one in the paper.
    """

    name: str
    finetune_tokens: tuple[int, ...]
    enough: int


@dataclass(frozen=True)
class Curve:
    """One task, mixture and D_f: the unit that a law describes."""

    task: Task
    mixture: Mixture
    finetune_tokens: int

    @property
    def key(self) -> tuple[str, str, int]:
        """Task, mixture and D_f, as in the columns of the table."""
        return self.task.name, self.mixture.name, self.finetune_tokens

    @property
    def alignment(self) -> float:
        """Alignment score of the mixture with the task; 0 where the task's name holds no languages."""
        languages = task_languages(self.task.name)
        return alignment_score(self.mixture.shares, *languages) if languages else 0.0

    @property
    def decades(self) -> float:
        """Logarithm to base 10 of D_f over the task's `enough`: 0, or negative."""
        return float(np.log10(self.finetune_tokens / self.task.enough))


@dataclass(frozen=True)
class Regime:
    """A family of data sets; with a seed it becomes one data set, see `bayesscale.simulate.simulate`.

    Every mixture is finetuned on every D_f of every task. The `checkpoints` of a curve are evenly spaced in
    log D_p from 1e9 to 1.3e11 tokens. `noise` is a factor on the standard deviation of all noise; 0 gives
    values on the curve. `breaks` is 'paper' (where the paper saw them), 'none', or the probability with which
    each curve breaks. With `standard_errors` test-set error is added, and reported in a column `se`.
    `baseline` scores the non-pretrained model at every D_f; `limit` keeps only the first so many curves.
    """

    name: str
    tasks: tuple[Task, ...]
    mixtures: tuple[Mixture, ...]
    metrics: tuple[str, ...] = ("bleu", "cross_entropy")
    checkpoints: int = 10
    noise: float = 1.0
    breaks: str | float = "paper"
    standard_errors: bool = False
    baseline: bool = True
    limit: int | None = None

    def __post_init__(self) -> None:
        if not self.metrics or len(set(self.metrics)) < len(self.metrics):
            raise UsageError(
                f"a regime has at least one metric and none twice; received {list(self.metrics)}"
            )
        for metric in self.metrics:
            if metric not in POPULATION:
                raise UsageError(f"no metric {metric!r} is simulated; {valid_names(metric, POPULATION)}")
        if self.checkpoints < 2:
            raise UsageError(f"a curve needs at least 2 checkpoints; received {self.checkpoints}")
        if not 0 <= self.noise < np.inf:
            raise UsageError(f"noise is a factor of at least 0; received {self.noise}")
        if self.breaks not in ("paper", "none") and not (
            isinstance(self.breaks, int | float) and 0 <= self.breaks <= 1
        ):
            raise UsageError(
                f"breaks is 'paper', 'none' or a probability between 0 and 1; received {self.breaks!r}"
            )

    def curves(self) -> list[Curve]:
        """Return every task x mixture x D_f, in this order, up to `limit`."""
        everything = (
            Curve(task, mixture, size)
            for task, mixture in product(self.tasks, self.mixtures)
            for size in task.finetune_tokens
        )
        return list(islice(everything, self.limit))

    def pretrain_tokens(self, mixture: Mixture | None = None) -> tuple[int, ...]:
        """Return the sizes D_p of the checkpoints, of one mixture or of the longest possible."""
        steps = np.geomspace(FIRST_STEP, LAST_STEP, self.checkpoints).round(-2).astype(int)
        last = mixture.last_step if mixture else LAST_STEP
        return tuple(int(step) * TOKENS_PER_STEP for step in steps if step <= last)
