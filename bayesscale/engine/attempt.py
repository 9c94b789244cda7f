"""One job in the process that does it: whatever happens becomes a value that can travel."""

from __future__ import annotations

import pickle
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from bayesscale.engine.outcome import WORKER_DIED, Failed, Finished, Outcome
from bayesscale.errors import BayesscaleError

RETRIES = 2
"""How often a job is tried again whose process was killed."""


@dataclass(frozen=True)
class Attempt:
    """What a worker sends back: the value, or an error as text; the job itself stays at home."""

    index: int
    value: Any = None
    packed: bool = False
    kind: str = ""
    error: str = ""
    trace: str = ""
    seconds: float = float("nan")
    exit_code: int = BayesscaleError.exit_code

    def outcome(self, job: Any) -> Outcome[Any, Any]:
        """Return the outcome of a job."""
        if self.kind:
            return Failed(self.index, job, self.kind, self.error, self.trace, self.seconds, self.exit_code)
        try:
            value = pickle.loads(self.value) if self.packed else self.value
        except Exception as error:
            return failure(self.index, error, self.seconds).outcome(job)
        return Finished(self.index, job, value, self.seconds)


def attempt(function: Callable[[Any], Any], index: int, job: Any) -> Attempt:
    """Call a function; return what it returned or what it raised."""
    start = time.perf_counter()
    try:
        value = function(job)
    except Exception as error:
        return failure(index, error, time.perf_counter() - start)
    return Attempt(index, value, seconds=time.perf_counter() - start)


def attempt_to_send(function: Callable[[Any], Any], index: int, job: Any) -> Attempt:
    """Do the same as `attempt` for a value that has to travel: one that cannot is a failure of its job.

    The value travels as bytes. Backends would otherwise meet what cannot be packed or unpacked in places
    where it ends all jobs.
    """
    done = attempt(function, index, job)
    try:
        return replace(done, value=pickle.dumps(done.value, pickle.HIGHEST_PROTOCOL), packed=True)
    except Exception as error:
        return failure(index, error, done.seconds)


def failure(index: int, error: Exception, seconds: float = float("nan")) -> Attempt:
    """Return an exception as a value."""
    return Attempt(
        index,
        kind=type(error).__name__,
        error=str(error),
        trace="".join(traceback.format_exception(error)),
        seconds=seconds,
        exit_code=error.exit_code if isinstance(error, BayesscaleError) else BayesscaleError.exit_code,
    )


def worker_died(index: int) -> Attempt:
    """Return what is said of a job that no process survives."""
    error = (
        f"the process that ran the job was killed in each of {RETRIES + 1} attempts; often memory is short: "
        "use fewer workers or smaller jobs"
    )
    return Attempt(index, kind=WORKER_DIED, error=error)
