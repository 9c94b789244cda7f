"""The guard of conftest.py: fast tests cannot sample, slow ones can."""

from __future__ import annotations

import importlib
import re

import pytest

from bayesscale.inference import fit, run
from bayesscale.metrics.read import read_metrics
from tests.models.tables import table

SAMPLERS = ("bayesscale.inference.sampler", "nutpie", "pymc")


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_fast_test_cannot_sample(name: str) -> None:
    sampler = importlib.import_module(name)
    said = re.escape(f"{name}.sample was called: fast tests never sample")
    with pytest.raises(pytest.fail.Exception, match=said):
        sampler.sample()


def test_a_fast_test_cannot_fit() -> None:
    guarded = importlib.import_module("bayesscale.inference.sampler").sample
    assert vars(run)["sample"] is guarded
    with pytest.raises(pytest.fail.Exception, match="fast tests never sample"):
        fit(read_metrics(table(("en-fr",), ("en",), (6e6,), ("bleu",), baseline=False)))


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_slow_test_reaches_the_sampler_itself(name: str) -> None:
    sampler = importlib.import_module(name)
    with pytest.raises(TypeError):
        sampler.sample(no_such_argument=True)
