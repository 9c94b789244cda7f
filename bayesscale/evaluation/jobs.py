"""Fits side by side: how many cores each has, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from bayesscale.engine import Failed, Needs, Outcome, processors, run_jobs
from bayesscale.errors import UsageError

J = TypeVar("J")
V = TypeVar("V")


@dataclass(frozen=True)
class Workers:
    """How many fits run at the same time, and on what; the numbers do not depend on it."""

    jobs: int = 1
    backend: str = "joblib"

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise UsageError(f"jobs must be at least 1; received {self.jobs}")

    @property
    def alone(self) -> bool:
        """Whether fits run in this process, one after the other."""
        return self.jobs == 1 and self.backend == "joblib"

    def cores(self, wanted: int | None) -> int | None:
        """Return the chains that a fit runs at a time; draws do not depend on it."""
        if wanted is not None or self.alone:
            return wanted
        # Of the machines of a cluster nothing is known; jobs side by side share this one.
        return 1 if self.backend == "ray" else max(1, processors() // self.jobs)

    def run(
        self,
        function: Callable[[J], V],
        jobs: Sequence[J],
        cores: int | None,
        status: Callable[[V], str],
        report: Callable[[str], None] | None,
    ) -> list[Outcome[J, V]]:
        """Return what became of fits, in their order; `report` receives a line when one has ended."""
        done: list[Outcome[J, V]] = []
        needs = Needs(cores or 1)
        for each in run_jobs(function, jobs, backend=self.backend, workers=self.jobs, needs=needs):
            done.append(each)
            if report:
                told = f"failed, {each}" if isinstance(each, Failed) else status(each.value)
                report(f"{len(done)} of {len(jobs)}: {each.job}: {told}")
        return sorted(done, key=lambda each: each.index)
