"""The guard of conftest.py: fast tests cannot sample, slow ones can."""

from __future__ import annotations

import importlib

import pytest


@pytest.mark.parametrize("package", ["nutpie", "pymc"])
def test_a_fast_test_cannot_sample(package: str) -> None:
    sampler = importlib.import_module(package)
    with pytest.raises(pytest.fail.Exception, match=f"{package}.sample was called: fast tests never sample"):
        sampler.sample()


@pytest.mark.slow
@pytest.mark.parametrize("package", ["nutpie", "pymc"])
def test_a_slow_test_reaches_the_sampler_itself(package: str) -> None:
    sampler = importlib.import_module(package)
    with pytest.raises(TypeError):
        sampler.sample(no_such_argument=True)
