"""What is said of breaks: where, how much was lost, and the evidence in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bayesscale.errors import QuestionError, UsageError
from bayesscale.inference import Fit
from bayesscale.posterior.draws import FOLLOWED
from bayesscale.questions.breaks import breaks, evidence
from tests.questions.breaking import breaking
from tests.questions.made_up import MadeUp


def test_a_break_costs_its_slope_times_the_way_since(certain: Fit) -> None:
    table = breaks(breaking(certain, at=1e10)).frame()
    assert (table["metric"] == "bleu").all()
    assert table["p_broken"].to_numpy() == pytest.approx(1.0)
    assert table["break_median"].to_numpy() == pytest.approx(1e10)
    # Slope -1 over half of the curve loses half of the value at the upper anchor, which is 25.
    assert table["lost_median"].to_numpy() == pytest.approx(
        0.5 * np.exp(certain.draws("level")[0, :, 0]), rel=1e-6
    )
    assert table["p_fall"].to_numpy() == pytest.approx(1.0)
    assert table["evidence"].str.contains("broken: fell after about 10B").all()


def test_a_later_break_is_no_break_yet_and_costs_nothing(certain: Fit) -> None:
    table = breaks(breaking(certain, at=1e13)).frame()
    assert (table["p_broken"] == 0).all()
    assert table["lost_median"].to_numpy() == pytest.approx(0.0)
    assert table[["break_median", "p_fall"]].isna().all(axis=None)
    assert (table["evidence"] == "no sign of a break").all()


def test_a_small_break_of_a_rising_law_is_no_fall(certain: Fit) -> None:
    assert (breaks(breaking(certain, at=1e10, slope=-0.05)).frame()["p_fall"] == 0).all()


@pytest.mark.parametrize(
    ("p_broken", "p_fall", "sizes", "metric", "words"),
    [
        (0.05, 1.0, 10, "bleu", "no sign of a break"),
        (0.6, 1.0, 3, "bleu", "undecided: 3 sizes are too few to tell"),
        (0.3, 1.0, 10, "bleu", "undecided: a break is possible"),
        (0.7, 0.5, 10, "bleu", "probably broken: stalled or fell after about 10B"),
        (0.95, 0.1, 10, "bleu", "broken: stalled after about 10B, the weaker kind of break"),
        (0.95, 0.9, 10, "cross_entropy", "broken: rose after about 10B"),
    ],
)
def test_evidence_in_words(p_broken: float, p_fall: float, sizes: int, metric: str, words: str) -> None:
    assert evidence(p_broken, {"log-law": p_broken}, p_fall, sizes, 1e10, metric) == words


def test_the_smallest_probability_of_the_laws_is_told() -> None:
    fit = MadeUp(draws=400, laws=("log-law", "saturating-law")).fit()
    # One draw in two follows each law; only those of the log-law have broken.
    answer = breaks(breaking(fit, at=np.where(np.arange(400) % 2 == 0, 1e10, 1e13)))
    table = answer.frame()
    assert table["p_broken"].to_numpy() == pytest.approx(0.5)
    assert (table["p_broken_least"] == 0).all()
    told = (
        "undecided: the laws of scores disagree, P(broken) is 0.97 under the log-law and 0.21 under another"
    )
    table = table.assign(evidence=told, p_broken_least=0.21)
    assert set(replace(answer, table=table).readable()["evidence"]) == {"laws disagree (P 0.21 under one)"}


def test_few_curves_that_may_be_broken_are_named() -> None:
    fit = MadeUp(draws=400).fit()
    answer = breaks(breaking(fit, at=np.where(np.arange(400) % 10 < 7, 1e10, 1e13)))
    assert set(answer.readable()["evidence"]) == {"3 sizes are too few to tell"}
    probably = answer.table.assign(evidence="probably broken: fell after about 10B")
    assert set(replace(answer, table=probably).readable()["evidence"]) == {"fell after about 10B?"}
    assert answer.headline()[1] == "8 may be broken; P(broken) of each is at most 0.70."
    few = replace(answer, table=answer.table.head(2))
    assert few.headline()[1] == "Perhaps broken: D_f 6M (0.70) and D_f 42M (0.70)."


@pytest.mark.parametrize(("share", "least"), [(0.04, 1.0), (0.05, 0.0)])
def test_a_law_with_few_draws_has_no_say(share: float, least: float) -> None:
    rare = np.arange(400) % 200 < 200 * share
    followed = np.broadcast_to(rare.reshape(2, 200, 1, 1) * np.array([1, 0]) + [0, 2], (2, 200, 8, 2))
    replaced = {FOLLOWED: (("curve", "metric"), followed.astype(np.int8))}
    fit = MadeUp(draws=400, laws=("log-law", "saturating-law"), replaced=replaced).fit()
    table = breaks(breaking(fit, at=np.where(rare, 1e13, 1e10))).frame()
    assert table["p_broken"].to_numpy() == pytest.approx(1 - share)
    assert table["p_broken_least"].to_numpy() == pytest.approx(least)


def test_laws_that_disagree_are_told() -> None:
    agreed, apart = {"log-law": 0.95, "saturating-law": 0.6}, {"log-law": 0.97, "saturating-law": 0.21}
    assert evidence(0.78, agreed, 0.1, 10, 1e10, "bleu").startswith("probably broken: stalled")
    assert evidence(0.59, apart, 0.1, 10, 1e10, "bleu") == (
        "undecided: the laws of scores disagree, P(broken) is 0.97 under the log-law and 0.21 under the "
        "saturating-law"
    )


def test_what_cannot_be_answered_is_refused(certain: Fit) -> None:
    with pytest.raises(QuestionError, match="--breaks scores"):
        breaks(certain)
    with pytest.raises(QuestionError, match="cross_entropy cannot break"):
        breaks(breaking(certain, at=1e10), metrics=["cross_entropy"])
    with pytest.raises(UsageError, match="received size 0"):
        breaks(breaking(certain, at=1e10), at=0)
