"""Run independent jobs and yield what became of each, as they finish."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TypeVar

from bayesscale.engine.attempt import Attempt
from bayesscale.engine.outcome import Failed, Outcome
from bayesscale.errors import UsageError, valid_names

J = TypeVar("J")
V = TypeVar("V")

BACKENDS = ("joblib", "ray")


@dataclass(frozen=True)
class Needs:
    """What one job needs.

    Parameters
    ----------
    cpus : int
        Cores, and threads of its numerical libraries where it has a process of its own.
    gpus : float
        Share of a GPU. Ray hands GPUs out; joblib knows none of them and ignores it.
    """

    cpus: int = 1
    gpus: float = 0.0


def run_jobs(
    function: Callable[[J], V],
    jobs: Sequence[J],
    *,
    backend: str = "joblib",
    workers: int | None = 1,
    needs: Needs | None = None,
    retries: int = 2,
    address: str | None = None,
    report: Callable[[str], None] | None = None,
) -> Iterator[Outcome[J, V]]:
    """Run independent jobs and yield their outcomes as they finish.

    What a job returns must depend on the job alone (give it its own seed): then the values are the same with
    any backend and any number of workers. Jobs are started in their order.

    Parameters
    ----------
    function : callable
        Takes a job and returns its value. Both travel between processes unless there is one joblib worker.
    jobs : sequence
        The jobs.
    backend : str
        'joblib' for processes of this machine, 'ray' for a Ray cluster.
    workers : int, optional
        Jobs at the same time; None: as many as the machine or the cluster has room for. With one worker,
        joblib runs the jobs in this process.
    needs : Needs, optional
        What one job needs. Default: one core.
    retries : int
        How often a job is tried again whose process was killed. A job that raises is not tried again.
    address : str, optional
        The Ray cluster to use, for instance 'auto'. Default: the one that the process is connected to or that
        RAY_ADDRESS names, else one on this machine, which ends with the jobs.
    report : callable, optional
        Receives a line when a job has ended.

    Yields
    ------
    Finished or Failed
        One for each job; a job that fails does not stop the others.

    Raises
    ------
    UsageError
        The backend is unknown or not installed, or a number is out of range. Raised at once and not when the
        first outcome is asked for.
    """
    needs = needs or Needs()
    _check(backend, workers, needs, retries)
    return _report(_attempts(function, jobs, backend, workers, needs, retries, address), jobs, report)


@contextmanager
def session(
    backend: str = "joblib",
    *,
    workers: int | None = 1,
    needs: Needs | None = None,
    address: str | None = None,
) -> Iterator[None]:
    """Keep a backend open for several calls of `run_jobs`, since a cluster takes seconds to start.

    Parameters
    ----------
    backend, workers, needs, address
        As in `run_jobs`.
    """
    needs = needs or Needs()
    _check(backend, workers, needs, 0)
    if backend == "joblib":
        yield
        return
    from bayesscale.engine.cluster import connected

    with connected(address, workers, needs.cpus):
        yield


def _check(backend: str, workers: int | None, needs: Needs, retries: int) -> None:
    """Refuse what no backend can do."""
    if backend not in BACKENDS:
        raise UsageError(f"the backend is unknown; received {backend!r}; {valid_names(backend, BACKENDS)}")
    if workers is not None and workers < 1:
        raise UsageError(
            f"workers must be at least 1; received {workers}; leave it out for all there is room for"
        )
    if needs.cpus < 1 or needs.gpus < 0:
        raise UsageError(f"a job needs at least 1 core and 0 GPUs; received {needs.cpus} and {needs.gpus:g}")
    if retries < 0:
        raise UsageError(f"retries must be at least 0; received {retries}")
    if backend == "ray" and find_spec("ray") is None:
        raise UsageError(
            "the backend ray needs the package ray, which is not installed: "
            "pip install 'bayesscale[ray]', or use the backend joblib"
        )


def _attempts(
    function: Callable[[J], V],
    jobs: Sequence[J],
    backend: str,
    workers: int | None,
    needs: Needs,
    retries: int,
    address: str | None,
) -> Iterator[Attempt]:
    """Hand the jobs to a backend."""
    if backend == "ray":
        from bayesscale.engine.cluster import run_on_ray

        return run_on_ray(function, jobs, workers, needs.cpus, needs.gpus, retries, address)
    from bayesscale.engine.local import run_on_joblib

    return run_on_joblib(function, jobs, workers, needs.cpus, retries)


def _report(
    attempts: Iterator[Attempt], jobs: Sequence[J], report: Callable[[str], None] | None
) -> Iterator[Outcome[J, V]]:
    """Give each attempt its job back, and say how far the jobs are."""
    start, failed = time.perf_counter(), 0
    for count, each in enumerate(attempts, start=1):
        outcome = each.outcome(jobs[each.index])
        failed += isinstance(outcome, Failed)
        if report:
            report(_line(count, len(jobs), failed, time.perf_counter() - start))
        yield outcome


def _line(count: int, total: int, failed: int, seconds: float) -> str:
    """Return how far the jobs are; the time left supposes that the others take as long."""
    parts = [f"{count} of {total} jobs"]
    if failed:
        parts.append(f"{failed} failed")
    parts.append(f"{seconds:.0f} s")
    if count < total:
        parts.append(f"about {seconds / count * (total - count):.0f} s left")
    return ", ".join(parts)
