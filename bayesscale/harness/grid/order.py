"""What is done when: batches of independent jobs, such that a grid that stops has balanced cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bayesscale.harness.grid.pretraining import Stretch
from bayesscale.harness.study.cells import Cell, cells
from bayesscale.harness.study.config import Study

Job = Stretch | Cell


def cells_of(study: Study, part: tuple[int, int]) -> tuple[Cell, ...]:
    """Return the cells of part i of n, from 1, in the order of the study; a run is in one part as a whole."""
    everything = cells(study)
    runs = list(dict.fromkeys((cell.mixture, cell.seed) for cell in everything))
    mine = set(runs[part[0] - 1 :: part[1]])
    return tuple(cell for cell in everything if (cell.mixture, cell.seed) in mine)


def batches(study: Study, todo: Sequence[Cell], *, side_by_side: bool) -> Iterator[list[Job]]:
    """Yield batches of jobs; each needs only what earlier batches made.

    Seed by seed; within a seed the models that were not pretrained, then checkpoint by checkpoint: all runs
    up to it, then all cells at it. Whenever a grid stops, the cells that are finished are those of whole
    checkpoints, apart from the last one.

    Side by side, the runs to the next checkpoint go along with the cells of the last one, so that no worker
    is idle.
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
        if mixture is not None and study.given(mixture, here[0].pretrain_tokens) is None:
            tokens, seed = here[0].pretrain_tokens, here[0].seed
            planned = study.checkpoint_tokens(study.mixture(mixture))
            yield Stretch(mixture, seed, tuple(each for each in planned if each <= tokens))
