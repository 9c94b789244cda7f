"""What is done when: batches of independent jobs, such that a grid that stops has balanced cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bayesscale.errors import UsageError
from bayesscale.harness.grid.pretraining import Stretch
from bayesscale.harness.study.cells import Cell, cells
from bayesscale.harness.study.config import Study

Job = Stretch | Cell


@dataclass(frozen=True)
class Part:
    """One of several shares of a grid, each for a process or machine of its own.

    Whole pretraining runs go to one part, so parts never wait for each other.

    Parameters
    ----------
    number : int
        From 1.
    count : int
        How many parts there are.
    """

    number: int = 1
    count: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise UsageError(f"--part is such as 2/5, from 1/5 to 5/5; received {self.number}/{self.count}")

    def of(self, study: Study) -> tuple[Cell, ...]:
        """Return the cells of this part, in the order of the study."""
        everything = cells(study)
        runs = list(dict.fromkeys((cell.mixture, cell.seed) for cell in everything))
        mine = {run for place, run in enumerate(runs) if place % self.count == self.number - 1}
        return tuple(cell for cell in everything if (cell.mixture, cell.seed) in mine)


def batches(study: Study, todo: Sequence[Cell], *, side_by_side: bool) -> Iterator[list[Job]]:
    """Yield batches of jobs; each needs only what earlier batches made.

    Seed by seed; within a seed the models that were not pretrained, then checkpoint by checkpoint: all runs
    up to it, then all cells at it. Whenever a grid stops, the cells that are finished are those of whole
    checkpoints, apart from the last one.

    Parameters
    ----------
    study : Study
        The study.
    todo : sequence of Cell
        The cells that are wanted and not finished.
    side_by_side : bool
        Whether several jobs run at the same time. Then the runs to the next checkpoint go along with the
        cells of the last one, so that no worker is idle.
    """
    for seed in dict.fromkeys(cell.seed for cell in todo):
        mine = [cell for cell in todo if cell.seed == seed]
        waiting: list[Job] = [cell for cell in mine if cell.mixture is None]
        for tokens in sorted({cell.pretrain_tokens for cell in mine if cell.mixture is not None}):
            here = [cell for cell in mine if cell.pretrain_tokens == tokens and cell.mixture is not None]
            stretches: list[Job] = list(_stretches(study, here))
            if side_by_side:
                yield stretches + waiting
            else:
                yield from filter(None, (waiting, stretches))
            waiting = list(here)
        if waiting:
            yield waiting


def _stretches(study: Study, here: Sequence[Cell]) -> Iterator[Stretch]:
    """Yield the runs that cells at one checkpoint need, up to it."""
    for mixture in dict.fromkeys(cell.mixture for cell in here):
        if mixture is not None:
            tokens, seed = here[0].pretrain_tokens, here[0].seed
            planned = study.checkpoint_tokens(study.mixture(mixture))
            yield Stretch(mixture, seed, tuple(each for each in planned if each <= tokens))
