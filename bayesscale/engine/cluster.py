"""Jobs on a Ray cluster; the only place that touches Ray."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from bayesscale.engine.attempt import RETRIES, attempt_to_send, failure, received, worker_died
from bayesscale.engine.outcome import Outcome
from bayesscale.errors import UsageError

# The store holds jobs and values on their way, which are small: Ray's default is a third of the memory.
_STORE_BYTES = 100 * 1024**2
# Handed out beyond what runs, so that a worker that is done finds the next job there.
_AHEAD = 4
# A cluster of this machine has 30 s to start, which a busy machine does not always manage.
_STARTS = 3


def run_on_ray(
    function: Callable[[Any], Any],
    jobs: Sequence[Any],
    workers: int | None,
    cpus: int,
    gpus: float,
    address: str | None,
) -> Iterator[Outcome[Any, Any]]:
    """Yield outcomes as they finish."""
    ray = _ray()
    with connected(address, workers, cpus):
        remote = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=RETRIES)(attempt_to_send)
        shared = ray.put(function)
        at_once = workers or max(1, int(ray.cluster_resources().get("CPU", 1)) // cpus)
        ahead = 0 if workers else _AHEAD
        waiting = iter(range(len(jobs)))
        running: dict[Any, int] = {}
        try:
            while True:
                for index in waiting:
                    try:
                        running[remote.remote(shared, index, jobs[index])] = index
                    except Exception as error:  # the job cannot travel
                        yield failure(index, jobs[index], error)
                    if len(running) >= at_once + ahead:
                        break
                if not running:
                    return
                for reference in ray.wait(list(running))[0]:
                    index = running.pop(reference)
                    yield _fetch(reference, index, jobs[index])
        finally:
            for reference in running:
                ray.cancel(reference, force=True)


def _fetch(reference: Any, index: int, job: Any) -> Outcome[Any, Any]:
    """Return what a task sent back; Ray has tried it again already where its worker died."""
    ray = _ray()
    try:
        return received(ray.get(reference), job)
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError):
        return worker_died(index, job)
    except Exception as error:
        return failure(index, job, error)


def _ray() -> Any:
    """Return the library, which is imported late because few people need it."""
    import ray

    return ray


@contextmanager
def connected(address: str | None, workers: int | None, cpus: int) -> Iterator[None]:
    """Use the cluster there is, or one on this machine that ends with the jobs."""
    ray = _ray()
    if ray.is_initialized():
        yield
        return
    # Ray reads these when it starts: leave GPUs visible to tasks that asked for none, as later releases do
    # without being told, and send nothing home.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
    remote = address or os.environ.get("RAY_ADDRESS")
    here = {
        "num_cpus": workers * cpus if workers else None,
        "include_dashboard": False,
        "object_store_memory": _STORE_BYTES,
    }
    for attempt in range(1, _STARTS + 1):
        try:
            ray.init(**quiet, **({"address": remote} if remote else here))
            break
        except Exception as error:
            ray.shutdown()  # what has been started of a cluster of this machine
            if remote or attempt == _STARTS:
                raise UsageError(_unreachable(remote, str(error).partition("\n")[0])) from error
    try:
        yield
    finally:
        ray.shutdown()


def _unreachable(address: str | None, reason: str) -> str:
    """Return what to say of a cluster that does not answer, or does not start."""
    if address is None:
        return (
            f"Ray must be able to start a cluster on this machine; it says {reason!r}; on a busy machine try "
            "again with fewer workers, or use the backend joblib"
        )
    return (
        f"the Ray cluster must be reachable; received the address {address!r}, which answers {reason!r}; "
        "start it (ray start --head), or name none, for a cluster of this machine"
    )
