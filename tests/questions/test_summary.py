from __future__ import annotations

import json

import numpy as np
import pytest

from bayesscale.errors import UsageError
from bayesscale.inference import Fit
from bayesscale.laws import LOG_LAW, POWER_LAW
from bayesscale.questions.summary import summary
from tests.questions.made_up import MadeUp, rows


def test_coefficients_of_every_curve(certain: Fit) -> None:
    table = summary(certain).curves
    assert table.groupby(["task", "mixture", "finetune_tokens", "metric"]).size().tolist() == [5] * 16
    first = table[(table["task"] == "en-de") & (table["mixture"] == "en") & (table["finetune_tokens"] == 6e6)]
    axis, effects = certain.curves.axis, certain.draws("curve_effect")[0, 0]
    for metric, law, (level, gain, shape) in (
        ("bleu", LOG_LAW, effects[[0, 1, 4]]),
        ("cross_entropy", POWER_LAW, effects[[2, 3, 5]]),
    ):
        expected = {"level": np.exp(level), "gain": gain, **law.coefficients(level, gain, shape, axis)}
        found = first[first["metric"] == metric].set_index("quantity")
        assert list(found.index) == list(expected)
        for name in ("median", "lower", "upper"):
            np.testing.assert_allclose(found[name], list(expected.values()), rtol=1e-12)


def test_intervals_are_quantiles_of_the_draws(uncertain: Fit) -> None:
    row = summary(uncertain, prob=0.5).curves.query("quantity == 'gain' and metric == 'bleu'").iloc[3]
    draws = np.sort(uncertain.draws("curve_effect")[:, 3, 1])
    # The nearest of 2,000 draws: their positions are 0 to 1,999.
    assert (row["lower"], row["upper"]) == (draws[500], draws[1499])
    assert row["median"] in draws[999:1001]


def test_the_population_in_plain_words(certain: Fit) -> None:
    table = summary(certain).population.set_index(["metric", "effect", "quantity"])
    slope = table.loc[("bleu", "gain", "slope of finetune_tokens"), :]
    assert slope["meaning"] == "change of gain per factor of ten of finetune_tokens"
    assert slope["median"] == pytest.approx(0.1)
    alignment = table.loc[("cross_entropy", "level", "slope of alignment"), "meaning"]
    assert alignment == "change of level from alignment 0 to alignment 1"
    assert table.loc[("bleu", "shape of the log-law", "curve_sd"), "median"] == pytest.approx(0.1)
    noise = table.loc[("cross_entropy", "noise", "noise_sd"), "meaning"]
    assert noise == "scale of one run around its law (nats per token)"
    assert sum("correlation" in quantity for _, _, quantity in table.index) == 6
    assert ("bleu", "baseline", "baseline_slope") in table.index
    assert ("bleu", "noise", "se_independent") not in table.index


def test_a_single_curve_has_a_summary() -> None:
    table = rows(tasks=("en-fr",), mixtures={"en": {}}, finetune=(6e6,), metrics=("bleu",))
    fit = MadeUp(table=table.query("pretrain_tokens > 0"), draws=4).fit()
    quantities = summary(fit).population["quantity"].tolist()
    assert quantities == [
        *["mean", "curve_sd"] * 3,
        "correlation of bleu.level and bleu.gain",
        *["noise_sd", "noise_spread", "noise_tails"],
    ]


def test_coefficients_may_be_infinite_but_never_missing() -> None:
    steep = np.zeros((2, 2, 8, 6))
    steep[..., 0] = 3.0
    steep[..., 1] = 0.5
    steep[..., 4] = [[[-8.0], [0.0]], [[-8.0], [0.0]]]
    fit = MadeUp(draws=4, replaced={"curve_effect": (("curve", "effect"), steep)}).fit()
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
    text = str(summary(certain))
    assert "status: converged" in text
    assert "diagnostics: rhat 1.002, rhat_of mean, ess_bulk 900, divergences 0" in text
    assert "90% equal-tailed intervals from 20 posterior draws" in text
    row = next(line for line in text.splitlines() if line.split()[:3] == ["en-de", "en", "6M"])
    assert row.split()[3:7] == ["22.6", "(22.6", "to", "22.6)"]
    failed = MadeUp(draws=4, problems=("R-hat 1.2",)).fit()
    assert str(summary(failed)).startswith("DO NOT RELY ON THESE NUMBERS - not converged: R-hat 1.2.")


def test_a_probability_that_is_none(certain: Fit) -> None:
    with pytest.raises(UsageError, match="received 90; write"):
        summary(certain, prob=90)
