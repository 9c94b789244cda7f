"""The engine on a real Ray cluster of this machine."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bayesscale.engine import Failed, Finished, run_jobs, session
from bayesscale.errors import UsageError
from tests.engine.outcomes import values

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'bayesscale[ray]'")

pytestmark = [
    pytest.mark.slow,
    # Ray leaves pipes and sockets of its own processes to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Start one cluster of two cores for all tests, since a start takes seconds."""
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=100 * 1024**2, log_to_driver=False)
    yield
    ray.shutdown()


def test_values_are_those_of_joblib(cluster: None) -> None:
    def draw(seed: int) -> float:
        return float(np.random.default_rng(seed).normal())

    assert values(run_jobs(draw, range(7), backend="ray", workers=2)) == values(run_jobs(draw, range(7)))
    assert ray.is_initialized()  # a cluster that was there before is left there


def test_a_worker_killed_on_the_way_is_replaced_and_failures_are_values(
    cluster: None, tmp_path: Path
) -> None:
    def job(number: int) -> int:
        once = tmp_path / "killed"
        if number == 1 and not once.exists():
            once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 3:
            raise ValueError("three")
        return number * number

    jobs: list[Any] = [0, 1, 2, 3, 4, 5, (letter for letter in "a")]  # a generator cannot be sent
    outcomes = {each.index: each for each in run_jobs(job, jobs, backend="ray")}
    assert (tmp_path / "killed").exists()
    squares = {index: each.value for index, each in outcomes.items() if isinstance(each, Finished)}
    assert squares == {0: 0, 1: 1, 4: 16, 5: 25}
    failed = {index: each.kind for index, each in outcomes.items() if isinstance(each, Failed)}
    assert failed == {2: "WorkerDied", 3: "ValueError", 6: "TypeError"}


def test_outcomes_that_nobody_waits_for_are_cancelled(cluster: None, tmp_path: Path) -> None:
    def job(number: int) -> int:
        import time

        time.sleep(0.0 if number == 0 else 60.0)
        return number

    outcomes = run_jobs(job, range(3), backend="ray", workers=2)
    assert next(outcomes).index == 0
    outcomes.close()  # type: ignore[attr-defined]
    # The cores are free again: this would wait a minute otherwise.
    assert values(run_jobs(str, [1, 2], backend="ray", workers=2)) == ["1", "2"]


def test_a_cluster_is_started_and_ended_where_there_is_none() -> None:
    if ray.is_initialized():
        ray.shutdown()
    assert values(run_jobs(len, ["a", "bb"], backend="ray", workers=1)) == [1, 2]
    assert not ray.is_initialized()


def test_a_session_keeps_one_cluster_for_several_calls() -> None:
    if ray.is_initialized():
        ray.shutdown()
    with session("ray", workers=1):
        assert values(run_jobs(len, ["a"], backend="ray", workers=1)) == [1]
        assert ray.is_initialized()
    assert not ray.is_initialized()


def test_a_cluster_that_does_not_answer_is_said_with_the_remedy() -> None:
    if ray.is_initialized():
        ray.shutdown()
    with pytest.raises(UsageError, match="the Ray cluster must be reachable"):
        list(run_jobs(len, ["a"], backend="ray", address="auto"))
