"""What became of a job: its value, or what went wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from bayesscale.errors import BayesscaleError

J = TypeVar("J")
V = TypeVar("V")

WORKER_DIED = "WorkerDied"


@dataclass(frozen=True)
class Finished(Generic[J, V]):
    """A job that returned: its position among the jobs, the job, its value, and how long it took."""

    index: int
    job: J
    value: V
    seconds: float


@dataclass(frozen=True)
class Failed(Generic[J]):
    """A job that raised, or whose worker died every time.

    The error is kept as text, because many exceptions cannot travel between processes: its class
    ('WorkerDied' for a process that was killed), its message, and its traceback, empty where there is none.
    `seconds` is NaN where nobody lived to say so; `exit_code` is that of a `BayesscaleError`, 1 for any other
    error.
    """

    index: int
    job: J
    kind: str
    error: str
    trace: str = field(default="", repr=False)
    seconds: float = float("nan")
    exit_code: int = BayesscaleError.exit_code

    def __str__(self) -> str:
        return f"{self.kind}: {self.error}" if self.error else self.kind


Outcome = Finished[J, V] | Failed[J]


class JobsError(BayesscaleError):
    """Jobs failed whose values are needed; the exit code is that of the first failure."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code
