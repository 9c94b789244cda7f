"""Evaluate models without sampling: log densities and variables at points of the unconstrained space."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from pytensor.compile.mode import Mode
from pytensor.gradient import grad

Point = dict[str, Any]
# Python's own evaluation without rewriting: compiling would take longer than the few evaluations do.
_MODE = Mode(linker="py", optimizer="None")


@contextmanager
def quiet() -> Iterator[None]:
    """Ignore what PyTensor says of the compilers and BLAS libraries of this machine."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def log_density(model: Any) -> Callable[[Point], float]:
    """Return the log density of data and unconstrained parameters, as the samplers see it."""
    with quiet():
        # Summed outside: Python's evaluation adds up at most 31 terms.
        compiled = model.compile_fn([term.sum() for term in model.logp(sum=False)], mode=_MODE)
    return lambda point: float(sum(compiled(point)))


def gradient(model: Any) -> Callable[[Point], Any]:
    """Return the gradient of the log density in the unconstrained parameters, by name."""
    names = [variable.name for variable in model.value_vars]
    with quiet():
        # Added up two by two: Python's evaluation adds up at most 31 terms.
        total = reduce(add, [term.sum() for term in model.logp(sum=False)])
        compiled = model.compile_fn(grad(total, model.value_vars), inputs=model.value_vars, mode=_MODE)
    return lambda point: dict(zip(names, compiled(point), strict=True))


def variables(model: Any, names: list[str]) -> Callable[[Point], dict[str, Any]]:
    """Return named variables of the model at a point."""
    with quiet():
        outputs = model.replace_rvs_by_values([model[name] for name in names])
        compiled = model.compile_fn(outputs, inputs=model.value_vars, mode=_MODE, on_unused_input="ignore")
    return lambda point: dict(zip(names, compiled(point), strict=True))


def points(model: Any, count: int, scale: float = 0.5, seed: int = 0) -> list[Point]:
    """Return random points around the one where samplers start."""
    rng = np.random.default_rng(seed)
    with quiet():
        start = model.initial_point()
    return [
        {name: value + scale * rng.standard_normal(np.shape(value)) for name, value in start.items()}
        for _ in range(count)
    ]
