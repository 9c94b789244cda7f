"""The cells of a study, in an order in which any prefix is a usable factorial."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bayesscale.harness.study.config import Study
from bayesscale.units import format_tokens


@dataclass(frozen=True)
class Cell:
    """One finetuned and scored model.

    No mixture means not pretrained. D_p counts from where the study begins: 0 is the model that was not
    pretrained, or `init`. D_f is as the study has it.
    """

    task: str
    mixture: str | None
    pretrain_tokens: int
    size: int | Literal["full"]
    seed: int

    def __str__(self) -> str:
        tokens = f"{self.mixture}, D_p {format_tokens(self.pretrain_tokens)}"
        size = self.size if isinstance(self.size, str) else format_tokens(self.size)
        return f"{self.task}, {tokens if self.mixture else 'not pretrained'}, D_f {size}, seed {self.seed}"


def cells(study: Study) -> tuple[Cell, ...]:
    """Return the cells of a study.

    Seed by seed; within a seed the baselines first, then checkpoint by checkpoint from the smallest, each
    with every mixture, task and D_f, so that what is finished when a grid stops is balanced.
    """
    return tuple(cell for seed in study.seeds for cell in _of_seed(study, seed))


def _of_seed(study: Study, seed: int) -> Iterator[Cell]:
    """Yield the cells of a seed."""
    ways = [(task.name, size) for task in study.tasks for size in study.sizes(task)]
    for task, size in ways:
        yield Cell(task, None, 0, size, seed)
    for mixture, tokens in study.points():
        for task, size in ways:
            yield Cell(task, mixture, tokens, size, seed)
