"""Jobs in this process or in processes of this machine, by joblib."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from joblib import Parallel, cpu_count, delayed, parallel_config

from bayesscale.engine.attempt import RETRIES, attempt, attempt_to_send, failure, received, worker_died
from bayesscale.engine.outcome import Outcome


def run_on_joblib(
    function: Callable[[Any], Any], jobs: Sequence[Any], workers: int | None, cpus: int
) -> Iterator[Outcome[Any, Any]]:
    """Yield outcomes as they finish."""
    workers = workers or max(1, cpu_count() // cpus)
    if workers == 1:
        yield from (attempt(function, index, job) for index, job in enumerate(jobs))
        return
    waiting = list(range(len(jobs)))
    while waiting:
        started: list[int] = []
        finished: set[int] = set()
        try:
            for done in _parallel(function, jobs, waiting, workers, cpus, started):
                finished.add(done.index)
                yield done
            return
        # A killed process takes the whole pool with it, and nobody knows which job killed it: one of those
        # that were under way. They are tried again, each alone; what had not been started waits for them.
        except Exception:
            under_way = [index for index in started if index not in finished]
            for index in under_way:
                yield _alone(function, jobs, index, cpus)
            ended = finished.union(under_way)
            if not ended:  # the pool cannot even be started
                raise
            waiting = [index for index in waiting if index not in ended]


def _parallel(
    function: Callable[[Any], Any],
    jobs: Sequence[Any],
    indices: Sequence[int],
    workers: int,
    cpus: int,
    started: list[int],
) -> Iterator[Outcome[Any, Any]]:
    """Yield the outcomes of some jobs; note in `started` which ones were handed out."""

    def calls() -> Iterator[Any]:
        for index in indices:
            started.append(index)
            yield delayed(attempt_to_send)(function, index, jobs[index])

    # Jobs are few and long, so each travels alone, and none is handed out long before its turn.
    with parallel_config(backend="loky", inner_max_num_threads=cpus):
        pool = Parallel(n_jobs=workers, return_as="generator_unordered", batch_size=1, pre_dispatch="n_jobs")
    # Outside, because the settings would reach whoever asks for outcomes.
    attempts = pool(calls())
    try:
        for done in attempts:
            yield received(done, jobs[done[0]])
    finally:
        with warnings.catch_warnings():
            # joblib finds it a waste that the caller stops early; the caller has a reason.
            warnings.filterwarnings("ignore", "[0-9]+ tasks", UserWarning)
            attempts.close()


def _alone(function: Callable[[Any], Any], jobs: Sequence[Any], index: int, cpus: int) -> Outcome[Any, Any]:
    """Return the outcome of one job in a pool of its own, tried again when its process is killed."""
    error = None
    for _ in range(RETRIES):
        try:
            # One worker would be this process, which has to survive.
            (done,) = _parallel(function, jobs, [index], 2, cpus, [])
        except Exception as reason:
            error = reason
        else:
            return done
    if error is not None and not _is_death(error):
        return failure(index, jobs[index], error)
    return worker_died(index, jobs[index])


def _is_death(error: Exception) -> bool:
    """Return whether a pool broke because a process ended; a job that cannot travel breaks it as well."""
    return "Terminated" in type(error).__name__ or "Broken" in type(error).__name__
