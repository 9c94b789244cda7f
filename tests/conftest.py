"""Fixtures of the whole suite, and the guard that keeps fast tests from sampling."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]

# Processes side by side share the cores. With a pool of threads each, small matrices spend their time waiting
# for one another (torch: 45 s instead of 2 s for one test). Pools are made after this file and read this.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# The same examples in every run: a failure that comes and goes with the load of the machine proves nothing.
settings.register_profile("bayesscale", deadline=None, derandomize=True)
settings.load_profile("bayesscale")


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the folder that holds pyproject.toml."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real curves that lies beside the repository, or skip."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real curves are not here: no folder shared/data beside the repository")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that uses the real curves, so that -m shared_data finds it."""
    for item in items:
        if "shared_data" in getattr(item, "fixturenames", ()):
            item.add_marker("shared_data")


class _SamplingGuard(MetaPathFinder):
    """Make the samplers fail in fast tests; replaced when imported, so that no test pays for the import."""

    samplers = ("bayesscale.inference.sampler", "nutpie", "pymc")
    allowed = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a sampler's module as usual, but have its `sample` replaced after it has run."""
        spec = PathFinder.find_spec(fullname, path, target) if fullname in self.samplers else None
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_replace(module: ModuleType) -> None:
                load(module)
                module.sample = self._guarded(f"{fullname}.sample", module.sample)  # type: ignore[attr-defined]

            spec.loader.exec_module = load_and_replace  # type: ignore[method-assign]
        return spec

    def _guarded(self, name: str, sample: Callable[..., Any]) -> Callable[..., Any]:
        """Return `sample` behind a check of the test that is running."""

        @wraps(sample)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if not self.allowed:
                pytest.fail(f"{name} was called: fast tests never sample; mark this one slow")
            return sample(*args, **kwargs)

        return guarded


_GUARD = _SamplingGuard()
sys.meta_path.insert(0, _GUARD)


# Around the whole protocol of a test, because fixtures of a module sample while a test is being set up.
@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Allow sampling while a slow test runs."""
    _GUARD.allowed = item.get_closest_marker("slow") is not None
    return (yield)
