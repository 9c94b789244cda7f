from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayesscale.errors import QuestionError, UsageError
from bayesscale.inference import Fit
from bayesscale.questions.plan.answer import Plan
from bayesscale.questions.plan.ask import plan
from bayesscale.questions.plan.candidates import Prices
from bayesscale.questions.plan.quantities import Query
from bayesscale.questions.select import Selection
from tests.questions.made_up import MadeUp, rows

CURVE = Selection(tasks=["en-fr"], mixtures=["en"], other_sizes=[6e6])
FORECAST = Query("forecast", CURVE, 1e12)
OUTCOMES = 100


def with_breaks(draws: int = 1000) -> Fit:
    """Return a fit in which bleu breaks on every curve, in a third of the draws before the last size."""
    shape = (2, draws // 2, 8, 1)
    at = np.where(np.arange(draws).reshape(2, -1, 1, 1) % 3 == 0, 2e10, 1e13) * np.ones(shape)
    slope = np.full(shape, -0.6)
    dims = ("curve", "break_metric")
    replaced = {"break_at": (dims, at), "break_slope": (dims, slope)}
    made_up = MadeUp(draws=draws, width=0.02, noise=0.3, replaced=replaced).fit()
    tree = made_up.tree
    tree["posterior"] = tree["posterior"].to_dataset().assign_coords(break_metric=["bleu"])
    return made_up


@pytest.fixture(scope="module")
def forecast_plan(uncertain: Fit) -> Plan:
    return plan(uncertain, FORECAST, outcomes=OUTCOMES)


def test_the_measurement_itself_teaches_most(forecast_plan: Plan) -> None:
    best = forecast_plan.frame().iloc[0]
    assert (best["task"], best["mixture"], best["finetune_tokens"]) == ("en-fr", "en", 6e6)
    assert best["pretrain_tokens"] == 1e12
    assert 0.5 < best["reduction"] < 1
    assert best["sd_after"] == pytest.approx(best["sd_now"] * np.sqrt(1 - best["reduction"]))
    assert best["width_after"] < best["width_now"]


def test_curves_that_are_independent_in_the_draws_teach_nothing(forecast_plan: Plan) -> None:
    table = forecast_plan.frame()
    others = table[(table["mixture"] != "en") | (table["finetune_tokens"] != 6e6)]
    assert (others["reduction"].abs() < 4 * others["reduction_error"]).all()
    assert not others["reduction"].gt(0.05).any()


def test_numbers_follow_from_each_other(forecast_plan: Plan) -> None:
    table = forecast_plan.frame()
    assert table["reduction"].is_monotonic_decreasing
    np.testing.assert_allclose(table["reduction_per_cost"], table["reduction"] / table["cost"])
    for _, row in table[table["efficient"]].iterrows():
        assert not ((table["cost"] <= row["cost"]) & (table["reduction"] > row["reduction"])).any()
        assert row["reduction"] > 2 * row["reduction_error"]
    assert np.isfinite(table.select_dtypes("number")).all(axis=None)


def test_candidates_lie_between_beyond_and_at_the_size_asked_for(forecast_plan: Plan) -> None:
    own = forecast_plan.frame().query("mixture == 'en' and finetune_tokens == 6e6")
    sizes = own.set_index("pretrain_tokens")["place"].sort_index()
    assert list(sizes.index) == [3.2e9, 3.2e10, 1.8e11, 3.2e11, 5.6e11, 1e12]
    assert list(sizes) == ["between"] * 2 + ["beyond"] * 4


def test_costs_count_the_tokens_that_are_missing(uncertain: Fit) -> None:
    wanted = Selection(tasks=["en-fr"], mixtures=["en", "new"], other_sizes=[6e6, 1e9])
    sizes = [1e10, 2e10, 1e12]

    def cost(prices: Prices) -> pd.Series:
        answer = plan(uncertain, FORECAST, candidates=wanted, sizes=sizes, prices=prices, outcomes=20)
        keys = ["mixture", "finetune_tokens", "pretrain_tokens"]
        return answer.frame().set_index(keys)["cost"]

    found = cost(Prices())
    assert found["en", 6e6, 1e10] == 6e6
    assert found["en", 1e9, 1e10] == 1e9
    assert found["en", 6e6, 2e10] == 1e10 + 6e6
    assert found["en", 6e6, 1e12] == 9e11 + 6e6
    assert found["new", 6e6, 1e12] == 1e12 + 6e6
    found = cost(Prices(pretrain=2.0, finetune=3.0, continued=False))
    assert found["en", 6e6, 1e10] == 3 * 6e6
    assert found["en", 6e6, 2e10] == 2 * 2e10 + 3 * 6e6


def test_sizes_that_print_alike_are_the_checkpoint(uncertain: Fit) -> None:
    answer = plan(uncertain, FORECAST, sizes=[1.00001e10], outcomes=20)
    assert set(answer.frame()["place"]) == {"repeat"}
    assert set(answer.frame()["pretrain_tokens"]) == {1e10}
    assert any("a repeat is a finetuning run of its own" in note for note in answer.notes)


def test_a_checkpoint_that_was_not_measured_on_a_curve() -> None:
    table = rows()
    gone = (table["finetune_tokens"] == 6e6) & (table["mixture"] == "en") & (table["pretrain_tokens"] == 1e10)
    answer = plan(MadeUp(table=table[~gone], draws=200, width=0.05, noise=0.3).fit(), FORECAST, outcomes=20)
    (found,) = answer.frame().query("place == 'unmeasured' and task == 'en-fr'").to_dict("records")
    assert (found["mixture"], found["pretrain_tokens"], found["cost"]) == ("en", 1e10, 6e6)


def test_whether_a_curve_broke() -> None:
    fit = with_breaks()
    answer = plan(fit, Query("break", CURVE, metric="bleu"), outcomes=OUTCOMES)
    table = answer.frame()
    assert "broke by its last size 100B" in answer.quantities.labels[0]
    share = answer.quantities.unknown.draws.mean()
    assert share == pytest.approx(1 / 3, abs=0.01)
    assert table["bits_now"].iloc[0] == pytest.approx(0.918, abs=0.01)
    # The break shows in every curve of these draws: further on it is as good as certain.
    assert table["right_after"].iloc[0] > 0.95
    assert table["place"].iloc[0] == "beyond"
    assert plan(fit, Query("break", CURVE, 1e10), outcomes=20).quantities.unknown.now.sum() == 0


def test_what_is_known_already_is_said() -> None:
    answer = plan(with_breaks(100), Query("break", CURVE, 1e10), outcomes=20)
    assert "All draws agree on this already" in str(answer)
    assert set(answer.frame()["reduction"]) == {0.0}
    assert "nan" not in str(answer).lower()


def test_which_mixture_is_better(uncertain: Fit) -> None:
    asked = Query("better", CURVE, 1e12, versus="en+fr")
    answer = plan(uncertain, asked, sizes=[1e12], outcomes=OUTCOMES)
    assert answer.quantities.labels == ("en-fr | en | 6M has better bleu than en+fr at D_p 1T",)
    best = answer.frame().iloc[:2]
    assert set(best["mixture"]) == {"en", "en+fr"}
    assert set(best["finetune_tokens"]) == {6e6}
    assert (best["right_after"] > best["right_now"]).all()
    losses = Query("better", CURVE, 1e12, metric="cross_entropy", versus="en+fr")
    other = Query("better", Selection(["x"]), 1e12)
    assert plan(uncertain, losses, sizes=[1e12], outcomes=20).quantities.metric == "cross_entropy"
    with pytest.raises(UsageError, match="without it"):
        plan(uncertain, other)


def test_several_curves_are_added_up(uncertain: Fit) -> None:
    both = Query("forecast", Selection(tasks=["en-fr"], mixtures=["en"]), 1e12)
    answer = plan(uncertain, both, sizes=[1e12], outcomes=OUTCOMES)
    assert len(answer.quantities.labels) == 2
    # Each measurement teaches about one of two curves.
    table = answer.frame()
    assert 0.3 < table["reduction"].iloc[1] < 0.7
    # They are not told apart, and no order is claimed between them.
    assert table["as_good"].tolist() == [True, True, *[False] * (len(table) - 2)]
    today, first, second, *_ = answer.headline()
    assert first.startswith("2 measurements reduce it most, by as much within Monte Carlo error: en, D_f")
    assert second.startswith("The cheapest of them is en, D_f 6M, D_p 1T (")
    assert answer.readable()["as good"].tolist()[:3] == ["yes", "yes", ""]
    assert today.startswith("Today bleu of en-fr | en | 6M at D_p 1T is ")
    assert "; bleu of en-fr | en | 42M at D_p 1T is " in today


def test_the_answer_says_what_it_is(forecast_plan: Plan) -> None:
    text = forecast_plan.text(verbose=True)
    assert text.startswith("Today bleu of en-fr | en | 6M at D_p 1T is ")
    assert "Measure en, D_f 6M, D_p 1T (beyond the data, cost 900B):" in text
    assert "For its cost the best is" in text
    assert forecast_plan.frame()["as_good"].sum() == 1
    assert "as good" not in forecast_plan.readable()
    assert "90% equal-tailed intervals from 2,000 posterior draws; bleu in BLEU points" in text
    assert "nan" not in text.lower()
    document = json.loads(json.dumps(forecast_plan.document(), allow_nan=False))
    assert document["question"]["measure"] == "variance of the law"
    assert len(document["candidates"]) == len(forecast_plan.frame())
    assert document["prices"] == {"pretrain": 1.0, "finetune": 1.0, "continued": True}
    shown = forecast_plan.readable()
    assert len(shown) < len(forecast_plan.frame())
    assert list(shown.columns[:5]) == ["task", "mixture", "finetune_tokens", "pretrain_tokens", "place"]


def test_a_fit_that_did_not_converge_says_so() -> None:
    fit = MadeUp(draws=100, width=0.05, noise=0.3, problems=("R-hat 1.2",)).fit()
    answer = plan(fit, FORECAST, sizes=[1e12], outcomes=20)
    assert str(answer).startswith("DO NOT RELY ON THESE NUMBERS")
    (figure,) = answer.plot().figures
    assert any("NOT CONVERGED" in text.get_text() for text in figure.texts)


def test_the_picture_shows_every_candidate(forecast_plan: Plan, tmp_path: Path) -> None:
    picture = forecast_plan.plot()
    (figure,) = picture.figures
    assert figure.axes[0].get_xscale() == "log"
    pd.testing.assert_frame_equal(picture.frame(), forecast_plan.frame())
    assert picture.save(tmp_path / "plan.png")[0].exists()


def test_the_same_seed_gives_the_same_plan(uncertain: Fit) -> None:
    first, same, other = (
        plan(uncertain, FORECAST, sizes=[1e12], outcomes=20, seed=seed).frame() for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(first, same)
    assert not first["reduction"].equals(other["reduction"])


def test_curves_in_finetuning_size() -> None:
    swapped = {"finetune_tokens": "pretrain_tokens", "pretrain_tokens": "finetune_tokens"}
    table = rows().query("pretrain_tokens > 0").rename(columns=swapped)
    fit = MadeUp(table=table, axis="finetune_tokens", draws=100, width=0.05, noise=0.3).fit()
    answer = plan(fit, Query("forecast", CURVE, 1e12), sizes=[1e12], outcomes=20)
    # The checkpoints exist: only finetuning costs.
    assert set(answer.frame()["cost"]) == {1e12}
    assert "D_f 1T" in answer.headline()[1]


@pytest.mark.parametrize(
    ("asked", "options", "error", "told"),
    [
        (Query("guess", CURVE, 1e12), {}, UsageError, "received 'guess'; valid: better, break, forecast"),
        (Query("forecast", CURVE), {}, UsageError, "is about one size; received none"),
        (Query("forecast", CURVE, 0.0), {}, UsageError, "sizes above 0"),
        (Query("forecast", CURVE, 1e12, versus="en+fr"), {}, UsageError, "with it"),
        (Query("forecast", CURVE, 1e12, metric="blue"), {}, QuestionError, "received 'blue'"),
        (Query("better", CURVE, 1e12, versus="en"), {}, UsageError, "two different mixtures"),
        (Query("break", CURVE, 1e12), {}, QuestionError, "none may: fit again with breaks"),
        (FORECAST, {"sizes": [0.0]}, UsageError, "a candidate has a size above 0"),
        (FORECAST, {"outcomes": 5}, UsageError, "at least 20 simulated outcomes; received 5"),
        (FORECAST, {"prob": 90.0}, UsageError, "write 0.9 for 90%"),
        (FORECAST, {"candidates": Selection(tasks=["en-rf"])}, QuestionError, "did you mean 'en-fr'"),
    ],
)
def test_what_cannot_be_planned(
    certain: Fit, asked: Query, options: dict[str, object], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        plan(certain, asked, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("price", [0.0, -1.0, np.inf, np.nan])
def test_prices_are_above_0(price: float) -> None:
    with pytest.raises(UsageError, match="is a finite number above 0; received"):
        Prices(finetune=price)
