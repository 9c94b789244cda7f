"""Sampling is repeated with the remedies that the diagnostics ask for, and not more often than it may."""

from __future__ import annotations

from dataclasses import asdict, replace
from types import SimpleNamespace
from typing import Any

import pytest

from bayesscale.inference import Sampler, attempts
from bayesscale.inference.attempts import Sampled, bounded, promising, remedied, sample_models
from bayesscale.inference.sampler import Draws
from bayesscale.inference.status import Diagnostics
from tests.inference.test_status import FAILURES, GOOD

DIVERGENT = replace(GOOD, divergences=3)
UNMIXED = replace(GOOD, rhat=1.03)
FIRST = Sampler(draws=500, tune=200, target_accept=0.95, seed=5, retries=1)


@pytest.mark.parametrize(
    ("found", "draws", "tune", "target"),
    [
        (DIVERGENT, 500, 200, 0.99),
        (UNMIXED, 1000, 400, 0.95),
        (replace(GOOD, ess_tail=250.0), 1500, 400, 0.95),
        (replace(GOOD, ess_bulk=110.0), 2000, 400, 0.95),
        (replace(GOOD, ess_bulk=40.0), 1000, 400, 0.95),
        (replace(GOOD, ess_tail=float("nan")), 1000, 400, 0.95),
        (replace(GOOD, rhat=float("nan")), 1000, 400, 0.95),
        (replace(UNMIXED, divergences=1), 1000, 400, 0.99),
    ],
)
def test_what_failed_decides_what_is_changed(
    found: Diagnostics, draws: int, tune: int, target: float
) -> None:
    changed = remedied(FIRST, found)
    assert changed == replace(FIRST, draws=draws, tune=tune, target_accept=target)


@pytest.mark.parametrize("name", FAILURES)
def test_no_failure_is_met_with_the_same_settings(name: str) -> None:
    found = replace(GOOD, **{name: FAILURES[name][0]})  # type: ignore[arg-type]
    assert remedied(FIRST, found) != FIRST


def test_steps_become_smaller_each_time_within_the_sampler_s_range() -> None:
    sampler, targets = FIRST, []
    for _ in range(5):
        sampler = remedied(sampler, DIVERGENT)
        targets.append(sampler.target_accept)
    assert targets == pytest.approx([0.99, 0.995, 0.9975, 0.99875, 0.999])


class _Calls:
    """Samplers that were asked for, with diagnostics that are told beforehand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *found: Diagnostics) -> None:
        self.samplers: list[Sampler] = []
        self.said: list[str] = []
        left = iter(found)
        monkeypatch.setattr(attempts, "_sample_all", self.sample)
        monkeypatch.setattr(attempts, "diagnosed", lambda draws, sampler: next(left))

    def sample(self, models: Any, curves: Any, sampler: Sampler, *rest: Any) -> list[Draws]:
        kept = rest[-1]
        self.samplers.append(sampler)
        seconds = {"compile": 8.0, "sample": 2.0} if len(self.samplers) == 1 else {"sample": 3.0}
        fresh: Any = Draws(len(self.samplers), None, seconds)  # type: ignore[arg-type]
        return [kept.get(model.label, fresh) for model in models]

    def run(self, sampler: Sampler, *laws: str) -> Sampled:
        models: Any = [SimpleNamespace(label=law) for law in laws]
        return sample_models(models, None, sampler, False, self.said.append)  # type: ignore[arg-type]


def test_what_converged_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = _Calls(monkeypatch, GOOD)
    found = calls.run(FIRST, "log-law")
    assert calls.samplers == [FIRST]
    assert calls.said == []
    assert found.attempts == [{"sampler": asdict(FIRST), "laws": ["log-law"], "problems": []}]


FEW = replace(GOOD, divergences=1, draws=4000)


def test_a_law_that_converged_keeps_its_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = _Calls(monkeypatch, GOOD, FEW, GOOD, FEW, GOOD, GOOD)
    found = calls.run(replace(FIRST, retries=2), "log-law", "saturating-law")
    assert [draws.posterior for draws in found.draws] == [1, 3]
    assert [draws.seconds["sample"] for draws in found.draws] == [2.0, 8.0]
    assert [attempt["laws"] for attempt in found.attempts] == [
        ["log-law", "saturating-law"],
        ["saturating-law"],
        ["saturating-law"],
    ]
    assert "once more the saturating-law with 200 + 500 draws" in calls.said[0]


def test_a_law_that_failed_later_is_repeated_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = _Calls(monkeypatch, FEW, FEW, GOOD, FEW, GOOD, GOOD)
    found = calls.run(replace(FIRST, retries=2), "log-law", "saturating-law")
    assert [draws.posterior for draws in found.draws] == [2, 3]


def test_all_laws_are_repeated_where_one_needs_more_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = _Calls(monkeypatch, GOOD, UNMIXED, GOOD, GOOD)
    found = calls.run(FIRST, "log-law", "saturating-law")
    second = replace(FIRST, draws=1000, tune=400)
    assert calls.samplers == [FIRST, second]
    assert [draws.posterior for draws in found.draws] == [2, 2]  # of the second attempt
    assert found.diagnostics == [GOOD, GOOD]
    assert found.draws[0].seconds == {"compile": 8.0, "sample": 5.0}
    problem = "R-hat 1.030 of mean of the saturating-law (at most 1.01)"
    assert [attempt["problems"] for attempt in found.attempts] == [[problem], []]
    assert calls.said == [
        f"not converged: {problem}; once more with 400 + 1000 draws a chain and a target acceptance of 0.95"
    ]


NEARLY = replace(GOOD, rhat=1.015)


@pytest.mark.parametrize(
    ("found", "more"),
    [
        (NEARLY, True),  # twice the draws halve what is left
        (replace(GOOD, rhat=1.021), False),
        (replace(GOOD, ess_bulk=250.0), True),
        (replace(GOOD, ess_bulk=90.0), False),
        (replace(GOOD, rhat=1.4), False),  # chains in different modes
        (replace(GOOD, rhat=float("nan")), False),
        (replace(GOOD, divergences=4, draws=4000), True),
        (replace(GOOD, divergences=5, draws=4000), False),
    ],
)
def test_a_third_attempt_is_made_only_where_it_is_likely_to_pass(found: Diagnostics, more: bool) -> None:
    assert promising(replace(FIRST, draws=1000), found, FIRST) is more


def test_draws_are_at_most_four_times_those_of_the_first_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bounded(replace(FIRST, draws=2400), FIRST).draws == 2000
    calls = _Calls(monkeypatch, NEARLY, NEARLY, NEARLY, NEARLY)
    calls.run(replace(FIRST, retries=5), "log-law")
    # Four times the first are reached, and as many once more would not be more likely to pass.
    assert [sampler.draws for sampler in calls.samplers] == [500, 1000, 2000]


def test_what_no_draws_can_cure_is_repeated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = _Calls(monkeypatch, *[replace(GOOD, rhat=1.4)] * 9)
    calls.run(replace(FIRST, retries=5), "log-law")
    assert len(calls.samplers) == 2


@pytest.mark.parametrize("retries", [0, 2])
def test_it_is_not_repeated_more_often_than_it_may(monkeypatch: pytest.MonkeyPatch, retries: int) -> None:
    calls = _Calls(monkeypatch, *[DIVERGENT] * 9)
    found = calls.run(replace(FIRST, retries=retries), "log-law")
    assert len(calls.samplers) == len(found.attempts) == 1 + retries
    assert found.diagnostics == [DIVERGENT]
    assert all(attempt["problems"] for attempt in found.attempts)
