"""Which cells come when, which part has which runs, and how long the rest takes."""

from __future__ import annotations

import pytest

from bayesscale.errors import UsageError
from bayesscale.harness.grid.clock import Clock
from bayesscale.harness.grid.order import Part, batches
from bayesscale.harness.grid.pretraining import Stretch
from bayesscale.harness.study.cells import Cell, cells
from bayesscale.harness.study.config import Study


def _kinds(batch: list[Stretch | Cell]) -> list[tuple[str, int]]:
    """Return kind and D_p of the jobs of a batch, each once."""
    kinds = [
        ("run", job.checkpoints[-1]) if isinstance(job, Stretch) else ("cell", job.pretrain_tokens)
        for job in batch
    ]
    return list(dict.fromkeys(kinds))


def test_one_after_the_other_cells_come_before_more_pretraining(study: Study) -> None:
    found = [_kinds(batch) for batch in batches(study, cells(study), side_by_side=False)]
    of_a_seed = [[("cell", 0)], [("run", 64)], [("cell", 64)], [("run", 128)], [("cell", 128)]]
    assert found == of_a_seed * 2


def test_side_by_side_no_worker_waits_for_pretraining_alone(study: Study) -> None:
    found = [_kinds(batch) for batch in batches(study, cells(study), side_by_side=True)]
    assert found == [[("run", 64), ("cell", 0)], [("run", 128), ("cell", 64)], [("cell", 128)]] * 2


@pytest.mark.parametrize("side_by_side", [False, True])
def test_no_batch_needs_what_is_not_there_before_it(study: Study, side_by_side: bool) -> None:
    there: set[tuple[str | None, int, int]] = set()
    seen: list[Cell] = []
    for batch in batches(study, cells(study), side_by_side=side_by_side):
        jobs = [job for job in batch if isinstance(job, Cell)]
        assert {(c.mixture, c.seed, c.pretrain_tokens) for c in jobs if c.mixture} <= there
        there |= {
            (job.mixture, job.seed, tokens)
            for job in batch
            if isinstance(job, Stretch)
            for tokens in job.checkpoints
        }
        seen += jobs
    assert sorted(map(str, seen)) == sorted(map(str, cells(study)))


def test_what_is_finished_is_not_pretrained_for(study: Study) -> None:
    todo = [cell for cell in cells(study) if cell.mixture == "100cc" and cell.pretrain_tokens == 64]
    jobs = [job for batch in batches(study, todo, side_by_side=False) for job in batch]
    stretches = [job for job in jobs if isinstance(job, Stretch)]
    assert [(job.mixture, job.checkpoints) for job in stretches] == [("100cc", (64,))] * 2


@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_parts_are_disjoint_complete_and_keep_runs_together(study: Study, count: int) -> None:
    parts = [Part(number, count).of(study) for number in range(1, count + 1)]
    together = [cell for part in parts for cell in part]
    assert len(together) == len(set(together)) == len(cells(study))
    runs = [{(cell.mixture, cell.seed) for cell in part} for part in parts]
    assert sum(map(len, runs)) == 6


def test_a_part_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match="received 3/2"):
        Part(3, 2)


def test_the_clock_says_nothing_before_it_knows_and_is_right_afterwards(study: Study) -> None:
    todo = [cell for cell in cells(study) if cell.seed == 0]
    clock = Clock(study, todo, workers=1)
    assert clock.seconds_left() is None
    assert clock.left() == ""
    baseline = [cell for cell in todo if cell.mixture is None]
    for cell in baseline:
        clock.scored(cell, 10.0 if cell.size == "full" else 2.0)
    assert clock.seconds_left() is None  # the speed of pretraining is not known
    clock.pretrained(Stretch("50aa+50bb", 0, (64,)), 4.0)
    # 16 tokens/s; 64 tokens of one run and 128 of the other are left, and four cells of each size.
    assert clock.seconds_left() == pytest.approx((64 + 128) / 16 + 4 * 10 + 4 * 2)
    assert clock.left() == " (pretraining at 16 tokens/s, about 60 s left)"


def test_workers_share_the_time_that_is_left(study: Study) -> None:
    todo = [cell for cell in cells(study) if cell.mixture is None]
    alone, shared = Clock(study, todo, workers=1), Clock(study, todo, workers=2)
    for clock in (alone, shared):
        clock.scored(todo[0], 8.0)
    assert alone.seconds_left() == 2 * (shared.seconds_left() or 0)
