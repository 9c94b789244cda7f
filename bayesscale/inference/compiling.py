"""The sampler compiled ahead of its first use, by two processes that take a part each."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

# Numba compiles in one thread of a process. The parts take about as long as each other.
PARTS = ("curves", "population")


def is_compiled() -> bool:
    """Return whether all of the sampler lies on disk as compiled code."""
    from bayesscale.particles.compiled import on_disk
    from bayesscale.particles.sweep import draw_unmeasured, move_curves, move_population
    from bayesscale.particles.temper import begin, temper

    return all(map(on_disk, (temper, begin, move_curves, move_population, draw_unmeasured)))


def compile_ahead() -> None:
    """Compile the sampler in two processes, and wait for them.

    If one of them fails, a fit compiles what is missing when it comes to it.
    """
    commands = [[sys.executable, "-m", "bayesscale.inference.compiling", part] for part in PARTS]
    running = [
        subprocess.Popen(each, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for each in commands
    ]
    try:
        for process in running:
            process.wait()
    finally:
        for process in running:
            process.kill()


def compile_part(part: str) -> None:
    """Compile one of `PARTS` in this process, for the types that a fit calls it with."""
    for function, arguments in _calls()[part]:
        function.compile(tuple(map(function.typeof_pyval, arguments)))


def _calls() -> dict[str, list[tuple[Any, tuple[Any, ...]]]]:
    """Return what the parts compile: functions and arguments such as a fit has; they are not called."""
    from bayesscale.metrics.curves import build_curves
    from bayesscale.metrics.examples import example_path
    from bayesscale.metrics.read import read_metrics
    from bayesscale.models.assembly import assemble
    from bayesscale.models.model import ALL, chosen_model
    from bayesscale.models.priors import Priors
    from bayesscale.particles.guide import no_guide
    from bayesscale.particles.mixture import mix
    from bayesscale.particles.state import empty, empty_pool, middle, wide_prior
    from bayesscale.particles.steps import first_steps
    from bayesscale.particles.structs import Struct
    from bayesscale.particles.sweep import draw_unmeasured, move_curves, move_population
    from bayesscale.particles.temper import begin, temper

    table = read_metrics(example_path("isik-simulated"))
    assembly = assemble(build_curves(table), chosen_model(ALL, "scores", True, Priors()))
    makers: tuple[Callable[..., Any], ...] = (middle, empty, wide_prior, no_guide, first_steps)
    population, local, prior, guide, steps = (Struct(make(assembly)) for make in makers)
    data, pool = Struct(assembly), Struct(empty_pool(assembly, 1))
    numbers, order, precisions = np.empty((1, 1)), np.empty((1, 1), np.int64), np.empty((1, 1, 1))
    chain = population, data, local, prior, guide, steps
    return {
        "curves": [
            (temper, (0, 0, 0, 0, prior, guide, data, pool)),
            (begin, (0, prior, data, pool, local)),
            (move_curves, (*chain, prior, pool, precisions)),
        ],
        "population": [
            # The longest part of `move_curves`, which finds it on disk.
            (mix, (0, population, numbers, numbers, data, pool, local, prior, steps, order, numbers)),
            (move_population, (*chain, precisions)),
            (draw_unmeasured, (population, data, local, prior, precisions)),
        ],
    }


if __name__ == "__main__":
    if len(sys.argv) > 1:
        compile_part(sys.argv[1])
    elif not is_compiled():
        compile_ahead()
