"""One job in the process that does it: whatever happens becomes a value that can travel."""

from __future__ import annotations

import pickle
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bayesscale.engine.outcome import WORKER_DIED, Failed, Finished, Outcome
from bayesscale.errors import BayesscaleError

RETRIES = 2
"""How often a job is tried again whose process was killed."""
Sent = tuple[int, bytes]
"""What a worker sends back: the number of the job, and its outcome packed; the job itself stays at home."""


def attempt(function: Callable[[Any], Any], index: int, job: Any) -> Outcome[Any, Any]:
    """Call a function; return what it returned or what it raised."""
    start = time.perf_counter()
    try:
        value = function(job)
    except Exception as error:
        return failure(index, job, error, time.perf_counter() - start)
    return Finished(index, job, value, time.perf_counter() - start)


def attempt_to_send(function: Callable[[Any], Any], index: int, job: Any) -> Sent:
    """Do the same as `attempt` for a value that has to travel: one that cannot is a failure of its job.

    It travels as bytes. Backends would otherwise meet what cannot be packed or unpacked in places where it
    ends all jobs.
    """
    done = replace(attempt(function, index, job), job=None)
    try:
        return index, pickle.dumps(done, pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        return index, pickle.dumps(failure(index, None, error, done.seconds))


def received(sent: Sent, job: Any) -> Outcome[Any, Any]:
    """Return the outcome of a job that a worker sent back."""
    index, packed = sent
    try:
        done: Outcome[Any, Any] = pickle.loads(packed)
    except Exception as error:
        return failure(index, job, error)
    return replace(done, job=job)


def failure(index: int, job: Any, error: Exception, seconds: float = float("nan")) -> Failed[Any]:
    """Return an exception as a value."""
    return Failed(
        index,
        job,
        kind=type(error).__name__,
        error=str(error),
        trace="".join(traceback.format_exception(error)),
        seconds=seconds,
        exit_code=error.exit_code if isinstance(error, BayesscaleError) else BayesscaleError.exit_code,
    )


def worker_died(index: int, job: Any) -> Failed[Any]:
    """Return what is said of a job that no process survives."""
    error = (
        f"the process that ran the job was killed in each of {RETRIES + 1} attempts; often memory is short: "
        "use fewer workers or smaller jobs"
    )
    return Failed(index, job, kind=WORKER_DIED, error=error)
