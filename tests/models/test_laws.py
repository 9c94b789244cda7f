"""Which laws are fitted: choices of the command line, what is refused, and what laws are called."""

from __future__ import annotations

import numpy as np
import pytest

from bayesscale.errors import DataError, UsageError
from bayesscale.laws import LOG_LAW, SATURATING_LAW
from bayesscale.models.laws import (
    LOG,
    POWER,
    SATURATING,
    Followed,
    choices,
    chosen_laws,
    in_force,
    labels,
    options,
)
from bayesscale.models.priors import Priors
from bayesscale.models.usable import check_values
from tests.models.tables import curves_of, table

BLEU, LOSS = ("bleu",), ("cross_entropy",)
EXPONENTIAL, RISING = "exponential-link", "rising-power-law"


@pytest.mark.parametrize(
    ("law", "loss_law", "expected"),
    [
        ("stack", "power", [(LOG, POWER), (SATURATING, POWER)]),
        ("log", "power", [(LOG, POWER)]),
        ("paper", "power", [(LOG, POWER)]),
        ("exponential, rising", "m4", [(EXPONENTIAL, "m4"), (RISING, "m4")]),
        ("log", "power,shifted", [(LOG, POWER), (LOG, "shifted-power-law")]),
        ("stack", "m4,power", [(LOG, "m4"), (SATURATING, POWER)]),
    ],
)
def test_laws_are_fitted_in_pairs(law: str, loss_law: str, expected: list[tuple[str, str]]) -> None:
    assert chosen_laws(law, loss_law, BLEU, LOSS) == [Followed(*pair) for pair in expected]


def test_a_law_is_chosen_only_for_what_there_is() -> None:
    assert chosen_laws("stack", "power", (), LOSS) == [Followed(LOG, POWER)]
    assert chosen_laws("stack", "power,m4", (), LOSS) == [Followed(LOG, POWER), Followed(LOG, "m4")]
    assert chosen_laws("chance,log,rising", "power", BLEU, ())[0] == Followed("chance-logistic", POWER)


@pytest.mark.parametrize(
    ("law", "loss_law", "message"),
    [
        ("sturating", "power", r"the law is unknown; received 'sturating'; did you mean 'saturating'"),
        ("log,stack", "power", r"the law is unknown; received 'stack'"),
        ("log", "", r"the law is unknown; received ''"),
        ("log,log", "power", r"every law is fitted once; received 'log,log'"),
        ("log,rising,chance", "power,m4", r"received 3 of scores and 2 of losses"),
        ("paper", "m4", r"--law paper takes the losses' law from the paper too"),
    ],
)
def test_choices_that_cannot_be_used(law: str, loss_law: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        chosen_laws(law, loss_law, BLEU, LOSS)


@pytest.mark.parametrize(
    ("law", "loss_law", "scores", "losses", "message"),
    [
        (
            "m4",
            "power",
            BLEU,
            LOSS,
            r"m4 is a law of losses and cannot take the other direction; --loss-law m4",
        ),
        ("stack", "rising", BLEU, LOSS, r"rising is a law of scores .*; --law rising"),
        ("rising", "power", (), LOSS, r"only cross_entropy, of the other direction; --loss-law chooses"),
        ("stack", "m4", BLEU, (), r"only bleu, of the other direction; --law chooses their law"),
    ],
)
def test_laws_that_cannot_take_a_direction(
    law: str, loss_law: str, scores: tuple[str, ...], losses: tuple[str, ...], message: str
) -> None:
    with pytest.raises(DataError, match=message) as raised:
        chosen_laws(law, loss_law, scores, losses)
    assert raised.value.exit_code == 3


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([(LOG, POWER)], [LOG]),
        ([(LOG, POWER), (SATURATING, POWER)], [LOG, SATURATING]),
        ([(LOG, POWER), (LOG, "m4")], [POWER, "m4"]),
        ([(LOG, POWER), (SATURATING, "m4")], [f"{LOG} and {POWER}", f"{SATURATING} and m4"]),
    ],
)
def test_laws_are_called_by_what_tells_them_apart(pairs: list[tuple[str, str]], expected: list[str]) -> None:
    assert labels([Followed(*pair) for pair in pairs], True) == expected


def test_without_scores_the_losses_law_counts() -> None:
    assert labels([Followed(LOG, "m4")], False) == ["m4"]


@pytest.mark.parametrize("followed", [Followed(), Followed(EXPONENTIAL, "m4"), Followed(LOG, "smooth-break")])
def test_options_choose_the_same_laws_again(followed: Followed) -> None:
    again = choices(followed, True, True)
    assert chosen_laws(again["law"], again["loss_law"], BLEU, LOSS) == [followed]
    assert chosen_laws(**choices(followed, False, True), scores=(), losses=LOSS) == [
        Followed(LOG, followed.loss)
    ]
    words = dict(zip(*(options(followed).split()[i::2] for i in (0, 1)), strict=True))
    assert chosen_laws(words["--law"], words.get("--loss-law", "power"), BLEU, LOSS) == [followed]


def test_the_law_in_force_is_the_one_that_counts() -> None:
    effects, u = (np.array([3.0]), np.array([0.4]), np.array([-0.2])), np.array([0.0, 0.7, 2.0])
    laws = [LOG_LAW, SATURATING_LAW]
    for place, law in enumerate(laws):
        found = in_force(np.eye(2)[place], laws, u, effects)
        assert found == pytest.approx(law.value(u, *effects), rel=1e-14)


def test_every_value_that_a_law_cannot_take_is_named() -> None:
    frame = table(metrics=("accuracy", "cross_entropy", "error_rate"))
    curves = curves_of(frame)
    followed = [Followed("chance-logistic", "m4"), Followed(LOG, "m4")]
    with pytest.raises(DataError) as raised:
        check_values(curves, followed, Priors(chance={"accuracy": 0.99}, typical={"accuracy": 0.995}))
    text = str(raised.value)
    assert "no value of accuracy is above what guessing scores, 0.99; the largest is" in text
    assert "m4 needs the cross_entropy of guessing, which is not known; set it in the priors: [guess]" in text
    assert text.count("\n") == 2  # error rates are below 1, and each problem is named once
    with pytest.raises(DataError, match=r"m4 holds cross_entropy below that of guessing, 1; the largest is"):
        check_values(curves, followed, Priors(guess={"cross_entropy": 1.0}))
    check_values(curves, followed, Priors(guess={"cross_entropy": 8.0}, chance={"accuracy": 0.1}))
