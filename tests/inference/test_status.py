"""Diagnostics and the status made of them: nothing that failed may pass as converged."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

from bayesscale.inference.status import MAX_RHAT, MIN_BFMI, MIN_ESS, Diagnostics, Status, diagnose, judge

FloatArray = NDArray[np.float64]
GOOD = Diagnostics(
    rhat=1.002,
    rhat_of="mean",
    ess_bulk=900.0,
    ess_bulk_of="slope",
    ess_tail=800.0,
    ess_tail_of="noise_sd",
    divergences=0,
    bfmi=0.9,
    deepest=0,
    steps=31.0,
    draws=6000,
)
# One diagnostic after the other, past its limit: the sentence, and what to do.
FAILURES = {
    "rhat": (1.034, "R-hat 1.034 of mean (at most 1.01)", "raise --tune and --draws"),
    "ess_bulk": (120.4, "bulk ESS 120 of slope (at least 400)", "raise --draws"),
    "ess_tail": (399.0, "tail ESS 399 of noise_sd (at least 400)", "raise --draws"),
    "divergences": (3, "3 divergent transitions of 6,000 draws (0 allowed)", "--target-accept to 0.995"),
    "bfmi": (0.12, "E-BFMI 0.12 (at least 0.3)", "tighten the priors of the spreads"),
    "deepest": (61, "61 draws at the largest tree depth (at most 1%)", "raise --tune, or --max-depth"),
}
AT_THE_LIMIT = {
    "rhat": MAX_RHAT,
    "ess_bulk": float(MIN_ESS),
    "ess_tail": float(MIN_ESS),
    "bfmi": MIN_BFMI,
    "deepest": 60,
}


def test_no_failure_is_converged() -> None:
    assert judge(GOOD) == Status()
    assert str(judge(GOOD)) == "converged"


@pytest.mark.parametrize(("name", "expected"), FAILURES.items())
def test_each_diagnostic_alone_says_what_failed_and_what_to_do(
    name: str, expected: tuple[float, str, str]
) -> None:
    value, sentence, remedy = expected
    status = judge(replace(GOOD, **{name: value}))  # type: ignore[arg-type]
    assert (status.ok, status.label, status.problems) == (False, "not converged", (sentence,))
    assert remedy in status.remedy
    assert str(status) == f"not converged: {sentence}. {status.remedy}"


@pytest.mark.parametrize("name", AT_THE_LIMIT)
def test_a_value_at_its_limit_passes(name: str) -> None:
    assert judge(replace(GOOD, **{name: AT_THE_LIMIT[name]})).ok  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["rhat", "ess_bulk", "ess_tail", "bfmi"])
def test_nan_does_not_pass_as_converged(name: str) -> None:
    status = judge(replace(GOOD, **{name: math.nan}))  # type: ignore[arg-type]
    assert len(status.problems) == 1
    assert "nan" in status.problems[0]


def test_a_sampler_without_energies_is_judged_by_the_rest() -> None:
    assert judge(replace(GOOD, bfmi=None)).ok


def test_several_failures_are_all_named_and_no_remedy_is_repeated() -> None:
    status = judge(replace(GOOD, ess_bulk=10.0, ess_tail=20.0, divergences=1))
    assert len(status.problems) == 3
    assert status.remedy.count("raise --draws") == 1
    longer = judge(replace(GOOD, rhat=1.2, ess_bulk=10.0))
    assert longer.remedy.startswith("Remedy: raise --tune and --draws; if that")


def _posterior(**variables: FloatArray) -> xr.Dataset:
    """Return a posterior of variables with shape (chain, draw, ...)."""
    return xr.Dataset(
        {
            name: (("chain", "draw", *(f"{name}_{i}" for i in range(v.ndim - 2))), v)
            for name, v in variables.items()
        }
    )


def _stats(energy: Any = None) -> xr.Dataset:
    """Return sampler statistics without a fault, 2 chains of 1,000 draws."""
    shape = (2, 1000)
    stats: dict[str, Any] = {
        "diverging": np.zeros(shape, bool),
        "tree_depth": np.full(shape, 4),
        "n_steps": np.full(shape, 15),
    }
    stats |= {} if energy is None else {"energy": energy}
    return xr.Dataset({name: (("chain", "draw"), value) for name, value in stats.items()})


@pytest.fixture
def good() -> FloatArray:
    """Return independent draws of five parameters."""
    return np.random.default_rng(0).normal(size=(2, 1000, 5))


def test_independent_draws_pass(good: FloatArray) -> None:
    found = diagnose(_posterior(x=good), _stats(good[..., 0]), max_depth=10)
    assert judge(found).ok
    assert found.rhat == pytest.approx(1.0, abs=0.01)
    assert 1500 < found.ess_bulk < 3000
    assert found.bfmi == pytest.approx(2.0, abs=0.2)  # independent energies
    assert (found.divergences, found.deepest, found.steps, found.draws) == (0, 0, 15.0, 2000)


def test_the_worst_element_of_all_variables_is_named(good: FloatArray) -> None:
    shifted = good.copy()
    shifted[1, :, 3] += 2.0
    found = diagnose(_posterior(fine=good, bad=shifted), _stats(), max_depth=10)
    assert (found.rhat_of, found.ess_bulk_of, found.ess_tail_of) == ("bad", "bad", "bad")
    assert found.rhat > 1.2
    assert found.ess_bulk < 20


def test_one_draw_that_is_no_number_fails(good: FloatArray) -> None:
    broken = good.copy()
    broken[0, 10, 2] = np.nan
    status = judge(diagnose(_posterior(fine=good, broken=broken), _stats(), max_depth=10))
    assert not status.ok
    assert "broken" in status.problems[0]


def test_chains_that_are_stuck_at_different_places_fail(good: FloatArray) -> None:
    stuck = np.broadcast_to(good[:, :1], good.shape)
    assert not judge(diagnose(_posterior(x=stuck), _stats(), max_depth=10)).ok


def test_a_constant_has_no_say(good: FloatArray) -> None:
    correlation = np.zeros((2, 1000, 2, 2))
    correlation[:] = np.eye(2)
    correlation[..., 0, 1] = correlation[..., 1, 0] = np.tanh(good[..., 0])
    found = diagnose(_posterior(fine=good, correlation=correlation), _stats(), max_depth=10)
    assert judge(found).ok
    assert found == diagnose(_posterior(fine=good, correlation=np.tanh(good[..., 0])), _stats(), max_depth=10)


def test_draws_that_never_move_fail() -> None:
    found = diagnose(_posterior(x=np.ones((2, 1000))), _stats(np.ones((2, 1000))), max_depth=10)
    assert math.isnan(found.rhat)
    assert len(judge(found).problems) == 4  # R-hat, both effective sample sizes and the energies


def test_the_sampler_s_own_complaints_are_counted(good: FloatArray) -> None:
    stats = _stats(np.cumsum(good[..., 0], axis=1))  # energies that creep
    stats["diverging"][1, :7] = True
    stats["tree_depth"][0, :30] = 10
    found = diagnose(_posterior(x=good), stats, max_depth=10)
    assert (found.divergences, found.deepest) == (7, 30)
    assert found.bfmi is not None
    assert found.bfmi < 0.1
    assert len(judge(found).problems) == 3
