from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayesscale.errors import QuestionError, UsageError
from bayesscale.inference import Fit
from bayesscale.models.scale import place_of
from bayesscale.questions.forecast import forecast
from bayesscale.questions.value.answer import readable_limits
from bayesscale.questions.value.ask import value
from tests.questions.made_up import SIZES, TRUE, MadeUp, given, rows

FINE = (6e6, 42e6)
KEY = ["task", "mixture", "finetune_tokens", "metric"]


def known(score: tuple[float, float], baseline: tuple[float, float]) -> Fit:
    """Return a fit of one task and mixture whose BLEU at the last D_p is known at two D_f."""
    table = rows(tasks=("en-fr",), mixtures={"en": {}}, metrics=("bleu",), finetune=FINE)
    own = np.array([[[np.log(at), *TRUE["bleu"][1:]]] for at in score])
    places = place_of(np.log(baseline), np.log(1.25))
    per_decade = np.ptp(places) / np.log10(FINE[1] / FINE[0])
    typical = np.log(score).mean()
    replaced = {
        **given(own),
        "mean": (("effect",), np.array([typical, TRUE["bleu"][1]])),
        "slope": (("covariate", "effect"), np.array([[np.log(score[1] / score[0]) / np.log10(7), 0.0]])),
        "baseline_level": (("cell", "metric"), np.log(baseline)[:, None]),
        "baseline_mean": (("metric",), np.array([places.mean()])),
        "baseline_slope": (("metric",), np.array([per_decade])),
        "baseline_sd": (("metric",), np.array([0.0])),
    }
    return MadeUp(table=table, draws=4, spread=0.0, replaced=replaced).fit()


def test_gain_is_score_minus_baseline_of_the_forecast(uncertain: Fit) -> None:
    found = value(uncertain).frame()
    for size, column in ((SIZES[-1], "score_median"), (0.0, "baseline_median")):
        both = found.merge(forecast(uncertain, [size]).frame(), on=KEY)
        assert len(both) == len(found) == 16
        np.testing.assert_allclose(both[column], both["law_median"], rtol=1e-12)
    for row in found.to_dict("records"):
        sign = 1 if row["metric"] == "bleu" else -1
        # Medians of differences are not differences of medians, but here nearly.
        assert row["gain_median"] == pytest.approx(
            sign * (row["score_median"] - row["baseline_median"]), abs=0.01 * row["score_median"]
        )
        assert row["gain_lower"] < row["gain_median"] < row["gain_upper"]


def test_probabilities_are_shares_of_draws(uncertain: Fit) -> None:
    # At the upper anchor the log-law is exp(level); the baseline is the same in every draw.
    row = value(uncertain, metrics=["bleu"], delta=9.0).frame().iloc[0]
    gain = np.exp(uncertain.draws("level")[:, 0, 0]) - np.exp(uncertain.draws("baseline_level")[:, 0, 0])
    assert 0.05 < row["p_gain"] < 0.95
    assert row["p_gain"] == pytest.approx((gain > 9.0).mean(), abs=1e-12)


def test_the_baseline_s_line_says_which_data_pretraining_replaces() -> None:
    frame = value(known((20.0, 30.0), (10.0, 20.0))).frame()
    # 20 is the baseline at 42M, and its place is linear in log D_f: 30 lies beyond.
    ten, twenty, thirty = place_of(np.log([10.0, 20.0, 30.0]), np.log(1.25))
    beyond = 42e6 * 7 ** ((thirty - twenty) / (twenty - ten))
    np.testing.assert_allclose(frame["alone_median"], [42e6, beyond], rtol=1e-9)
    np.testing.assert_allclose(frame["saved_median"], [36e6, beyond - 42e6], rtol=1e-9)
    np.testing.assert_allclose(frame["beyond"], [0.0, np.log(beyond / 42e6)], atol=1e-9)
    assert frame["p_saves"].tolist() == [1.0, 1.0]
    assert frame["p_beyond"].iloc[1] == 1.0


def test_pretraining_that_harms_saves_less_than_nothing() -> None:
    answer = value(known((15.0, 15.0), (10.0, 20.0)))
    frame = answer.frame()
    ten, fifteen, twenty = place_of(np.log([10.0, 15.0, 20.0]), np.log(1.25))
    where = 6e6 * 7 ** ((fifteen - ten) / (twenty - ten))
    np.testing.assert_allclose(frame["saved_median"], [where - 6e6, where - 42e6], rtol=1e-9)
    assert frame["p_saves"].tolist() == [1.0, 0.0]
    assert "-" in next(iter(answer.details().values()))["saved"].iloc[1]


def test_what_lies_outside_of_the_search_is_a_bound() -> None:
    low = value(known((2.0, 2.0), (10.0, 12.0)))
    assert low.frame()["alone_median"].tolist() == [0.0, 0.0]
    assert low.readable()["alone"].tolist() == ["<600K"] * 2
    assert next(iter(low.details().values()))["saved"].tolist() == ["<-5.4M", "<-41M"]
    high = value(known((90.0, 90.0), (10.0, 12.0)))
    assert np.isinf(high.frame()["alone_median"]).all()
    assert high.readable()["alone"].tolist() == [">4.2B"] * 2
    assert next(iter(high.details().values()))["beyond"].tolist() == [">4.6"] * 2
    assert any("more than any measured" in note for note in high.notes)
    json.dumps(high.document(), allow_nan=False)


@pytest.mark.parametrize(
    ("score", "baseline", "median", "text"),
    [
        ((20.0, 20.0), (10.0, 22.0), 6e6 * 7 ** (9 / 12), "26M"),  # gain 10 to -2: linear in log D_f
        ((20.0, 22.0), (21.0, 22.5), 0.0, "<6M"),
        ((60.0, 90.0), (5.0, 6.0), np.inf, ">4.2B"),
    ],
)
def test_the_size_beyond_which_pretraining_gains_too_little(
    score: tuple[float, float], baseline: tuple[float, float], median: float, text: str
) -> None:
    answer = value(known(score, baseline), delta=1.0)
    frame = answer.frame()
    np.testing.assert_allclose(frame["limit_median"], median, rtol=1e-9)
    assert set(frame["p_never"]) == {float(median == 0)}
    assert set(frame["p_not_below"]) == {float(np.isinf(median))}
    (row,) = readable_limits(answer.frame()).to_dict("records")
    assert row["gains less beyond D_f"] == text


def test_the_limit_does_not_depend_on_what_is_asked(uncertain: Fit) -> None:
    every = value(uncertain).frame().set_index(KEY)
    one = value(uncertain, tasks=["en-de"], mixtures=["en"], other_sizes=[42e6, 1e9]).frame().set_index(KEY)
    same = every.index.intersection(one.index)
    assert len(same) == 2
    pd.testing.assert_frame_equal(every.loc[same], one.loc[same])


def test_an_unmeasured_size_is_compared_as_predicted(uncertain: Fit) -> None:
    answer = value(uncertain, tasks=["en-fr"], mixtures=["en"], other_sizes=[1e9], metrics=["bleu"])
    (row,) = answer.frame().to_dict("records")
    assert (row["measured"], row["baseline_measured"]) == (False, False)
    assert row["pretrain_tokens"] == SIZES[-1]
    assert not any("missing" in note for note in answer.notes)
    assert answer.readable()["baseline is"].tolist() == ["predicted"]


def test_the_default_is_the_last_size_of_each_curve() -> None:
    table = rows(tasks=("en-fr",))
    short = table["mixture"].eq("en") & table["metric"].eq("bleu") & table["pretrain_tokens"].eq(SIZES[-1])
    fit = MadeUp(table=table[~short], draws=4).fit()
    found = value(fit).frame().groupby(["mixture", "metric"])["pretrain_tokens"].first()
    assert found["en", "bleu"] == SIZES[-2]
    assert found["en", "cross_entropy"] == found["en+fr", "bleu"] == SIZES[-1]
    assert set(value(fit, tokens=5e10).frame()["pretrain_tokens"]) == {5e10}


def test_deltas_follow_the_noise_of_the_metric(certain: Fit) -> None:
    answer = value(certain)
    assert answer.deltas == {"bleu": 1.0, "cross_entropy": 0.02}
    assert "delta, the gain that counts (twice the typical noise of a run): 1 in bleu" in answer.text(
        verbose=True
    )
    assert value(certain, delta=3.0, metrics=["bleu"]).deltas == {"bleu": 3.0}


def test_verdicts_say_where_pretraining_is_worth_it() -> None:
    (sentence,) = value(known((30.0, 20.0), (10.0, 20.0))).document()["verdicts"]
    assert sentence == (
        "en-fr, bleu: Pretraining gains more than 1 in bleu (P 0.9 or more) on 1 of 2 curves (D_f 6M); "
        "on 1 it does not (D_f 42M)."
    )


def test_without_a_baseline_the_missing_runs_are_named() -> None:
    fit = MadeUp(table=rows(tasks=("en-fr",)).query("pretrain_tokens > 0"), draws=4).fit()
    with pytest.raises(QuestionError) as raised:
        value(fit)
    message = str(raised.value)
    assert "en-fr at finetune_tokens 6M (bleu, cross_entropy), en-fr at finetune_tokens 42M" in message
    assert "task en-fr, finetune_tokens 6000000, mixture none, pretrain_tokens 0, metric bleu" in message


def test_a_partly_missing_baseline_is_predicted_and_named() -> None:
    table = rows()
    kept = "pretrain_tokens > 0 or task != 'en-de' or finetune_tokens < 1e7 or metric != 'bleu'"
    answer = value(MadeUp(table=table.query(kept), draws=400, width=0.05).fit())
    frame = answer.frame()
    assert len(frame) == 16
    (note,) = (note for note in answer.notes if "missing" in note)
    assert "missing: en-de at finetune_tokens 42M (bleu); their baseline is predicted" in note


def test_a_metric_without_any_baseline_is_left_out() -> None:
    table = rows().query("pretrain_tokens > 0 or metric != 'bleu'")
    answer = value(MadeUp(table=table, draws=4).fit())
    assert set(answer.frame()["metric"]) == set(answer.deltas) == {"cross_entropy"}
    assert any("(bleu); their baseline is left out" in note for note in answer.notes)


def test_a_baseline_at_one_size_gives_gains_there_only() -> None:
    table = rows().query("pretrain_tokens > 0 or finetune_tokens < 1e7")
    answer = value(MadeUp(table=table, draws=4).fit())
    assert set(answer.frame()["finetune_tokens"]) == {6e6}
    assert "alone_median" not in answer.frame()
    assert readable_limits(answer.frame()).empty
    assert any("two D_f or more" in note for note in answer.notes)


def test_tables_without_finetuning_sizes() -> None:
    table = rows(finetune=(6e6,)).drop(columns="finetune_tokens")
    answer = value(MadeUp(table=table, draws=4).fit())
    assert len(answer.frame()) == 8
    assert "on 2 of 2 curves." in answer.explain()[1]
    assert answer.plot().figures


@pytest.mark.parametrize(
    ("asked", "error", "told"),
    [
        ({"tokens": 0.0}, UsageError, "received size 0"),
        ({"tokens": -1.0}, UsageError, "received -1"),
        ({"delta": 2.0}, UsageError, "received 2 for bleu, cross_entropy; choose one by --metric"),
        ({"delta": -1.0, "metrics": ["bleu"]}, UsageError, "between 0 and 100 BLEU points; received -1"),
        ({"delta": float("nan"), "metrics": ["bleu"]}, UsageError, "received nan"),
        ({"prob": 90.0}, UsageError, "received 90"),
        ({"tasks": ["fr-en"]}, QuestionError, "received 'fr-en'"),
        ({"metrics": ["comet"]}, QuestionError, "received 'comet'"),
    ],
)
def test_what_cannot_be_asked(certain: Fit, asked: dict[str, Any], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        value(certain, **asked)


def test_curves_in_finetuning_size_have_no_baseline() -> None:
    swapped = {"finetune_tokens": "pretrain_tokens", "pretrain_tokens": "finetune_tokens"}
    table = rows().query("pretrain_tokens > 0").rename(columns=swapped)
    with pytest.raises(
        QuestionError, match="this fit has curves in finetune_tokens; fit the table with --axis"
    ):
        value(MadeUp(table=table, axis="finetune_tokens", draws=4).fit())


def test_the_answer_says_what_it_is(uncertain: Fit) -> None:
    document = value(uncertain, prob=0.8).document()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["interval"] == {"kind": "equal-tailed", "prob": 0.8}
    assert document["units"]["saved_median"] == "tokens"
    assert document["status"] == "converged"
    text = str(value(uncertain))
    assert "nan" not in text.lower().replace("finetune", "")
    failed = MadeUp(draws=4, problems=("R-hat 1.2",)).fit()
    assert str(value(failed)).startswith("DO NOT RELY ON THESE NUMBERS - not converged: R-hat 1.2.")
    (figure,) = value(failed).plot().figures
    assert any("R-hat" in text.get_text() for text in figure.texts)


def test_the_picture_shows_every_gain(uncertain: Fit) -> None:
    picture = value(uncertain).plot()
    assert len(picture.frame()) == 16
    titles = [ax.get_title() for ax in picture.figures[0].axes if ax.get_visible()]
    assert titles == ["en-de, bleu", "en-de, cross_entropy", "en-fr, bleu", "en-fr, cross_entropy"]


def test_each_model_size_has_its_own_baseline() -> None:
    small, large = (rows(tasks=("en-fr",)).assign(model_params=size) for size in (1e9, 3e9))
    large = large.query("pretrain_tokens > 0 or finetune_tokens < 1e7")
    answer = value(MadeUp(table=pd.concat([small, large]), draws=40, width=0.05).fit(), metrics=["bleu"])
    last = answer.frame().groupby(["model_params", "finetune_tokens"])["baseline_measured"].all()
    assert last.tolist() == [True, True, True, False]
    assert [sentence.split(":")[0] for sentence in answer.document()["verdicts"]] == [
        "en-fr, model_params 1B, bleu",
        "en-fr, model_params 3B, bleu",
    ]
    frame = answer.frame()
    end = (np.log(frame["alone_median"]) - frame["beyond"]).groupby(frame["model_params"]).first()
    np.testing.assert_allclose(end, np.log([42e6, 6e6]), rtol=1e-9)
