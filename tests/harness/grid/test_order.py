"""Which cells come when, which part has which runs, and how long the rest takes."""

from __future__ import annotations

import pytest

from bayesscale.errors import UsageError
from bayesscale.harness.grid.context import Settings
from bayesscale.harness.grid.order import batches, cells_of
from bayesscale.harness.grid.pretraining import Stretch
from bayesscale.harness.progress import TimeLeft
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
    parts = [cells_of(study, (number, count)) for number in range(1, count + 1)]
    together = [cell for part in parts for cell in part]
    assert len(together) == len(set(together)) == len(cells(study))
    runs = [{(cell.mixture, cell.seed) for cell in part} for part in parts]
    assert sum(map(len, runs)) == 6


def test_a_part_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match="received 3/2"):
        Settings(part=(3, 2))


def test_time_left_is_not_said_before_it_is_known_and_right_afterwards() -> None:
    left = TimeLeft({"pretraining": 192.0, "small": 4, "large": 4}, workers=2)
    for kind, seconds in (("small", 2.0), ("large", 10.0)):
        left.note(kind, 1, seconds)
        assert left.seconds is None
        assert str(left) == ""
    left.note("pretraining", 64, 4.0)
    # 16 tokens/s; 128 tokens are left, and three cells of each size, for two workers.
    assert left.seconds == pytest.approx((128 / 16 + 3 * 10 + 3 * 2) / 2)
    assert str(left) == " (about 22 seconds left)"
