"""The diagnostics of two laws in one: the worst of each, and which law it belongs to."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bayesscale.inference.status import Diagnostics, judge, judge_laws, worst
from bayesscale.models.laws import LOG, SATURATING, Followed

FINE = Diagnostics(1.002, "mean", 900.0, "curve_sd", 800.0, "noise_sd", 0, 0.8, 0, 31.0, 4000)
LAWS = {LOG: Followed(LOG), SATURATING: Followed(SATURATING)}


def test_one_law_keeps_its_diagnostics() -> None:
    assert worst({"log-law": FINE}) is FINE


def test_each_diagnostic_is_that_of_the_law_that_did_worse() -> None:
    other = replace(
        FINE, rhat=1.2, rhat_of="sharpness", ess_tail=90.0, divergences=3, bfmi=None, deepest=2, steps=63.0
    )
    found = worst({"log-law": FINE, "saturating-law": other})
    assert (found.rhat, found.rhat_of) == (1.2, "sharpness of the saturating-law")
    assert (found.ess_bulk, found.ess_bulk_of) == (900.0, "curve_sd of the log-law")
    assert (found.ess_tail, found.ess_tail_of) == (90.0, "noise_sd of the saturating-law")
    assert (found.divergences, found.bfmi, found.deepest, found.draws) == (3, 0.8, 2, 8000)
    assert found.steps == pytest.approx(47.0)
    assert not judge(found).ok


def test_an_r_hat_that_is_no_number_is_the_worst() -> None:
    broken = replace(FINE, rhat=math.nan, rhat_of="mean")
    for laws in ({"log-law": broken, "saturating-law": FINE}, {"log-law": FINE, "saturating-law": broken}):
        assert math.isnan(worst(laws).rhat)


def test_a_law_that_passed_by_itself_is_named_with_the_option_that_uses_it() -> None:
    broken = replace(FINE, rhat=1.4)
    status = judge_laws({LOG: broken, SATURATING: FINE}, LAWS)
    assert status.problems == ("R-hat 1.400 of mean of the log-law (at most 1.01)",)
    assert status.remedy.endswith(
        "The saturating-law passed by itself: --law saturating fits and uses it alone. "
        "--law saturating,rising has two laws that level off."
    )
    other = judge_laws({LOG: FINE, SATURATING: broken}, LAWS).remedy
    assert "--law log " in other
    assert "rising" not in other


@pytest.mark.parametrize("laws", [("log-law",), ("log-law", "saturating-law")])
def test_no_other_law_is_named_where_all_passed_or_none(laws: tuple[str, ...]) -> None:
    assert judge_laws(dict.fromkeys(laws, FINE), LAWS).remedy == ""
    assert "by itself" not in judge_laws(dict.fromkeys(laws, replace(FINE, rhat=1.4)), LAWS).remedy
