"""Settings of the sampler, and rounds that go on until chains agree."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import asdict
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
from bayesscale.particles import chain

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
        self.proposals: list[Any] = []
        _Chain.made.append(self)

    def learn(self, sweeps: int, proposal: Any) -> list[int]:
        self.warmed += sweeps
        self.proposals.append(proposal)
        return [len(self.proposals)]

    def adapt(self, proposal: Any, sweeps: int) -> None:
        self.warmed += sweeps
        self.proposals.append(proposal)


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

    def thin_out(self, every: int) -> int:
        self.kept = [own[every - 1 :: every] for own in self.kept]
        return len(self.kept[0])

    def fill(self, place: int, chain: _Chain, thin: int, begin: int) -> None:
        assert chain is _Chain.made[place]
        assert begin == len(self.kept[place])
        start = self.kept[place][-1] if begin else 0
        self.kept[place] += [start + thin * (i + 1) for i in range(self.draws - begin)]
        self.population.update(thin=thin, kept=self.kept)


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Sampled, list[int], list[str]]]:
    """Return a function that samples with chains that draw nothing, and what each round asks for."""
    _Chain.made = []
    monkeypatch.setattr(chain, "Chain", _Chain)
    monkeypatch.setattr(chain, "Record", _Record)
    monkeypatch.setattr(chain, "widened", tuple)
    # What the suite guards is sampling; nothing is sampled here.
    sample = inspect.unwrap(sampler.sample)

    def run(settings: Sampler, *asked: float, pairs: int = 10) -> tuple[Sampled, list[int], list[str]]:
        left, thins, said = iter(asked), list[int](), list[str]()

        def needed(sampled: Sampled) -> float:
            thins.append(sampled.thin)
            assert sampled.population["thin"] == sampled.thin
            return next(left)

        data: Any = SimpleNamespace(count=np.ones(pairs, dtype=np.int64))
        return sample(data, settings, said.append, needed), thins, said

    return run


Rounds = Callable[..., tuple[Sampled, list[int], list[str]]]


def test_a_round_that_will_do_is_the_last(rounds: Rounds) -> None:
    sampled, thins, said = rounds(Sampler(draws=500, chains=3, seed=8), 1.0)
    assert thins == [1]
    assert sampled.sweeps == _Chain.made[0].warmed + 500
    assert [each.seed for each in _Chain.made] == [(8, 0), (8, 1), (8, 2)]
    assert set(sampled.seconds) == {"compile", "particles", "sample"}
    assert said[-1] == "sampling 3 chains of 500 draws, 1 sweeps apart"


def test_what_chains_have_seen_together_is_the_next_proposal_of_each(rounds: Rounds) -> None:
    rounds(Sampler(chains=3), 1.0)
    assert [each.proposals for each in _Chain.made] == [[None, (1, 1, 1), (2, 2, 2)]] * 3


def test_chains_become_as_long_as_is_asked_within_limits(rounds: Rounds) -> None:
    # At least twice as long, at most four times; never beyond the longest. Nothing begins anew.
    sampled, thins, _ = rounds(Sampler(draws=100, longest=100), 1.2, 2.0, math.inf, 0.9)
    assert thins == [1, 2, 6, 24]
    assert sampled.sweeps == _Chain.made[0].warmed + 100 * 24
    for kept in sampled.population["kept"]:
        assert len(kept) == 100
        assert set(np.diff(kept)) == {24}


def test_the_longest_chains_are_the_last_even_if_they_will_not_do(rounds: Rounds) -> None:
    sampled, thins, _ = rounds(Sampler(draws=100, longest=10), math.inf, math.inf, math.inf)
    assert thins == [1, 4, 8]
    assert sampled.thin == 8


def test_draws_that_are_thinned_out_are_kept_at_equal_distances() -> None:
    population, local = {"sd": np.arange(20.0).reshape(2, 10)}, {"x": np.arange(40.0).reshape(2, 10, 2)}
    record = chain.Record(population, local)
    assert record.thin_out(3) == 3
    np.testing.assert_array_equal(population["sd"][:, :3], [[2, 5, 8], [12, 15, 18]])
    np.testing.assert_array_equal(local["x"][1, :3, 0], [24, 30, 36])


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
