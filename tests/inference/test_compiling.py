"""What is compiled ahead is what a fit calls: else a first fit would compile twice."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from bayesscale.inference import compiling
from bayesscale.particles.chain import Chain
from bayesscale.particles.clouds import make_clouds
from bayesscale.particles.mixture import mix
from bayesscale.particles.state import wide_prior
from bayesscale.particles.sweep import draw_unmeasured, move_curves, move_population
from bayesscale.particles.temper import begin, temper
from tests.particles.small import small_data

FUNCTIONS: tuple[Any, ...] = (temper, begin, move_curves, move_population, draw_unmeasured, mix)


@pytest.mark.slow
def test_types_compiled_ahead_are_those_of_a_fit() -> None:
    for part in compiling.PARTS:
        compiling.compile_part(part)
    ahead = [set(function.signatures) for function in FUNCTIONS]
    data = small_data()
    chain = Chain(data, (0, 0))
    chain.begin(make_clouds(data, wide_prior(data), 20, np.random.default_rng(0)))
    list(chain.states(1, 1))
    assert [set(function.signatures) for function in FUNCTIONS] == ahead
    assert compiling.is_compiled()


def test_processes_take_a_part_each_and_none_is_left_when_waiting_is_broken_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def start(command: list[str], **_: Any) -> subprocess.Popen[bytes]:
        assert command[:3] == [sys.executable, "-m", "bayesscale.inference.compiling"]
        parts.append(command[3])
        started.append(popen([sys.executable, "-c", "import time; time.sleep(60)"]))
        if len(started) == 2:
            monkeypatch.setattr(started[0], "wait", interrupted)
        return started[-1]

    def interrupted() -> None:
        raise KeyboardInterrupt

    popen, parts = subprocess.Popen, list[str]()
    monkeypatch.setattr(subprocess, "Popen", start)
    with pytest.raises(KeyboardInterrupt):
        compiling.compile_ahead()
    assert parts == list(compiling.PARTS)
    assert started[1].wait() < 0
    monkeypatch.undo()
    assert started[0].wait() < 0
