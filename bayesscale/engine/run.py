"""Run independent jobs and yield what became of each, as they finish."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TypeVar

from bayesscale.engine.outcome import Outcome
from bayesscale.errors import UsageError, valid_names

J = TypeVar("J")
V = TypeVar("V")

BACKENDS = ("joblib", "ray")


def processors() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Needs:
    """What one job needs: cores (and threads, in a process of its own), and a share of a GPU.

    Ray hands GPUs out; joblib knows none of them and ignores it.
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
    address: str | None = None,
) -> Iterator[Outcome[J, V]]:
    """Run independent jobs and yield their outcomes as they finish; one that fails does not stop the others.

    What a job returns must depend on the job alone (give it its own seed): then the values are the same with
    any backend and any number of workers. Jobs are started in their order. Where the process of a job was
    killed, it is tried again; a job that raises is not.

    The backend is 'joblib' for processes of this machine, 'ray' for a Ray cluster. `workers` run at the same
    time; None: as many as there is room for. With one worker, joblib runs the jobs in this process; else
    function and jobs travel. `address` is that of a Ray cluster, for instance 'auto'. Default: the one that
    the process is connected to or that RAY_ADDRESS names, else one on this machine, which ends with the jobs.
    UsageError, raised at once and not when the first outcome is asked for, if the backend is unknown or not
    installed, or a number is out of range.
    """
    needs = needs or Needs()
    _check(backend, workers, needs)
    if backend == "ray":
        from bayesscale.engine.cluster import run_on_ray

        return run_on_ray(function, jobs, workers, needs.cpus, needs.gpus, address)
    from bayesscale.engine.local import run_on_joblib

    return run_on_joblib(function, jobs, workers, needs.cpus)


@contextmanager
def session(
    backend: str = "joblib",
    *,
    workers: int | None = 1,
    needs: Needs | None = None,
    address: str | None = None,
) -> Iterator[None]:
    """Keep a backend open for several calls of `run_jobs`, since a cluster takes seconds to start."""
    needs = needs or Needs()
    _check(backend, workers, needs)
    if backend == "joblib":
        yield
        return
    from bayesscale.engine.cluster import connected

    with connected(address, workers, needs.cpus):
        yield


def _check(backend: str, workers: int | None, needs: Needs) -> None:
    """Refuse what no backend can do."""
    if backend not in BACKENDS:
        raise UsageError(f"the backend is unknown; received {backend!r}; {valid_names(backend, BACKENDS)}")
    if workers is not None and workers < 1:
        raise UsageError(
            f"workers must be at least 1; received {workers}; leave it out for all there is room for"
        )
    if needs.cpus < 1 or needs.gpus < 0:
        raise UsageError(f"a job needs at least 1 core and 0 GPUs; received {needs.cpus} and {needs.gpus:g}")
    if backend == "ray" and find_spec("ray") is None:
        raise UsageError(
            "the backend ray needs the package ray, which is not installed: "
            "pip install 'bayesscale[ray]', or use the backend joblib"
        )
