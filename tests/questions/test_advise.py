from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayesscale.errors import QuestionError, UsageError
from bayesscale.inference import Fit
from bayesscale.questions.advise.answer import Advice
from bayesscale.questions.advise.ask import advise
from bayesscale.questions.advise.decision import (
    BROKEN,
    COLUMNS,
    CONTINUE,
    NOT_NEEDED,
    OUT_OF_REACH,
    REACHED,
    UNDECIDED,
)
from bayesscale.questions.forecast import forecast
from bayesscale.text import probability_text
from tests.questions.breaking import breaking
from tests.questions.made_up import MadeUp, rows

ONE: dict[str, Any] = {"tasks": ["en-de"], "mixtures": ["en"], "other_sizes": [6e6]}
"""The curve whose law is 25 exp(-0.1) = 22.6 at the upper anchor, 1e11, and its baseline 15.2."""


def row(fit: Fit, target: float, budget: float = 1e12, **options: Any) -> pd.Series:
    """Return the advice on the one curve."""
    return advise(fit, target, budget, **ONE, **options).frame().iloc[0]


@pytest.mark.parametrize(
    ("target", "budget", "advice"),
    [(15.0, 1e12, NOT_NEEDED), (20.0, 1e12, REACHED), (24.0, 1e12, CONTINUE), (24.0, 1.2e11, OUT_OF_REACH)],
)
def test_without_uncertainty_the_advice_is_certain(
    certain: Fit, target: float, budget: float, advice: str
) -> None:
    found = row(certain, target, budget)
    assert (found["advice"], found["probability"]) == (advice, 1.0)
    assert found[COLUMNS[advice]] == 1.0


def test_a_law_that_broke_is_a_reason_to_stop_unless_the_target_was_reached_before() -> None:
    fit = breaking(MadeUp(draws=20).fit(), at=3e10)
    assert row(fit, 24.0)["advice"] == BROKEN
    assert row(fit, 20.0)["advice"] == REACHED
    assert "take the best checkpoint, not the last" in row(fit, 19.0)["why"]
    later = breaking(MadeUp(draws=20).fit(), at=2e11)
    found = row(later, 24.5)
    assert (found["advice"], found["p_broken"], found["p_break"]) == (OUT_OF_REACH, 0.0, 1.0)


def test_probabilities_are_shares_of_the_draws() -> None:
    at = np.where(np.arange(400) < 100, 3e10, 1e20)
    fit = breaking(MadeUp(draws=400).fit(), at=at)
    found = row(fit, 24.0)
    assert found[[*COLUMNS.values()]].tolist() == [0.75, 0.0, 0.0, 0.25, 0.0]
    assert (found["advice"], found["p_broken"], found["p_by_horizon"]) == (UNDECIDED, 0.25, 0.75)
    assert "break or noise" in found["why"]
    assert row(fit, 24.0, confidence=0.7)["advice"] == CONTINUE


def broken_in(share: float) -> Fit:
    """Return a fit whose laws broke before the last size in a share of the draws."""
    return breaking(MadeUp(draws=400).fit(), at=np.where(np.arange(400) < 400 * share, 3e10, 1e20))


@pytest.mark.parametrize(
    ("share", "because", "why", "headline"),
    [
        (0.85, "broken 0.85, out of reach 0.15", "the law broke (P 0.85), perhaps out of", "(the law broke)"),
        (0.52, "broken 0.52, out of reach 0.48", "perhaps broken (P 0.52), perhaps out", "(perhaps broken)"),
        (0.05, "out of reach 0.95", "out of reach (P 0.95); bleu", "(out of reach)"),
    ],
)  # fmt: skip
def test_a_stop_has_a_probability_and_its_reasons_have_theirs(
    share: float, because: str, why: str, headline: str
) -> None:
    answer = advise(broken_in(share), 24.0, 1.2e11, **ONE)
    found = answer.frame().iloc[0]
    assert (found["act"], found["probability"], found["because"]) == ("stop", 1.0, because)
    assert found["why"].startswith(f"stop (P >0.99): {why}")
    assert answer.headline() == [f"For bleu at least 24 within 120B: stop on 1 {headline}."]
    shown = answer.readable().iloc[0]
    assert (shown["advice"], shown["P"], shown["because"]) == ("stop", ">0.99", because)


def test_undecided_has_the_probabilities_of_both_acts_and_none_of_its_own() -> None:
    shown = advise(broken_in(0.25), 24.0, 1e12, **ONE).readable().iloc[0]
    assert (shown["advice"], shown["P"], shown["because"]) == ("undecided", "", "continue 0.75, stop 0.25")


def test_where_to_continue_is_said_with_whether_the_target_is_reached_already(uncertain: Fit) -> None:
    answer = advise(uncertain, 22.6, 1e13, **ONE, confidence=0.95)
    found = answer.frame().iloc[0]
    assert (found["act"], found["because"][:-4]) == ("continue", "reached already ")
    assert found["because"].endswith(f"{found['p_reached']:.2f}")
    assert found["probability"] == pytest.approx(found["p_continue"] + found["p_reached"])
    assert f"(P {probability_text(found['probability'])}; {found['because']})" in answer.headline()[1]
    assert f"reached already (P {found['p_reached']:.2f})" in found["why"]


def test_outcomes_sum_to_one(uncertain: Fit) -> None:
    frame = advise(breaking(uncertain, at=np.geomspace(1e10, 1e14, 2000)), 24.0, 1e12).frame()
    np.testing.assert_allclose(frame[[*COLUMNS.values()]].sum(axis=1), 1.0, rtol=1e-12)
    assert (frame["p_law_broke"] <= frame["p_broken"]).all()
    assert (frame["p_broken"] <= frame["p_break"]).all()
    assert set(frame["advice"]) > {CONTINUE}


def test_the_score_at_the_budget_is_that_of_the_forecast(uncertain: Fit) -> None:
    found = row(uncertain, 24.0, prob=0.8)
    expected = forecast(uncertain, [1e12], prob=0.8, metrics=["bleu"], **ONE).frame().iloc[0]
    for name in ("median", "lower", "upper"):
        assert found[f"score_{name}"] == pytest.approx(expected[f"law_{name}"], rel=1e-3)
    assert 0.5 < found["p_target"] < 1


def test_delta_is_the_least_gain_that_pretraining_is_for(certain: Fit) -> None:
    gain = row(certain, 24.0)["gain_median"]
    assert row(certain, 24.0, delta=gain - 0.01)["advice"] == CONTINUE
    assert row(certain, 24.0, delta=gain + 0.01)["advice"] == NOT_NEEDED


def test_the_gain_is_that_of_the_best_checkpoint() -> None:
    fit = breaking(MadeUp(draws=20).fit(), at=3e10, slope=-3.0)
    found = row(fit, 24.0)
    assert found["score_median"] < found["baseline_median"]
    assert found["gain_median"] > 0


def test_without_a_baseline_the_rest_is_answered() -> None:
    table = rows().query("pretrain_tokens > 0")
    answer = advise(MadeUp(table=table, draws=20).fit(), 15.0, 1e12, **ONE)
    assert answer.frame()["advice"].tolist() == [REACHED]
    assert answer.frame()["p_baseline"].isna().all()
    assert any(note.startswith("no run without pretraining was measured") for note in answer.notes)
    assert "nan" not in str(answer).lower()
    assert "not needed:" not in answer.explain()[0]


def test_a_cell_without_a_baseline_is_named() -> None:
    table = rows().query("not (pretrain_tokens == 0 and task == 'en-fr' and finetune_tokens == 6e6)")
    answer = advise(MadeUp(table=table, draws=20).fit(), 15.0, 1e12)
    lacking = answer.frame().query("p_baseline.isna()")
    assert set(zip(lacking["task"], lacking["finetune_tokens"], strict=True)) == {("en-fr", 6e6)}
    assert lacking["p_not_needed"].tolist() == [0.0, 0.0]
    assert any("en-fr at finetune_tokens 6M (bleu)" in note for note in answer.notes)


def test_lower_is_better_for_a_loss() -> None:
    fit = MadeUp(table=rows().query("pretrain_tokens > 0"), draws=20).fit()
    assert row(fit, 1.5, metric="ce")["advice"] == REACHED
    found = row(fit, 1.3, metric="ce")
    assert found["advice"] == CONTINUE
    assert found["tokens_median"] > 1e11
    assert "at most 1.3 with P >0.99" in found["why"]


def test_a_baseline_with_a_lower_loss_makes_pretraining_not_needed(certain: Fit) -> None:
    found = row(certain, 1.2, metric="ce")
    assert (found["advice"], found["p_baseline"]) == (NOT_NEEDED, 1.0)
    assert found["gain_median"] < 0 < found["baseline_median"]


def test_a_target_that_is_never_reached_has_words_and_no_infinity(certain: Fit) -> None:
    answer = advise(certain, 99.0, 1e12)
    assert answer.frame()["tokens_median"].isna().all()
    assert answer.readable()["tokens to 99"].tolist() == ["not by 100T (P >0.99)"] * 8
    assert "is not reached by 100T with P >0.99" in answer.frame()["why"].iloc[0]
    assert not {"inf", "nan"} & set(str(answer).lower().replace("(", " ").replace(")", " ").split())
    document = json.loads(json.dumps(answer.document(), allow_nan=False))
    assert document["advice"][0]["tokens_median"] is None


def test_an_interval_may_end_beyond_the_horizon() -> None:
    at = np.where(np.arange(400) < 80, 3e10, 1e20)
    text = advise(breaking(MadeUp(draws=400).fit(), at=at), 24.0, 1e12, **ONE).readable()["tokens to 24"][0]
    assert text.endswith("to >100T)")


def test_a_budget_within_the_data_leaves_nothing_to_continue_with(certain: Fit) -> None:
    answer = advise(certain, 24.0, 5e9, **ONE)
    assert answer.frame()["advice"].tolist() == [OUT_OF_REACH]
    assert any("nothing is left there to continue with" in note for note in answer.notes)


def test_two_checkpoints_are_answered_with_a_warning() -> None:
    fit = MadeUp(table=rows(sizes=(1e10, 1e11)), draws=20).fit()
    assert "only 2 measured, so other curves say most of this" in row(fit, 24.0)["why"]


@pytest.mark.parametrize(
    ("target", "budget", "options", "error", "told"),
    [
        (0.3, 1e12, {}, QuestionError, "received 0.3, which looks like a fraction; write 30?"),
        (130.0, 1e12, {}, QuestionError, "bleu is 0 to 100 (BLEU points); received 130"),
        (float("nan"), 1e12, {}, QuestionError, "received nan"),
        (-1.0, 1e12, {"metric": "ce"}, QuestionError, "is 0 or more (nats per token); received -1"),
        (float("inf"), 1e12, {"metric": "ce"}, QuestionError, "received inf"),
        (24.0, 1e6, {}, QuestionError, "begin at 1B; received 1M"),
        (24.0, 0.0, {}, UsageError, "above 0; received size 0"),
        (24.0, -1.0, {}, UsageError, "received -1"),
        (24.0, 1e12, {"delta": -1.0}, UsageError, "received -1"),
        (24.0, 1e12, {"delta": float("nan")}, UsageError, "received nan"),
        (24.0, 1e12, {"confidence": 80}, UsageError, "received 80; write 0.8 for 80%"),
        (24.0, 1e12, {"prob": 90}, UsageError, "received 90; write 0.9 for 90%"),
        (24.0, 1e12, {"metric": "blue"}, QuestionError, "did you mean 'bleu'?"),
        (24.0, 1e12, {"tasks": ["en-rf"]}, QuestionError, "did you mean 'en-fr'?"),
        (24.0, 1e12, {"mixtures": ["de"]}, QuestionError, "given on measured curves; none was chosen"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked(
    certain: Fit, target: float, budget: float, options: dict[str, Any], error: type[Exception], told: str
) -> None:
    with pytest.raises(error) as caught:
        advise(certain, target, budget, **options)
    assert told in str(caught.value)


def test_percent_where_the_metric_is_a_fraction() -> None:
    fit = MadeUp(table=rows(metrics=("comet",)), draws=4).fit()
    with pytest.raises(QuestionError, match=r"comet is 0 to 1 \(COMET, 0 to 1\); received 85; write 0\.85\?"):
        advise(fit, 85.0, 1e12)


def test_the_text_and_the_document_say_what_they_are(certain: Fit) -> None:
    answer: Advice = advise(certain, 24.0, 1e12, prob=0.5)
    lines = answer.text(verbose=True).splitlines()
    assert "50% equal-tailed intervals from 20 posterior draws; bleu in BLEU points; sizes in tokens" in lines
    assert any(
        line.startswith("target: bleu at least 24 without noise; budget: D_p up to 1T") for line in lines
    )
    assert any(
        line.startswith("en-de, en, D_f 6M: continue: reached within 1T with P >0.99; bleu 24 takes ")
        for line in lines
    )
    counts = answer.frame()["act"].value_counts()
    assert lines[0].startswith(f"For bleu at least 24 within 1T: {counts.index[0]} on {counts.iloc[0]}")
    document = answer.document()
    assert (document["target"], document["delta"], document["confidence"]) == (24.0, 1.0, 0.8)
    assert document["units"]["target"] == "BLEU points"
    assert len(document["advice"]) == 8


def test_a_fit_that_did_not_converge_says_so_first() -> None:
    fit = MadeUp(draws=4, problems=("R-hat 1.2",)).fit()
    assert str(advise(fit, 24.0, 1e12)).startswith("DO NOT RELY ON THESE NUMBERS - not converged: R-hat 1.2")


def test_the_picture_shows_the_target_and_the_curves_asked_for(certain: Fit) -> None:
    picture = advise(certain, 60.0, 1e13, tasks=["en-fr"], mixtures=["en"]).plot()
    assert picture.frame()["pretrain_tokens"].max() == pytest.approx(1e13)
    assert set(picture.frame()["metric"]) == {"bleu"}
    axes = [ax for ax in picture.figures[0].axes if ax.get_visible()]
    assert [[text.get_text() for text in ax.texts if "target" in text.get_text()] for ax in axes] == [
        ["target 60"]
    ] * len(axes)
    assert all(ax.get_ylim()[1] > 60 for ax in axes)
