from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bayesscale.errors import QuestionError, UsageError
from bayesscale.inference import Fit
from bayesscale.laws import LOG_LAW, POWER_LAW
from bayesscale.posterior.predictive import Predictive
from bayesscale.questions.forecast import forecast
from bayesscale.questions.rank import rank
from bayesscale.questions.select import Selection, drawn_curves
from bayesscale.questions.value.ask import value
from tests.models.near_zero import log_of
from tests.questions.made_up import MadeUp, parameters, rows

INTERVALS = ["median", "mean", "lower", "upper", "law_median", "law_lower", "law_upper"]
AHEAD = ["now_median", "now_lower", "now_upper", "p_gain"]
COLUMNS = [*INTERVALS, "p_break", "efolds_beyond", "measured", *AHEAD]
KEY = ["task", "mixture", "finetune_tokens", "metric", "pretrain_tokens"]


def test_without_uncertainty_every_number_is_the_law(certain: Fit) -> None:
    frame = forecast(certain, [1e9, 3e10, 1e13]).frame()
    curves, own = certain.curves, parameters(certain)[0]
    assert len(frame) == 8 * 2 * 3
    for place, (_, row) in enumerate(frame.iterrows()):
        curve, metric = place // 6, place // 3 % 2
        law = (LOG_LAW, POWER_LAW)[metric]
        expected = law.value(curves.axis.u(row["pretrain_tokens"]), *own[curve, metric])
        np.testing.assert_allclose(row[INTERVALS].astype(float), expected, rtol=1e-12)


def test_columns(certain: Fit) -> None:
    frame = forecast(certain, [1e12]).frame()
    assert list(frame.columns) == [*KEY, *COLUMNS]
    without = MadeUp(table=rows(finetune=(6e6,)).drop(columns="finetune_tokens"), draws=4).fit()
    assert list(forecast(without, [1e12]).frame().columns)[:4] == [
        "task",
        "mixture",
        "metric",
        "pretrain_tokens",
    ]


def test_sizes_keep_the_roles_of_the_table() -> None:
    swapped = {"finetune_tokens": "pretrain_tokens", "pretrain_tokens": "finetune_tokens"}
    table = rows().query("pretrain_tokens > 0").rename(columns=swapped)
    fit = MadeUp(table=table, axis="finetune_tokens", draws=4).fit()
    frame = forecast(fit, [1e12], tasks=["en-fr"], mixtures=["en"], metrics=["bleu"]).frame()
    assert list(frame.columns)[:5] == ["task", "mixture", "pretrain_tokens", "metric", "finetune_tokens"]
    assert frame["pretrain_tokens"].tolist() == [6e6, 42e6]
    assert forecast(fit, [1e12]).document()["axis"] == "finetune_tokens"
    with pytest.raises(UsageError, match="finite numbers above 0; received 0"):
        forecast(fit, [0.0])


def quantile_error(prob: float, draws: int) -> float:
    """Return five standard errors of a normal quantile estimated from draws, in standard deviations."""
    density = stats.norm.pdf(stats.norm.ppf(prob))
    return float(5 * np.sqrt(prob * (1 - prob) / draws) / density)


@pytest.mark.parametrize("prob", [0.5, 0.9])
def test_intervals_are_quantiles_of_law_and_noise(prob: float) -> None:
    draws, noise = 20_000, 0.4
    fit = MadeUp(table=rows(tasks=("en-fr",), metrics=("bleu",)), draws=draws, noise=noise, degrees=1e7).fit()
    row = forecast(fit, [1e11], prob=prob, mixtures=["en"], other_sizes=[6e6]).frame().iloc[0]
    z, error = stats.norm.ppf((1 + prob) / 2), quantile_error((1 + prob) / 2, draws)
    assert row["law_lower"] == row["law_upper"] == row["law_median"]
    assert (row["upper"] - row["law_median"]) / noise == pytest.approx(z, abs=error)
    assert (row["lower"] - row["law_median"]) / noise == pytest.approx(-z, abs=error)


def test_the_law_has_the_quantiles_of_its_draws(uncertain: Fit) -> None:
    # At the upper anchor the log-law is exp(level), whatever gain and shape are.
    row = forecast(uncertain, [1e11], curves=["en-fr | en | 6M"], metrics=["bleu"], prob=0.8).frame().iloc[0]
    curve = uncertain.curves.labels.index("en-fr | en | 6M")
    expected = np.quantile(np.exp(uncertain.draws("level")[:, curve, 0]), [0.1, 0.5, 0.9])
    np.testing.assert_allclose(
        row[["law_lower", "law_median", "law_upper"]].astype(float), expected, rtol=1e-12
    )


def test_noise_is_that_of_the_curve() -> None:
    noise = np.full((8, 2), np.log(0.3))
    twice = noise.copy()
    twice[3, 0] = np.log(0.6)
    same, double = (
        MadeUp(replaced={"noise": (("curve", "metric"), values)}).fit() for values in (noise, twice)
    )
    first, second = (forecast(fit, [1e12]).frame() for fit in (same, double))
    ratio = (second["upper"] - second["law_median"]) / (first["upper"] - first["law_median"])
    expected = np.ones(16)
    expected[6] = 2.0
    np.testing.assert_allclose(ratio, expected, rtol=1e-9)


def test_the_independent_part_of_the_standard_error_is_added() -> None:
    table = rows()
    table["se"] = np.where(table["metric"] == "bleu", [0.6] * len(table), np.nan)
    plain = forecast(MadeUp(noise=0.3).fit(), [1e12]).frame()
    with_se = forecast(MadeUp(table=table, noise=0.3, independent=0.25).fit(), [1e12]).frame()
    ratio = (with_se["upper"] - with_se["law_median"]) / (plain["upper"] - plain["law_median"])
    # Near zero the own noise vanishes; 5% of a typical BLEU are 1.25.
    own = 0.3**2 * plain["law_median"] / (plain["law_median"] + 1.25)
    expected = np.where(plain["metric"] == "bleu", np.sqrt(1.0 + 0.25 * 0.6**2 / own), 1.0)
    np.testing.assert_allclose(ratio, expected, rtol=1e-9)


def test_scores_that_have_not_left_zero_are_named() -> None:
    level = np.tile(np.log([25.0, 1.5]), (8, 1))
    level[:3, 0] = np.log(0.5)
    fit = MadeUp(replaced={"level": (("curve", "metric"), level)}).fit()
    told = (
        "bleu may not have reached 1.25 yet on 3 of 8 curves: such scores often take off later; when and how "
        "steeply is assumed, not learned (take_off in `bayesscale priors`)"
    )
    assert forecast(fit, [1e12]).notes[0] == told
    assert told in rank(fit, [1e12]).notes
    assert told in value(fit).notes
    assert not any("take off" in note for note in forecast(fit, [1e12], metrics=["cross_entropy"]).notes)


def test_forecasts_stay_in_the_range_of_their_metric() -> None:
    fit = MadeUp(table=rows(metrics=("bleu", "comet")), noise=60.0).fit()
    answer = forecast(fit, [1e12])
    frame = answer.frame()
    assert frame["lower"].min() == 0.0
    assert frame.groupby("metric")["upper"].max().to_dict() == {"bleu": 100.0, "comet": 1.0}
    assert frame["mean"].between(frame["lower"], frame["upper"]).all()
    assert "16 of 16 intervals are cut at the end of their metric's range" in answer.notes


def test_chunks_change_no_number(uncertain: Fit) -> None:
    wanted = Selection(mixtures=["en", "de"], other_sizes=[6e6, 1e9])
    drawn, _ = drawn_curves(uncertain, wanted, seed=3)
    sizes = np.broadcast_to([0.0, 1e12], (8, 2))
    whole, small = (Predictive(drawn, 0.9, chunk).describe(sizes, [0, 1]) for chunk in (10**9, 1))
    np.testing.assert_array_equal(whole, small)


def test_an_answer_does_not_depend_on_what_else_is_asked(uncertain: Fit) -> None:
    everything = forecast(uncertain, [1e11, 1e12], mixtures=["en", "de"]).frame()
    alone = forecast(uncertain, [1e12], tasks=["en-fr"], mixtures=["de"], metrics=["cross_entropy"]).frame()
    both = alone.merge(everything, on=KEY, suffixes=("", "_of_all"))
    assert len(both) == len(alone) == 2
    for name in INTERVALS:
        np.testing.assert_array_equal(both[name], both[f"{name}_of_all"])


def test_the_seed_decides(uncertain: Fit) -> None:
    frames = [forecast(uncertain, [1e12], seed=seed).frame() for seed in (None, 7, 8)]
    pd.testing.assert_frame_equal(frames[0], frames[1])
    assert (frames[0]["upper"] != frames[2]["upper"]).all()
    assert (frames[0]["law_upper"] == frames[2]["law_upper"]).all()


def test_intervals_widen_beyond_the_data(uncertain: Fit) -> None:
    frame = forecast(uncertain, [1e11, 1e12, 1e13, 1e14]).frame()
    frame["width"] = np.log(frame["law_upper"] / frame["law_lower"])
    widths = frame["width"].to_numpy().reshape(-1, 4)
    assert (np.diff(widths, axis=1) > 0).all()


def test_efolds_beyond_are_those_of_curve_and_metric() -> None:
    table = rows(tasks=("en-fr",))
    long = (table["mixture"] == "en") | (table["pretrain_tokens"] < 1e11)
    both = (table["metric"] == "bleu") | (table["pretrain_tokens"] < 1e11)
    fit = MadeUp(table=table[long & both], draws=4).fit()
    frame = forecast(fit, [0, 1e11], other_sizes=[6e6]).frame()
    expected = [np.nan, 0.0, np.nan, np.log(10), np.nan, np.log(10), np.nan, np.log(10)]
    np.testing.assert_allclose(frame["efolds_beyond"], expected)
    new = forecast(fit, [1e12], mixtures=["de"], metrics=["bleu"]).frame()
    np.testing.assert_allclose(new["efolds_beyond"], np.log(10))


def test_size_zero_is_the_baseline(certain: Fit) -> None:
    answer = forecast(certain, [1e9, 0.0])
    frame = answer.frame().query("pretrain_tokens == 0")
    level = certain.draws("baseline_level")[0]
    cell = frame[["task", "finetune_tokens"]].apply(tuple, axis=1)
    places = {("en-de", 6e6): 0, ("en-de", 42e6): 1, ("en-fr", 6e6): 2, ("en-fr", 42e6): 3}
    metric = frame["metric"].map({"bleu": 0, "cross_entropy": 1})
    np.testing.assert_allclose(frame["median"], np.exp(level[cell.map(places), metric]), rtol=1e-12)
    assert frame["efolds_beyond"].isna().all()
    assert "size 0 is the non-pretrained baseline, the same for every mixture" in answer.notes


def test_the_baseline_of_another_size_follows_its_line() -> None:
    fit = MadeUp(draws=20, spread=0.0).fit()
    row = forecast(fit, [0], tasks=["en-fr"], mixtures=["en"], other_sizes=[1e9]).frame().iloc[0]
    covariate = 9.0 - (np.log10(6e6) + np.log10(42e6)) / 2
    place = np.log(25.0) - 0.45 + 0.2 * covariate
    assert row["median"] == pytest.approx(np.exp(log_of(place, np.log(1.25))))
    assert not row["measured"]


def test_without_baseline_there_is_no_size_zero() -> None:
    fit = MadeUp(table=rows().query("pretrain_tokens > 0"), draws=4).fit()
    with pytest.raises(QuestionError, match="the data of this fit have none"):
        forecast(fit, [0])


def test_metrics_that_a_curve_lacks_are_noted() -> None:
    table = rows()
    answer = forecast(
        MadeUp(table=table[(table["metric"] == "bleu") | (table["mixture"] != "en")], draws=4).fit(), [1e11]
    )
    assert [note for note in answer.notes if "cross_entropy" in note] == [
        "cross_entropy was not measured on 4 of 8 curves: what is said of it there follows from other "
        "metrics and curves"
    ]


@pytest.mark.parametrize(
    ("sizes", "options", "told"),
    [
        ([], {}, "received none"),
        ([-1.0, np.inf, 1e9], {}, "finite numbers of at least 0; received -1, inf"),
        ([1e9], {"prob": 90}, "lies between 0 and 1; received 90; write 0.9 for 90%"),
        ([1e9], {"prob": float("nan")}, "received nan"),
        ([1e9], {"metrics": ["blue"]}, "received 'blue'; did you mean 'bleu'? valid: bleu, cross_entropy"),
        ([1e9], {"metrics": ["chrf"]}, "received 'chrf'"),
    ],
)
def test_questions_that_cannot_be_answered(
    certain: Fit, sizes: list[float], options: dict[str, Any], told: str
) -> None:
    with pytest.raises((QuestionError, UsageError)) as caught:
        forecast(certain, sizes, **options)
    assert told in str(caught.value)


def test_metrics_have_aliases(certain: Fit) -> None:
    assert set(forecast(certain, [1e9], metrics=["CE", "cross-entropy"]).frame()["metric"]) == {
        "cross_entropy"
    }


def test_document() -> None:
    fit = MadeUp(draws=20, table=rows(tasks=("en-fr",), mixtures={"en": {}})).fit()
    document = forecast(fit, [0, 1e12], prob=0.5, other_sizes=[6e6], metrics=["bleu"]).document()
    text = json.dumps(document, allow_nan=False)
    baseline = 25 * np.exp(-0.5)
    now, law = LOG_LAW.value(np.array([1.0, 1.5]), np.log(25) - 0.1, 0.5 - 0.1, 0.1 - 0.1)
    assert json.loads(text) == {
        "interval": {"kind": "equal-tailed", "prob": 0.5},
        "status": "converged",
        "problems": [],
        "remedy": "",
        "draws": 20,
        "laws": ["log-law", "power-law"],
        "simulated": False,
        "source": "DataFrame",
        "data_hash": fit.metrics.data_hash,
        "seed": 7,
        "versions": {"bayesscale": "0", "python": "3"},
        "backtest": None,
        "axis": "pretrain_tokens",
        "units": {
            "bleu": "BLEU points",
            "pretrain_tokens": "tokens",
            "finetune_tokens": "tokens",
            "efolds_beyond": "e-folds of pretrain_tokens",
        },
        "notes": [
            "size 0 is the non-pretrained baseline, the same for every mixture",
            "the sizes reach up to 10 times beyond the data: there the intervals assume that the laws go on "
            "to hold",
        ],
        "forecasts": [
            {
                "task": "en-fr",
                "mixture": "en",
                "finetune_tokens": 6e6,
                "metric": "bleu",
                "pretrain_tokens": size,
                "p_break": None,
                "efolds_beyond": beyond,
                "measured": True,
                **dict.fromkeys(INTERVALS, pytest.approx(value)),
                **dict.fromkeys(AHEAD[:3], pytest.approx(now)),
                "p_gain": 1.0 if size else None,
            }
            for size, value, beyond in ((0.0, baseline, None), (1e12, law, pytest.approx(np.log(10))))
        ],
    }


def test_the_table_for_people_says_what_it_is(certain: Fit) -> None:
    text = str(forecast(certain, [1e12], prob=0.5, metrics=["bleu"]))
    value = f"{LOG_LAW.value(1.5, np.log(25) + 0.1, 0.5 + 0.1, 0.1 + 0.1):.1f}"
    whole = f"{value} ({value} to {value})"
    value = f"{LOG_LAW.value(1.0, np.log(25) + 0.1, 0.5 + 0.1, 0.1 + 0.1):.1f}"
    now = f"{value} ({value} to {value})"
    first, _, *table = text.splitlines()
    assert first.startswith("More tokens, up to D_p 1T, improve bleu by more than 1 on 8 of 8 curves")
    assert table[8].split() == [
        *("en-fr", "en+fr", "42M", "bleu", "1T"), *now.split(), *whole.split(), ">0.99",
    ]  # fmt: skip
    assert table[10] == "DataFrame: 8 curves; 50% intervals, 20 draws, converged"
