"""The model as a value: which laws are chosen by which options, and what is refused."""

from __future__ import annotations

import pytest

from bayesscale.errors import UsageError
from bayesscale.models.model import SCORE_LAWS, Model, chosen_model
from bayesscale.models.priors import Priors

LOG, SATURATING, RISING = "log-law", "saturating-law", "rising-power-law"


@pytest.mark.parametrize(
    ("option", "laws"),
    [
        ("all", (LOG, SATURATING, RISING)),
        ("log", (LOG,)),
        ("rising, log", (LOG, RISING)),
        ("saturating,saturating", (SATURATING,)),
    ],
)
def test_laws_are_chosen_by_their_options(option: str, laws: tuple[str, ...]) -> None:
    priors = Priors(correlation=2.0)
    assert chosen_model(option, "all", False, priors) == Model(priors, laws, "all", discrepancy=False)


def test_every_law_of_scores_is_fitted_unless_told_otherwise() -> None:
    assert Model().laws == SCORE_LAWS == (LOG, SATURATING, RISING)


def test_the_paper_s_laws_are_exactly_the_paper_s() -> None:
    expected = Model(Priors(), (LOG,), "none", discrepancy=False, sharp=False)
    assert chosen_model("paper", "scores", True, Priors()) == expected


@pytest.mark.parametrize("option", ["sturating", "log,paper", "log,all", "power", "", "log,"])
def test_choices_that_cannot_be_used(option: str) -> None:
    with pytest.raises(UsageError, match="a law of scores is unknown; received"):
        chosen_model(option, "scores", True, Priors())


def test_a_model_refuses_what_it_does_not_know() -> None:
    with pytest.raises(UsageError, match="the law of scores is unknown; received 'power-law'"):
        Model(laws=("power-law",))
    with pytest.raises(UsageError, match="scores need a law; received none"):
        Model(laws=())
    with pytest.raises(UsageError, match="breaks is unknown; received 'some'"):
        Model(breaks="some")
