"""Rates: warmup, decay, the paper's rule and cooldown branches."""

from __future__ import annotations

import pytest

from bayesscale.harness.optim.schedule import Branch, Schedule, branch_of


def test_inverse_sqrt_rises_to_its_rate_and_falls_with_the_root() -> None:
    schedule = Schedule(0.02, warmup=100)
    assert schedule(49) == pytest.approx(0.01)
    assert schedule(99) == pytest.approx(0.02)
    assert schedule(399) == pytest.approx(0.01)


def test_the_rule_of_the_paper() -> None:
    schedule = Schedule(0.5, warmup=10_000, raw=True)
    assert schedule(0) == schedule(9_999) == pytest.approx(0.005)
    assert schedule(999_999) == pytest.approx(0.0005)


def test_a_branch_falls_from_the_trunk_to_nearly_nothing() -> None:
    schedule, branch = Schedule(0.01, kind="constant", warmup=10), Branch(80, 100)
    rates = [schedule(step, branch) for step in range(80, 100)]
    assert rates == sorted(rates, reverse=True)
    assert 0.7 * 0.01 < rates[0] < 0.01
    assert 0 < rates[-1] < 0.03 * 0.01
    assert schedule(500) == 0.01


def test_branches_are_a_share_of_the_steps_of_their_checkpoint() -> None:
    assert branch_of(100, 0.2) == Branch(80, 100)
    assert branch_of(100, 0.0) is None
    assert branch_of(2, 0.1) is None
