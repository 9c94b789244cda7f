"""What takes more than a moment says on stderr what it does, since when, and how long it may take yet."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import typer

_SWEEPS = re.compile(r"sampling: ([\d,]+) sweeps")
_JOBS = re.compile(r"(\d+) of (\d+)")


class Progress:
    """Prints phases, with the time so far and, where it can be told, the time left.

    `before` stands before each phase; a fit stops at `most` sweeps at the latest; `clock` returns seconds.
    """

    def __init__(
        self, before: str = "", most: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._before, self._most, self._clock = before, most, clock
        self._begun = clock()
        self._rounds: list[tuple[int, float]] = []

    def __call__(self, phase: str) -> None:
        """Print a phase that begins, or a job that is done."""
        now = self._clock()
        told = ", ".join([phase, *self._left(phase, now)])
        typer.echo(f"[{duration(now - self._begun)}] {self._before}{told}", err=True)

    def _left(self, phase: str, now: float) -> list[str]:
        """Return how long the rest takes: of rounds of sweeps by the rounds before, of jobs by those done."""
        if jobs := _JOBS.match(phase):
            done, total = map(int, jobs.groups())
            left = (now - self._begun) / done * (total - done)
            return [f"about {duration(left)} left"] if left else []
        if not (found := _SWEEPS.match(phase)):
            return []
        sweeps = int(found[1].replace(",", ""))
        self._rounds.append((sweeps, now))
        if len(self._rounds) == 1:
            return []
        done, seconds = self._rounds[-2][0], (now - self._rounds[0][1]) / self._rounds[-2][0]
        most = [] if self._most is None else [f"at most {duration(seconds * (self._most - done))} in all"]
        return [f"about {duration(seconds * (sweeps - done))} for this round", *most]


def duration(seconds: float) -> str:
    """Return '41 s', '3 min' or '2.5 h'."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
