from __future__ import annotations

from collections.abc import Iterator

import pytest

from bayesscale.cli.progress import Progress, duration


def ticking(*seconds: float) -> Iterator[float]:
    """Return a clock that shows given seconds one after the other."""
    return iter(seconds)


def test_rounds_of_sweeps_say_how_long_they_take(capsys: pytest.CaptureFixture[str]) -> None:
    clock = ticking(0.0, 5.0, 10.0, 30.0, 60.0)
    progress = Progress("held-out sizes: ", most=10_000, clock=lambda: next(clock))
    progress("compiling")
    for sweeps in ("500", "1,000", "2,500"):
        progress(f"sampling: {sweeps} sweeps of 4 chains")
    # 500 sweeps took 20 s, 1,000 took 50 s.
    assert capsys.readouterr().err.splitlines() == [
        "[5 s] held-out sizes: compiling",
        "[10 s] held-out sizes: sampling: 500 sweeps of 4 chains",
        "[30 s] held-out sizes: sampling: 1,000 sweeps of 4 chains, about 20 s for this round, "
        "at most 6 min in all",
        "[60 s] held-out sizes: sampling: 2,500 sweeps of 4 chains, about 75 s for this round, "
        "at most 8 min in all",
    ]


def test_jobs_say_how_long_the_others_take(capsys: pytest.CaptureFixture[str]) -> None:
    clock = ticking(0.0, 40.0, 80.0)
    progress = Progress(clock=lambda: next(clock))
    progress("1 of 2: joint, first 60%: converged")
    progress("2 of 2: joint, first 3: converged")
    assert capsys.readouterr().err.splitlines() == [
        "[40 s] 1 of 2: joint, first 60%: converged, about 40 s left",
        "[80 s] 2 of 2: joint, first 3: converged",
    ]


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (99, "99 s"), (100, "2 min"), (9000, "2.5 h")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
