from __future__ import annotations

import json
import re

import numpy as np
import pytest

from bayesscale.errors import UsageError
from bayesscale.inference import Fit
from bayesscale.laws import LOG_LAW, POWER_LAW, SATURATING_LAW, Law
from bayesscale.posterior.draws import FOLLOWED
from bayesscale.questions.forecast import forecast
from bayesscale.questions.rank import rank
from bayesscale.questions.select import answer_columns
from bayesscale.questions.summary import summary
from tests.questions.made_up import MadeUp, given, parameters, rows


def test_coefficients_of_every_curve(certain: Fit) -> None:
    table = summary(certain).curves
    assert table.groupby(["task", "mixture", "finetune_tokens", "metric"]).size().tolist() == [5] * 16
    first = table[(table["task"] == "en-de") & (table["mixture"] == "en") & (table["finetune_tokens"] == 6e6)]
    axis, own = certain.curves.axis, parameters(certain)[0, 0]
    laws: tuple[Law, Law] = (LOG_LAW, POWER_LAW)
    for metric, law, (level, gain, shape) in zip(certain.curves.names, laws, own, strict=True):
        expected = {"level": np.exp(level), "gain": gain, **law.coefficients(level, gain, shape, axis)}
        found = first[first["metric"] == metric].set_index("quantity")
        assert list(found.index) == list(expected)
        for name in ("median", "lower", "upper"):
            np.testing.assert_allclose(found[name], list(expected.values()), rtol=1e-12)


def test_each_law_has_a_probability_and_its_coefficients_given_it() -> None:
    # Every second draw follows the log-law on the first curve; all but one in 200 do on the others.
    count = 400
    followed = np.zeros((2, count // 2, 8, 2), dtype=np.int8)
    followed[:, ::2, 0, 0], followed[0, 0, 1:, 0], followed[..., 1] = 1, 1, 2
    replaced = {FOLLOWED: (("curve", "metric"), followed)}
    laws = ("log-law", "saturating-law")
    fit = MadeUp(draws=count, width=0.05, laws=laws, replaced=replaced).fit()
    answer = summary(fit)
    own = answer.curves[answer.curves["metric"] == "bleu"]
    names = answer_columns(fit.curves)
    first, second = (
        own.merge(fit.curves.table.iloc[[row]][names]).set_index("quantity")["median"] for row in (0, 1)
    )
    assert first["P(log-law)"] == first["P(saturating-law)"] == 0.5
    assert second["P(log-law)"] == pytest.approx(0.9975)
    # A law with less than 1% of the draws gives no coefficients.
    assert not [name for name in second.index if "(saturating-law)" in name and not name.startswith("P(")]
    parts = parameters(fit)[:, 0, 0].T
    for number, law in enumerate((LOG_LAW, SATURATING_LAW)):
        follows = followed[..., 0, 0].ravel() == number
        level, gain, shape = (part[follows] for part in parts)
        printed = law.coefficients(level, gain, shape, fit.curves.axis)
        for name, values in printed.items():
            expected = np.quantile(values, 0.5, method="nearest")
            assert first[f"{name} ({law.name})"] == pytest.approx(expected)
    level = np.where(
        followed[..., 0, 0].ravel() == 0, LOG_LAW.value(1.0, *parts), SATURATING_LAW.value(1.0, *parts)
    )
    assert first["level"] == pytest.approx(np.quantile(level, 0.5, method="nearest"))
    assert "P(law): probability that the curve follows the law" in answer.text(verbose=True)
    table = answer.population.set_index(["metric", "effect", "quantity"])
    assert table.loc[("bleu", "law", "share of the saturating-law"), "median"] == 0.5


def test_intervals_are_quantiles_of_the_draws(uncertain: Fit) -> None:
    row = summary(uncertain, prob=0.5).curves.query("quantity == 'gain' and metric == 'bleu'").iloc[3]
    draws = np.sort(uncertain.draws("gain")[:, 3, 0])
    # The nearest of 2,000 draws: their positions are 0 to 1,999.
    assert (row["lower"], row["upper"]) == pytest.approx((draws[500], draws[1499]))
    assert draws[999] - 1e-9 <= row["median"] <= draws[1000] + 1e-9


def test_the_gain_is_how_much_the_law_rises() -> None:
    steep = np.broadcast_to([3.0, 2.5, 0.0], (8, 2, 3))
    fit = MadeUp(draws=4, replaced=given(steep)).fit()
    found = summary(fit).curves.query("quantity == 'gain'").groupby("metric")["median"].first()
    ends = LOG_LAW.value(np.array([0.0, 1.0]), 3.0, 2.5, 0.0)
    # Above beta, which is 1, the log-law rises by more than its coefficient says.
    assert found["bleu"] == pytest.approx(np.log(ends[1] / ends[0]))
    assert found["bleu"] > 4
    assert found["cross_entropy"] == pytest.approx(2.5)


def test_the_population_in_plain_words(certain: Fit) -> None:
    table = summary(certain).population.set_index(["metric", "effect", "quantity"])
    slope = table.loc[("bleu", "gain", "slope of finetune_tokens"), :]
    assert slope["meaning"] == "change of gain per factor of ten of finetune_tokens"
    assert slope["median"] == pytest.approx(0.1)
    alignment = table.loc[("cross_entropy", "level", "slope of alignment"), "meaning"]
    assert alignment == "change of level from alignment 0 to alignment 1"
    assert table.loc[("bleu", "shape of the log-law", "curve_sd"), "median"] == pytest.approx(0.1)
    noise = table.loc[("cross_entropy", "noise", "noise_mean"), "meaning"]
    assert noise == "log of the scale of one run around its curve (nats per token)"
    assert sum("correlation" in quantity for _, _, quantity in table.index) == 6
    assert ("bleu", "baseline", "baseline_slope") in table.index
    assert "se_share" not in table.index.get_level_values("effect")
    # With one law there is nothing to share.
    assert not [quantity for _, _, quantity in table.index if quantity.startswith("share")]


def test_a_single_curve_has_a_summary() -> None:
    table = rows(tasks=("en-fr",), mixtures={"en": {}}, finetune=(6e6,), metrics=("bleu",))
    fit = MadeUp(table=table.query("pretrain_tokens > 0"), draws=4).fit()
    quantities = summary(fit).population["quantity"].tolist()
    assert quantities == [
        *["mean", "curve_sd"] * 3,
        "correlation of bleu.level and bleu.gain",
        *["noise_mean", "noise_spread"],
    ]


def test_coefficients_may_be_infinite_but_never_missing() -> None:
    steep = np.zeros((2, 2, 8, 2, 3))
    steep[..., 0, :2] = [3.0, 0.5]
    steep[:, 0, :, 0, 2] = -8.0
    fit = MadeUp(draws=4, replaced=given(steep)).fit()
    answer = summary(fit)
    numbers = answer.curves[["median", "lower", "upper"]]
    assert np.isinf(numbers).any().any()
    assert not numbers.isna().any().any()
    json.dumps(answer.document(), allow_nan=False)


def test_document(certain: Fit) -> None:
    document = summary(certain, prob=0.5).document()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["interval"] == {"kind": "equal-tailed", "prob": 0.5}
    assert document["diagnostics"]["rhat"] == 1.002
    assert document["command"] == "bayesscale fit table.csv -o fit.nc"
    assert document["quantities"]["level"] == "value of the law at 100B, in the metric's unit"
    assert set(document["curves"][0]) == {
        *("task", "mixture", "finetune_tokens", "metric", "quantity", "median", "lower", "upper")
    }
    assert set(document["population"][0]) == {
        *("metric", "effect", "quantity", "meaning", "median", "lower", "upper")
    }


def test_one_frame_holds_both_parts(certain: Fit) -> None:
    answer = summary(certain)
    frame = answer.frame()
    assert frame["part"].value_counts().to_dict() == {
        "curve": len(answer.curves),
        "population": len(answer.population),
    }
    assert frame["median"].notna().all()


def test_the_table_for_people(certain: Fit) -> None:
    text = summary(certain).text(verbose=True)
    assert "status: converged" in text
    assert "diagnostics: rhat 1.002, rhat_of mean, ess_bulk 900" in text
    assert "90% equal-tailed intervals from 20 posterior draws" in text
    row = next(
        line for line in str(summary(certain)).splitlines() if line.split()[:3] == ["en-de", "en", "6M"]
    )
    assert row.split()[3:8] == ["bleu", "22.6", "(22.6", "to", "22.6)"]
    assert max(map(len, str(summary(certain)).splitlines()[2:])) <= 100
    failed = MadeUp(draws=4, problems=("R-hat 1.2",)).fit()
    assert str(summary(failed)).startswith("DO NOT RELY ON THESE NUMBERS - not converged: R-hat 1.2.")


def test_a_probability_that_is_none(certain: Fit) -> None:
    with pytest.raises(UsageError, match="received 90; write"):
        summary(certain, prob=90)


def test_the_outlook_is_the_forecast_at_ten_times_the_last_size(uncertain: Fit) -> None:
    outlook = summary(uncertain).outlook
    expected = forecast(uncertain, [1e12]).frame()
    keys = ["task", "mixture", "finetune_tokens", "metric"]
    both = outlook.merge(expected, on=keys)
    assert len(both) == len(outlook) == 16
    assert set(both["ahead"]) == {1e12}
    np.testing.assert_allclose(both["forecast_median"], both["median"])
    now = outlook.merge(forecast(uncertain, [1e11]).frame(), on=keys)
    np.testing.assert_allclose(now["now_lower_x"], now["law_lower"])
    np.testing.assert_allclose(both["p_gain_x"], both["p_gain_y"])
    assert set(outlook["law"]) == {"log-law", "power-law"}
    assert outlook["p_gain"].between(0, 1).all()
    assert summary(uncertain).document()["outlook"][0]["ahead"] == 1e12


@pytest.mark.parametrize(
    ("gains", "told"),
    [
        ([0.3] * 8, "on 8 of 8 curves (P 0.9 or more), most on"),
        ([0.3] * 7 + [-0.9], "on 7 of 8 curves (P 0.9 or more), most on {0}. They worsen it most on {7}"),
        ([-0.9] * 8, "on none of 8 curves (P 0.9 or more). They worsen it most on"),
    ],
)
def test_the_headline_says_where_more_tokens_help_most_and_where_they_harm(
    gains: list[float], told: str
) -> None:
    gain = (("curve", "metric"), np.array([[own, 0.1] for own in gains]))
    fit = MadeUp(draws=40, replaced={"gain": gain}).fit()
    (line, *_) = summary(fit).headline()
    for part in re.split(r" \{\d\}", told):
        assert part in line
    own = summary(fit).outlook.query("metric == 'bleu'")
    change = own["forecast_median"] - own["now_median"]
    assert (change.max() > 0) == ("most on" in line.split(". They")[0])
    if "worsen" in told:
        assert f"to {own['forecast_median'].iloc[int(change.argmin())]:.1f}" in line


def test_the_best_mixture_is_the_most_probable_one() -> None:
    answer = rank(MadeUp(draws=400, width=0.3).fit(), [1e12])
    for _, own in answer.frame().groupby(["task", "finetune_tokens", "metric"]):
        best = answer.best()
        assert best[best.index.isin(own.index)]["p_best"].tolist() == [own["p_best"].max()]
