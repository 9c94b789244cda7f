from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bayesscale.errors import QuestionError
from bayesscale.laws import LAWS
from bayesscale.simulate import PAPER, SMALL, Simulated, Truth, simulate, sized

KEY = ["task", "mixture", "finetune_tokens"]


def curves_of(simulated: Simulated, metric: str) -> list[tuple[tuple[str, str, int], pd.DataFrame]]:
    """Return each curve's key and rows, by D_p."""
    rows = simulated.frame[(simulated.frame["metric"] == metric) & (simulated.frame["pretrain_tokens"] > 0)]
    curves = [group for _, group in rows.sort_values("pretrain_tokens").groupby(KEY)]
    first = [curve.iloc[0] for curve in curves]
    keys = [(str(row["task"]), str(row["mixture"]), int(row["finetune_tokens"])) for row in first]
    return list(zip(keys, curves, strict=True))


def test_small_has_the_rows_it_promises() -> None:
    frame = simulate(SMALL, 0).frame
    assert list(frame.columns) == [
        *("task", "mixture", "pretrain_tokens", "finetune_tokens", "metric", "value"),
        *("share_en", "share_fr", "run"),
    ]
    baseline = frame["pretrain_tokens"] == 0
    assert len(frame[~baseline]) == 15 * 2 * 10
    assert len(frame[baseline]) == 3 * 2
    assert not frame.duplicated([*KEY, "pretrain_tokens", "metric"]).any()
    assert (frame.loc[baseline, "mixture"] == "").all()
    assert frame.loc[baseline, ["share_en", "share_fr"]].isna().all(axis=None)
    assert frame.loc[~baseline, ["share_en", "share_fr"]].sum(axis=1).to_numpy() == pytest.approx(1.0)
    assert (frame["run"] == "simulated-0").all()


def test_a_seed_is_a_data_set() -> None:
    pd.testing.assert_frame_equal(simulate(SMALL, 3).frame, simulate(SMALL, 3).frame)
    assert simulate(SMALL, 3).truth == simulate(SMALL, 3).truth
    assert not np.array_equal(simulate(SMALL, 3).frame["value"], simulate(SMALL, 4).frame["value"])


def test_checkpoints_noise_and_breaks_leave_the_laws_as_they_are() -> None:
    columns = [*KEY, "metric", "level", "gain", "shape", "noise"]
    laws = simulate(SMALL, 5).truth.frame()[columns]
    for other in (
        replace(SMALL, checkpoints=4),
        replace(SMALL, breaks="none"),
        replace(SMALL, breaks=1.0),
        replace(SMALL, standard_errors=True),
    ):
        pd.testing.assert_frame_equal(simulate(other, 5).truth.frame()[columns], laws)
    quiet = simulate(replace(SMALL, noise=0.0), 5).truth.frame()[columns]
    pd.testing.assert_frame_equal(quiet.drop(columns="noise"), laws.drop(columns="noise"))
    assert (quiet["noise"] == 0).all()


def test_values_without_noise_lie_on_the_truth() -> None:
    simulated = simulate(replace(SMALL, noise=0.0, standard_errors=True), 1)
    for metric in SMALL.metrics:
        for key, rows in curves_of(simulated, metric):
            true = simulated.truth.true_value(key, metric, rows["pretrain_tokens"].to_numpy())
            np.testing.assert_allclose(rows["value"], true, rtol=1e-12)
    assert (simulated.frame["se"] == 0).all()


def test_noise_has_the_standard_deviation_that_the_truth_says() -> None:
    scaled: list[float] = []
    for seed in range(20):
        simulated = simulate(SMALL, seed)
        for metric in SMALL.metrics:
            for key, rows in curves_of(simulated, metric):
                curve = simulated.truth.curve(key, metric)
                true = simulated.truth.true_value(key, metric, rows["pretrain_tokens"].to_numpy())
                scaled += list((rows["value"] - true) / curve.noise)
    # 6000 standard normal numbers: four standard errors are 0.05 for the mean and 0.04 for the sd.
    assert np.mean(scaled) == pytest.approx(0.0, abs=0.05)
    assert np.std(scaled) == pytest.approx(1.0, abs=0.04)


def test_standard_errors_are_reported_and_add_to_the_noise() -> None:
    residuals, errors = [], []
    for seed in range(20):
        simulated = simulate(replace(SMALL, standard_errors=True), seed)
        for key, rows in curves_of(simulated, "bleu"):
            curve = simulated.truth.curve(key, "bleu")
            true = simulated.truth.true_value(key, "bleu", rows["pretrain_tokens"].to_numpy())
            residuals += list((rows["value"] - true) / np.sqrt(curve.noise**2 + rows["se"] ** 2))
            errors += list(rows["se"])
    assert np.std(residuals) == pytest.approx(1.0, abs=0.05)
    assert np.median(errors) == pytest.approx(0.3, abs=0.01)


def test_mixtures_whose_text_ends_early_have_shorter_curves() -> None:
    lengths = simulate(PAPER, 0).frame.query("pretrain_tokens > 0").groupby([*KEY, "metric"]).size()
    assert set(lengths.xs("ro100", level="mixture")) == {8}
    assert set(lengths.drop("ro100", level="mixture")) == {10}


def test_other_scores_can_be_had() -> None:
    frame = simulate(replace(SMALL, metrics=("bleu", "chrf", "comet", "cross_entropy")), 0).frame
    medians = frame.groupby("metric")["value"].median()
    assert 45 < medians["chrf"] < 70
    assert 0.7 < medians["comet"] < 0.95
    one = simulate(replace(SMALL, metrics=("cross_entropy",), baseline=False), 0).frame
    assert set(one["metric"]) == {"cross_entropy"}
    assert (one["pretrain_tokens"] > 0).all()


def test_papers_coefficients_in_the_truth_are_the_same_laws() -> None:
    truth = simulate(SMALL, 2).truth
    sizes = np.geomspace(1e9, 1e12, 7)
    for curve in truth.curves:
        np.testing.assert_allclose(
            LAWS[curve.law].at_size(sizes, curve.coefficients), curve.law_value(sizes, truth.axis), rtol=1e-8
        )


def test_truth_survives_its_file() -> None:
    truth = simulate(SMALL, 2).truth
    assert Truth.from_json(truth.to_json()) == truth
    assert '"source": "simulated"' in truth.to_json().splitlines()[1]


def test_a_curve_that_was_not_simulated_is_refused() -> None:
    with pytest.raises(QuestionError, match=r"no curve .*'xx100'.* was simulated"):
        simulate(SMALL, 0).truth.true_value(("en-fr", "xx100", 42_000_000), "bleu", 1e12)


def test_960_curves_have_960_truths_for_each_metric() -> None:
    simulated = simulate(sized(960), 0)
    assert len(simulated.truth.curves) == 1920
    assert simulated.frame["value"].notna().all()
