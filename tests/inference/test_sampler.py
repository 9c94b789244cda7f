"""Settings of the sampler, and what is kept of what samplers return."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
import xarray as xr

from bayesscale.errors import UsageError
from bayesscale.inference import Sampler
from bayesscale.inference.run import record
from bayesscale.inference.sampler import as_dataset, sample_compiled
from bayesscale.models.priors import Priors

BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "few draws": ({"draws": 99}, "draws must be at least 100"),
    "few adaptation draws": ({"tune": 0}, "tune must be at least 100"),
    "one chain": ({"chains": 1}, "chains must be at least 2"),
    "no core": ({"cores": 0}, "cores must be at least 1"),
    "certain acceptance": ({"target_accept": 1.0}, "target_accept must be between 0.5 and 0.999"),
    "acceptance that is no number": ({"target_accept": float("nan")}, "target_accept must be between"),
    "no depth": ({"max_depth": 0}, "max_depth must be between 1 and 15"),
    "too deep": ({"max_depth": 16}, "max_depth must be between 1 and 15"),
    "negative seed": ({"seed": -1}, "seed must be between 0 and 2**32 - 1"),
    "large seed": ({"seed": 2**32}, "seed must be between 0 and 2**32 - 1"),
    "many retries": ({"retries": 6}, "retries must be between 0 and 5"),
    "unknown method": ({"method": "nutpy"}, "method is unknown; did you mean 'nutpie'? valid: nutpie, pymc"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_settings_out_of_range_are_refused_with_rule_and_value(name: str) -> None:
    settings, rule = BROKEN[name]
    with pytest.raises(UsageError) as caught:
        Sampler(**settings)
    (value,) = settings.values()
    assert str(caught.value).startswith(rule)
    assert repr(value) in str(caught.value)


def test_all_broken_settings_are_told_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        Sampler(draws=1, chains=1, seed=-1)
    assert str(caught.value).count(" must be ") == 3


def test_the_limits_themselves_are_allowed() -> None:
    Sampler(draws=100, tune=100, chains=2, cores=1, target_accept=0.5, max_depth=1, seed=0)
    Sampler(target_accept=0.999, max_depth=15, seed=2**32 - 1, method="pymc")


class _Compiled:
    """Stands for a compiled model."""


def _trace(**stats: Any) -> dict[str, xr.Dataset]:
    """Return what nutpie returns: posterior and statistics."""
    shape = (2, 100)
    common = {"diverging": np.zeros(shape, bool), "n_steps": np.full(shape, 7), "step_size": np.ones(shape)}
    return {
        "posterior": xr.Dataset({"x": (("chain", "draw"), np.zeros(shape))}),
        "sample_stats": xr.Dataset({n: (("chain", "draw"), v) for n, v in (common | stats).items()}),
    }


@pytest.mark.parametrize("names", [("depth", "logp"), ("tree_depth", "lp")])
def test_statistics_are_kept_by_their_arviz_names(
    monkeypatch: pytest.MonkeyPatch, names: tuple[str, str]
) -> None:
    import nutpie

    shape = (2, 100)
    said: list[str] = []
    given: dict[str, Any] = {}

    def sample(_: Any, **options: Any) -> Any:
        given.update(options)
        return _trace(**{names[0]: np.full(shape, 3), names[1]: np.ones(shape), "gradient": np.ones(shape)})

    monkeypatch.setattr(nutpie, "sample", sample)
    sampler = Sampler(draws=100, tune=150, chains=2, cores=1, target_accept=0.7, max_depth=6, seed=9)
    draws = sample_compiled(_Compiled(), sampler, progress=False, report=said.append)
    assert set(draws.stats.data_vars) == {"diverging", "n_steps", "tree_depth", "step_size", "lp"}
    assert set(draws.posterior.data_vars) == {"x"}
    assert draws.seconds["sample"] >= 0
    assert said == ["sampling 2 chains of 150 + 100 draws"]
    settings = {name: given[name] for name in ("draws", "tune", "chains", "cores", "target_accept", "seed")}
    assert settings == {name: getattr(sampler, name) for name in settings}
    assert (given["maxdepth"], given["save_warmup"], given["progress_bar"]) == (6, False, False)


def test_chains_run_with_one_blas_thread_each(monkeypatch: pytest.MonkeyPatch) -> None:
    import nutpie
    from threadpoolctl import threadpool_info, threadpool_limits  # type: ignore[import-untyped]

    def blas() -> set[int]:
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    threads: list[set[int]] = []

    def sample(*_: Any, **__: Any) -> Any:
        threads.append(blas())
        shape = (2, 100)
        return _trace(depth=np.full(shape, 3), logp=np.ones(shape))

    monkeypatch.setattr(nutpie, "sample", sample)
    with threadpool_limits(2, user_api="blas"):
        assert blas() == {2}
        sample_compiled(_Compiled(), Sampler(), progress=False, report=lambda _: None)
    assert threads == [{1}]


def test_a_group_is_a_dataset_on_both_stacks() -> None:
    data = xr.Dataset({"x": ("a", [1.0])})
    assert as_dataset(data) is data
    xr.testing.assert_identical(as_dataset(xr.DataTree.from_dict({"g": data})["g"]), data)


def test_the_record_says_what_made_a_fit() -> None:
    sampler = Sampler(seed=4)
    found = record(sampler, Priors(), {"breaks": "all"}, "bayesscale fit a.csv -o b.nc", {"compile": 1.23456})
    assert found["seed"] == 4
    settings = {"sampler": asdict(sampler), "priors": Priors().model_dump(), "breaks": "all"}
    assert found["settings"] == settings
    assert (found["command"], found["timings"]) == ("bayesscale fit a.csv -o b.nc", {"compile": 1.235})
    assert {"python", "pymc", "nutpie", "arviz", "numpy"} <= set(found["versions"])
    assert found["created"].endswith("+00:00")
