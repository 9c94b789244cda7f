"""The engine on joblib: same results with any number of workers, failures as values, killed processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from bayesscale.engine import Failed, Finished, Needs, Outcome, run_jobs
from bayesscale.errors import DataError, UsageError
from tests.engine.outcomes import values

# Functions are local to their tests: such functions travel by value, so no worker has to import this file.


def _draw() -> Callable[[int], float]:
    """Return a job whose value is random, but determined by the job."""

    def draw(seed: int) -> float:
        return float(np.random.default_rng(seed).normal())

    return draw


def _of(outcomes: list[Outcome[int, Any]], index: int) -> Outcome[int, Any]:
    """Return the outcome of one job."""
    (outcome,) = (each for each in outcomes if each.index == index)
    return outcome


def test_values_do_not_depend_on_the_number_of_workers() -> None:
    alone = values(run_jobs(_draw(), range(7)))
    assert alone == [_draw()(seed) for seed in range(7)]
    assert values(run_jobs(_draw(), range(7), workers=2)) == alone


@pytest.mark.parametrize("workers", [1, 2])
def test_a_job_that_raises_is_a_value_and_stops_no_other(workers: int) -> None:
    def job(number: int) -> int:
        if number == 1:
            raise DataError("rule; received; what to do")
        return number

    outcomes = list(run_jobs(job, range(4), workers=workers))
    failed = _of(outcomes, 1)
    assert isinstance(failed, Failed)
    assert (failed.job, failed.kind, failed.error) == (1, "DataError", "rule; received; what to do")
    assert failed.exit_code == DataError.exit_code
    assert "in job" in failed.trace
    assert sorted(each.value for each in outcomes if isinstance(each, Finished)) == [0, 2, 3]


@pytest.mark.parametrize("deaths", [1, 99])
def test_a_killed_process_costs_at_most_its_own_job(tmp_path: Path, deaths: int) -> None:
    def job(number: int) -> int:
        if number == 2:
            with (tmp_path / "deaths").open("a") as file:
                file.write("x")
            if len((tmp_path / "deaths").read_text()) <= deaths:
                os.kill(os.getpid(), signal.SIGKILL)
        return number * number

    outcomes = list(run_jobs(job, range(6), workers=2))
    assert sorted(each.index for each in outcomes) == list(range(6))
    killed = _of(outcomes, 2)
    if deaths == 1:
        assert isinstance(killed, Finished)
        assert killed.value == 4
    else:
        assert isinstance(killed, Failed)
        assert killed.kind == "WorkerDied"
        assert len((tmp_path / "deaths").read_text()) == 3
    assert sorted(each.value for each in outcomes if isinstance(each, Finished) and each.index != 2) == [
        0, 1, 9, 16, 25,
    ]  # fmt: skip


def test_what_cannot_travel_fails_alone() -> None:
    class Odd(Exception):
        def __init__(self, first: int, second: int) -> None:  # cannot be unpickled from its args
            super().__init__(f"{first} and {second}")

    def job(number: int) -> object:
        if number == 1:
            return (letter for letter in "a")  # a generator cannot be packed
        if number == 2:
            raise Odd(1, 2)
        return number

    outcomes = list(run_jobs(job, range(4), workers=2))
    assert [str(_of(outcomes, index)) for index in (1, 2)] == [
        "TypeError: cannot pickle 'generator' object",
        "Odd: 1 and 2",
    ]
    assert sum(isinstance(each, Finished) for each in outcomes) == 2


def test_a_job_that_cannot_be_sent_fails_alone() -> None:
    jobs: list[Any] = [1, (letter for letter in "a"), 3]
    outcomes = list(run_jobs(str, jobs, workers=2))
    assert isinstance(_of(outcomes, 1), Failed)
    assert [each.value for each in sorted(outcomes, key=lambda e: e.index) if isinstance(each, Finished)] == [
        "1", "3",
    ]  # fmt: skip


def test_numerical_libraries_in_a_worker_use_the_cores_that_a_job_needs() -> None:
    def threads(_: int) -> str | None:
        return os.environ.get("OMP_NUM_THREADS")

    assert set(values(run_jobs(threads, range(4), workers=2, needs=Needs(cpus=3)))) == {"3"}


def test_a_caller_who_stops_early_keeps_his_own_settings_of_joblib_and_gets_no_warning() -> None:
    before = joblib.parallel.get_active_backend()
    outcomes = run_jobs(_draw(), range(5), workers=2)
    next(outcomes)
    after = joblib.parallel.get_active_backend()
    assert (type(after[0]), after[1]) == (type(before[0]), before[1])
    outcomes.close()  # type: ignore[attr-defined]


def test_no_jobs_no_outcomes() -> None:
    assert list(run_jobs(str, [], workers=2)) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"backend": "dask"}, "the backend is unknown; received 'dask'"),
        ({"workers": 0}, "workers must be at least 1"),
        ({"needs": Needs(cpus=0)}, "a job needs at least 1 core"),
    ],
)
def test_what_cannot_be_done_is_refused_before_the_first_outcome(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        run_jobs(str, [1], **arguments)


def test_ray_that_is_not_installed_is_said_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bayesscale.engine.run.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'bayesscale\[ray\]'"):
        run_jobs(str, [1], backend="ray")


def test_importing_the_engine_is_light() -> None:
    code = "import bayesscale.engine, bayesscale.engine.cluster, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert {name.split(".")[0] for name in loaded.split()} & {
        "torch",
        "pymc",
        "arviz",
        "ray",
        "numpy",
    } == set()
