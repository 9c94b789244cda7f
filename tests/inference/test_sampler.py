"""Settings of the sampler, and rounds that go on until chains agree."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xarray as xr

from bayesscale.errors import UsageError
from bayesscale.inference import Sampler, sampler
from bayesscale.inference.run import record
from bayesscale.inference.sampler import Sampled, as_dataset
from bayesscale.models.model import Model
from bayesscale.models.priors import Priors
from bayesscale.particles import chain, clouds, state

BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "few draws": ({"draws": 99}, "draws must be at least 100"),
    "one chain": ({"chains": 1}, "chains must be at least 2"),
    "no core": ({"cores": 0}, "cores must be at least 1"),
    "negative seed": ({"seed": -1}, "seed must be between 0 and 2**32 - 1"),
    "large seed": ({"seed": 2**32}, "seed must be between 0 and 2**32 - 1"),
    "no length": ({"longest": 0}, "longest must be at least 1"),
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
    Sampler(draws=100, chains=2, cores=1, seed=0, longest=1)
    Sampler(seed=2**32 - 1, cores=None)


class _Chain:
    """Stands for a chain: remembers what it was made of and asked for."""

    made: list[_Chain]

    def __init__(self, data: Any, seed: tuple[int, ...]) -> None:
        self.seed, self.warmed = seed, 0
        self.begun: list[_Clouds] = []
        _Chain.made.append(self)

    def learn(self, clouds: _Clouds, sweeps: int) -> list[int]:
        self.adapt(clouds, sweeps)
        return [len(self.begun)]

    def adapt(self, clouds: _Clouds, sweeps: int) -> None:
        self.warmed += sweeps
        self.begun.append(clouds)


@dataclass
class _Clouds:
    """Stand for clouds: remember what they were made of."""

    proposal: Any
    particles: int


class _Record:
    """Stands for room of draws: remembers from which sweep each is."""

    def __init__(self, chains: int, draws: int) -> None:
        self.population: dict[str, Any] = {}
        self.local: dict[str, Any] = {}
        self.swept, self.draws = [0] * chains, draws
        self.kept: list[list[int]] = [[] for _ in range(chains)]

    @classmethod
    def of(cls, data: Any, chains: int, draws: int) -> _Record:
        return cls(chains, draws)

    def halve(self) -> None:
        self.kept = [own[1::2] for own in self.kept]

    def evenly(self, filled: int, draws: int) -> _Record:
        assert {len(own) for own in self.kept} == {filled}
        self.population.update(kept=self.kept)
        return self

    def fill(self, place: int, chain: _Chain, thin: int, begin: int, end: int) -> None:
        assert chain is _Chain.made[place]
        assert begin == len(self.kept[place])
        assert end <= self.draws
        start = self.swept[place]
        self.kept[place] += [start + thin * (i + 1) for i in range(end - begin)]
        self.swept[place] = self.kept[place][-1]


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Sampled, list[float], list[str]]]:
    """Return a function that samples with chains that draw nothing, and what each round asks for."""
    _Chain.made = []
    monkeypatch.setattr(chain, "Chain", _Chain)
    monkeypatch.setattr(chain, "Record", _Record)
    monkeypatch.setattr(chain, "widened", tuple)
    monkeypatch.setattr(state, "wide_prior", lambda data: "wide")
    monkeypatch.setattr(clouds, "make_clouds", lambda data, proposal, many, *_: _Clouds(proposal, many))
    # What the suite guards is sampling; nothing is sampled here.
    sample = inspect.unwrap(sampler.sample)

    def run(settings: Sampler, *asked: float, pairs: int = 10) -> tuple[Sampled, list[float], list[str]]:
        left, thins, said = iter(asked), list[float](), list[str]()

        def needed(sampled: Sampled) -> float:
            thins.append(sampled.thin)
            return next(left)

        data: Any = SimpleNamespace(count=np.ones(pairs, dtype=np.int64))
        return sample(data, settings, said.append, needed), thins, said

    return run


Rounds = Callable[..., tuple[Sampled, list[float], list[str]]]


def test_a_round_that_will_do_is_the_last(rounds: Rounds) -> None:
    sampled, thins, said = rounds(Sampler(draws=500, chains=3, seed=8), 1.0)
    assert thins == [1]
    assert sampled.sweeps == _Chain.made[0].warmed + 500
    assert [each.seed for each in _Chain.made] == [(8, 0), (8, 1), (8, 2)]
    assert set(sampled.seconds) == {"compile", "particles", "sample"}
    assert said[-1] == "sampling: 500 sweeps of 3 chains"


def test_what_chains_have_seen_together_is_the_next_proposal(rounds: Rounds) -> None:
    rounds(Sampler(chains=3), 1.0)
    for own in _Chain.made:
        assert [each.proposal for each in own.begun] == ["wide", (1, 1, 1), (2, 2, 2)]


def test_chains_share_what_they_learn_from_and_begin_in_turn_with_one_of_two_sets(rounds: Rounds) -> None:
    rounds(Sampler(chains=4), 1.0)
    for lesson in range(2):
        assert len({id(own.begun[lesson]) for own in _Chain.made}) == 1
    first, second, third, fourth = (own.begun[2] for own in _Chain.made)
    assert first is third
    assert second is fourth
    assert first is not second


@pytest.mark.parametrize(("pairs", "particles"), [(10, 640), (960, 250), (5000, 100)])
def test_all_clouds_of_a_large_table_have_a_limit(rounds: Rounds, pairs: int, particles: int) -> None:
    rounds(Sampler(), 1.0, pairs=pairs)
    assert [each.particles for each in _Chain.made[0].begun] == [100, 100, particles]


def test_chains_become_as_long_as_is_asked_within_limits(rounds: Rounds) -> None:
    # At least a quarter longer, at most twice as long; never beyond the longest. Nothing begins anew.
    sampled, thins, _ = rounds(Sampler(draws=100, longest=100), 1.01, 1.5, math.inf, 0.9)
    assert thins == pytest.approx([1.0, 1.25, 2.25, 4.5], rel=0.02)
    assert sampled.sweeps == _Chain.made[0].warmed + round(100 * thins[-1])
    for kept in sampled.population["kept"]:
        assert 100 <= len(kept) <= 200
        steps = np.diff(kept)
        assert (steps == 4).sum() >= len(steps) - 3  # an odd number of draws cannot be halved evenly
        assert 4 <= steps.max() <= 6


def test_the_longest_chains_are_the_last_even_if_they_will_not_do(rounds: Rounds) -> None:
    sampled, thins, _ = rounds(Sampler(draws=100, longest=10), *[math.inf] * 5)
    assert thins == [1, 2, 4, 8, 10]
    assert sampled.thin == 10


def test_draws_that_are_thinned_out_are_kept_at_equal_distances() -> None:
    population, local = {"sd": np.arange(20.0).reshape(2, 10)}, {"x": np.arange(40.0).reshape(2, 10, 2)}
    record = chain.Record(population, local)
    chosen = record.evenly(8, 3)
    np.testing.assert_array_equal(chosen.population["sd"], [[1, 4, 7], [11, 14, 17]])
    np.testing.assert_array_equal(chosen.local["x"][1, :, 0], [22, 28, 34])
    record.halve()
    np.testing.assert_array_equal(population["sd"][:, :5], [[1, 3, 5, 7, 9], [11, 13, 15, 17, 19]])
    np.testing.assert_array_equal(local["x"][1, :5, 0], [22, 26, 30, 34, 38])


def test_a_group_is_a_dataset_on_both_stacks() -> None:
    data = xr.Dataset({"x": ("a", [1.0])})
    assert as_dataset(data) is data
    xr.testing.assert_identical(as_dataset(xr.DataTree.from_dict({"g": data})["g"]), data)


def test_the_record_says_what_made_a_fit() -> None:
    own, model = Sampler(seed=4), Model(laws=("log-law",), breaks="all")
    found = record(own, model, "log", "bayesscale fit a.csv -o b.nc", {"compile": 1.23456})
    assert found["seed"] == 4
    settings = {"laws": ["log-law"], "breaks": "all", "discrepancy": True, "sharp": True}
    assert found["settings"] == {
        "sampler": asdict(own), "priors": Priors().model_dump(), "model": settings, "law": "log",
    }  # fmt: skip
    assert (found["command"], found["timings"]) == ("bayesscale fit a.csv -o b.nc", {"compile": 1.235})
    assert {"python", "numba", "arviz", "numpy"} <= set(found["versions"])
    assert "nutpie" not in found["versions"]
    assert found["created"].endswith("+00:00")
