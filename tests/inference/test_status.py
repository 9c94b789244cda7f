"""Diagnostics and the status made of them: nothing that failed may pass as converged."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

from bayesscale.inference.status import (
    MAX_CURVE_RHAT,
    MAX_RHAT,
    MIN_CURVE_ESS,
    MIN_ESS,
    Diagnostics,
    Status,
    Worst,
    diagnose,
    judge,
)

FloatArray = NDArray[np.float64]
POPULATION = Worst(1.002, "mean[bleu.level]", 900.0, "slope", 800.0, "noise_mean")
CURVES = Worst(1.01, "gain[bleu of a]", 300.0, "level[bleu of b]", 300.0, "level[bleu of b]")
GOOD = Diagnostics(POPULATION, CURVES, (), 4000, 2500)
# One diagnostic after the other, past its limit, and the sentence.
FAILURES = {
    "rhat": (1.034, "R-hat 1.034 of mean[bleu.level] (at most 1.01)"),
    "ess": (120.4, "bulk ESS 120 of slope (at least 400)"),
    "tail": (399.0, "tail ESS 399 of noise_mean (at least 400)"),
}


def changed(name: str, value: float) -> Diagnostics:
    """Return good diagnostics with one that is not."""
    return replace(GOOD, population=replace(POPULATION, **{name: value}))  # type: ignore[arg-type]


def test_rough_draws_have_the_limits_of_curves() -> None:
    rough = replace(GOOD, population=replace(GOOD.population, rhat=1.04, ess=150.0, tail=120.0), rough=True)
    assert judge(rough, 40).ok
    assert rough.missing <= 1.0
    assert not judge(replace(rough, rough=False), 40).ok
    assert "at least 100" in str(judge(replace(rough, population=replace(rough.population, ess=99.0)), 40))


def test_no_failure_is_converged() -> None:
    assert judge(GOOD, 40) == Status()
    assert str(judge(GOOD, 40)) == "converged"
    assert GOOD.missing <= 1.0


@pytest.mark.parametrize(("name", "expected"), FAILURES.items())
def test_each_diagnostic_alone_says_what_failed_and_what_to_do(
    name: str, expected: tuple[float, str]
) -> None:
    value, sentence = expected
    status = judge(changed(name, value), 40)
    assert (status.ok, status.label, status.problems) == (False, "not converged", (sentence,))
    assert status.remedy.startswith("Remedy: --longest 160; ")
    assert "look for values that no law fits" in status.remedy
    assert str(status) == f"not converged: {sentence}. {status.remedy}"


@pytest.mark.parametrize(("name", "value"), [("rhat", MAX_RHAT), ("ess", MIN_ESS), ("tail", MIN_ESS)])
def test_a_value_at_its_limit_passes(name: str, value: float) -> None:
    found = changed(name, float(value))
    assert judge(found, 40).ok
    assert found.missing == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["rhat", "ess", "tail"])
def test_nan_does_not_pass_as_converged(name: str) -> None:
    found = changed(name, math.nan)
    status = judge(found, 40)
    assert len(status.problems) == 1
    assert "nan" in status.problems[0]
    assert found.missing == math.inf


def test_curves_on_which_chains_disagree_are_named_the_worst_first() -> None:
    status = judge(replace(GOOD, bad_curves=("bleu of a", "bleu of b")), 40)
    assert status.problems == ("chains disagree about bleu of a; bleu of b",)
    assert "look at the values of these curves" in status.remedy
    many = judge(replace(GOOD, bad_curves=tuple("abcde")), 40)
    assert many.problems == ("chains disagree about a; b; c and 2 more",)


def test_several_failures_are_all_named() -> None:
    found = replace(changed("rhat", 1.5), bad_curves=("bleu of a",))
    assert len(judge(found, 40).problems) == 2


@pytest.mark.parametrize(
    ("found", "factor"),
    [
        (changed("ess", 100.0), 4.0),
        (changed("tail", 200.0), 2.0),
        (changed("rhat", 1.03), 3.0),
        (replace(GOOD, curves=replace(CURVES, ess=25.0)), 4.0),
        (replace(GOOD, curves=replace(CURVES, rhat=1.10)), 2.0),
        (replace(GOOD, curves=replace(CURVES, rhat=math.nan)), math.inf),
    ],
)
def test_how_much_longer_a_round_has_to_be(found: Diagnostics, factor: float) -> None:
    assert found.missing == pytest.approx(factor)


def test_the_document_is_plain_values() -> None:
    found = GOOD.document()
    assert json.loads(json.dumps(found)) == found
    assert (found["rhat"], found["ess_bulk_of"], found["curve_rhat_of"]) == (
        1.002,
        "slope",
        "gain[bleu of a]",
    )
    assert (found["draws"], found["sweeps"], found["bad_curves"]) == (4000, 2500, [])


def posterior(**variables: Any) -> xr.Dataset:
    """Return draws, chains and draws first."""
    return xr.Dataset(
        {
            name: (("chain", "draw", *(f"{name} {i}" for i in range(np.ndim(values) - 2))), values)
            for name, values in variables.items()
        }
    )


def pairs(**variables: Any) -> xr.Dataset:
    """Return draws of curves, (chain, draw, pair)."""
    count = next(iter(variables.values())).shape[-1]
    labels = [f"bleu of {i}" for i in range(count)]
    return xr.Dataset(
        {n: (("chain", "draw", "pair"), v) for n, v in variables.items()}, coords={"pair": labels}
    )


@pytest.fixture
def good() -> FloatArray:
    """Return independent draws of five parameters."""
    return np.random.default_rng(0).normal(size=(2, 1000, 5))


def test_independent_draws_pass(good: FloatArray) -> None:
    found = diagnose(posterior(x=good), pairs(level=good), 700)
    assert judge(found, 40).ok
    assert found.population.rhat == pytest.approx(1.0, abs=0.01)
    assert 1500 < found.population.ess < 3000
    assert (found.draws, found.sweeps) == (2000, 700)
    assert found.missing < 1


def test_the_worst_element_of_all_variables_is_named_with_its_labels(good: FloatArray) -> None:
    shifted = good.copy()
    shifted[1, :, 3] += 2.0
    draws = xr.Dataset(
        {"fine": (("chain", "draw", "k"), good), "bad": (("chain", "draw", "effect"), shifted)},
        coords={"effect": list("vwxyz")},
    )
    found = diagnose(draws, pairs(level=good), 700)
    own = found.population
    assert {own.rhat_of, own.ess_of, own.tail_of} >= {"bad[y]"}
    assert own.rhat_of == own.ess_of == "bad[y]"
    assert own.rhat > 1.2
    assert own.ess < 20
    assert not found.bad_curves


def test_one_draw_that_is_no_number_fails(good: FloatArray) -> None:
    broken = good.copy()
    broken[0, 10, 2] = np.nan
    found = diagnose(posterior(fine=good, broken=broken), pairs(level=good), 700)
    assert found.missing == math.inf
    assert all("broken[2]" in problem for problem in judge(found, 40).problems)
    assert not judge(diagnose(posterior(fine=good), pairs(level=broken), 700), 40).ok


def test_chains_that_are_stuck_at_different_places_fail(good: FloatArray) -> None:
    stuck = np.broadcast_to(good[:, :1], good.shape)
    assert not judge(diagnose(posterior(x=stuck), pairs(level=good), 700), 40).ok
    found = diagnose(posterior(x=good), pairs(level=stuck), 700)
    assert set(found.bad_curves) == {f"bleu of {i}" for i in range(5)}


def test_a_constant_has_no_say(good: FloatArray) -> None:
    correlation = np.zeros((2, 1000, 2, 2))
    correlation[:] = np.eye(2)
    correlation[..., 0, 1] = correlation[..., 1, 0] = np.tanh(good[..., 0])
    law = np.zeros((2, 1000, 5))
    found = diagnose(posterior(fine=good, correlation=correlation), pairs(level=good, law=law), 700)
    assert judge(found, 40).ok
    nothing = diagnose(posterior(fine=law), pairs(law=law), 700)
    assert judge(nothing, 40).ok
    assert nothing.population.rhat_of.startswith("fine")


def test_curves_have_limits_of_their_own(good: FloatArray) -> None:
    between = good.copy()
    between[1, :, 1] += 0.35
    between[1, :, 4] += 3.0
    found = diagnose(posterior(x=good), pairs(level=good, gain=between), 700)
    assert found.curves.rhat_of == "gain[bleu of 4]"
    assert found.bad_curves[0] == "bleu of 4"
    assert "bleu of 0" not in found.bad_curves
    assert MAX_RHAT < MAX_CURVE_RHAT
    assert MIN_CURVE_ESS < MIN_ESS
