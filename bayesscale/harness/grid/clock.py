"""How long a grid still takes, by what its own jobs took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import median

from bayesscale.harness.grid.pretraining import Stretch
from bayesscale.harness.grid.progress import duration
from bayesscale.harness.study.cells import Cell
from bayesscale.harness.study.config import Study
from bayesscale.units import format_tokens


class Clock:
    """Times of finished jobs, and what they say of the others.

    Parameters
    ----------
    study : Study
        The study.
    todo : sequence of Cell
        Cells that are not finished.
    workers : int
        Jobs at the same time.
    """

    def __init__(self, study: Study, todo: Sequence[Cell], workers: int) -> None:
        self._workers = workers
        self._left: dict[tuple[str, str], int] = defaultdict(int)
        self._seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._ends: dict[tuple[str, int], int] = {}
        self._at: dict[tuple[str, int], int] = defaultdict(int)
        self._rates: list[float] = []
        for cell in todo:
            self._left[_kind(cell)] += 1
            if cell.mixture is not None:
                run = (cell.mixture, cell.seed)
                self._ends[run] = max(self._ends.get(run, 0), cell.pretrain_tokens)

    def pretrained(self, stretch: Stretch, seconds: float) -> None:
        """Note that a run has reached a checkpoint.

        Parameters
        ----------
        stretch : Stretch
            The run and how far it is.
        seconds : float
            How long this stretch took.
        """
        run, tokens = (stretch.mixture, stretch.seed), stretch.checkpoints[-1]
        before = self._at[run] or (stretch.checkpoints[-2] if len(stretch.checkpoints) > 1 else 0)
        self._at[run] = tokens
        # A run that was on record takes no time, and says nothing of others.
        if tokens > before and seconds > 0.5:
            self._rates.append((tokens - before) / seconds)

    def scored(self, cell: Cell, seconds: float) -> None:
        """Note that a cell is finished.

        Parameters
        ----------
        cell : Cell
            The cell.
        seconds : float
            How long it took.
        """
        self._left[_kind(cell)] -= 1
        self._seconds[_kind(cell)].append(seconds)

    def seconds_left(self) -> float | None:
        """Return the seconds that the rest takes; None before anything can be said."""
        known = [time for times in self._seconds.values() for time in times]
        tokens = sum(end - self._at[run] for run, end in self._ends.items())
        cells = sum(self._left.values())
        if (cells and not known) or (tokens and not self._rates):
            return None
        total = tokens / median(self._rates) if tokens else 0.0
        for kind, count in self._left.items():
            times = self._seconds.get(kind) or known
            # Not the mean: the first job of a process also imports and compiles.
            total += count * median(times) if count else 0.0
        return total / self._workers

    def left(self) -> str:
        """Return the time left, and the speed of pretraining, as the end of a line."""
        parts = []
        if self._rates:
            parts.append(f"pretraining at {format_tokens(self._rates[-1])} tokens/s")
        if (seconds := self.seconds_left()) is not None and any(self._left.values()):
            parts.append(f"about {duration(seconds)} left")
        return f" ({', '.join(parts)})" if parts else ""


def _kind(cell: Cell) -> tuple[str, str]:
    """Return what the duration of a cell depends on most."""
    return cell.task, str(cell.size)
