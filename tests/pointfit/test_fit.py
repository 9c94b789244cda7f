from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayesscale.errors import UsageError
from bayesscale.laws import LAWS
from bayesscale.metrics.read import read_metrics
from bayesscale.metrics.table import Metrics
from bayesscale.pointfit import PointFit, fit_huber
from bayesscale.simulate import SMALL, Regime, simulate, sized

QUIET = replace(SMALL, noise=0.0, breaks="none")


def simulated(regime: Regime, seed: int = 0) -> Metrics:
    return read_metrics(simulate(regime, seed).frame)


def one_curve(values: list[float], sizes: list[float] | None = None, metric: str = "bleu") -> Metrics:
    """Return the table of one curve."""
    sizes = sizes or [10.0 ** (9 + step / 2) for step in range(len(values))]
    frame = pd.DataFrame({"pretrain_tokens": sizes, "value": values})
    return read_metrics(frame.assign(task="en-fr", mixture="half", finetune_tokens=1e6, metric=metric))


@pytest.fixture(scope="module")
def quiet() -> PointFit:
    return fit_huber(simulated(QUIET))


def test_curves_without_noise_are_recovered_from_four_points(quiet: PointFit) -> None:
    frame = quiet.frame()
    assert len(frame) == 15 * 2
    assert frame["converged"].all()
    assert (frame["n_fit"] == 4).all()
    assert (frame["n_held_out"] == 6).all()
    assert (frame["held_out_rmsle"] < 1e-3).all()


def test_predictions_are_the_truth_where_there_is_no_noise(quiet: PointFit) -> None:
    truth = simulate(QUIET, 0).truth
    predicted = quiet.predict([1e10, 1e12])
    assert len(predicted) == 15 * 2 * 2
    for row in predicted.to_dict("records"):
        key = (str(row["task"]), str(row["mixture"]), int(row["finetune_tokens"]))
        true = truth.true_value(key, str(row["metric"]), row["pretrain_tokens"])
        assert row["value"] == pytest.approx(float(true), rel=1e-3)


def test_papers_coefficients_are_those_of_the_predictions(quiet: PointFit) -> None:
    predicted = quiet.predict([1e12]).set_index(["mixture", "finetune_tokens", "metric"])["value"]
    for row in quiet.frame().to_dict("records"):
        law = LAWS[str(row["law"])]
        value = law.at_size(1e12, {name: float(row[name]) for name in law.coefficient_names})
        key = (row["mixture"], row["finetune_tokens"], row["metric"])
        assert predicted[key] == pytest.approx(value, rel=1e-6)


def test_held_out_error_is_that_of_the_points_beyond() -> None:
    # The fitted points lie on 10 * 2^i, a limit of the log-law; the two others are 10% and 20% off.
    values = [10.0, 12.0, 14.0, 16.0, 18 * 1.1, 20 * 1.2]
    sizes = [1e9 * np.e**step for step in range(6)]
    (fit,) = fit_huber(one_curve(values, sizes)).fits
    small, large = np.log(1.1), np.log(1.2)
    assert fit.held_out_rmsle == pytest.approx(np.sqrt((small**2 + large**2) / 2), rel=1e-4)
    expected = (small**2 / 2 + 0.1 * (large - 0.05)) / 2
    assert fit.held_out_loss == pytest.approx(expected, rel=1e-4)
    assert fit.coefficients() == {
        "alpha": pytest.approx(2.0, rel=1e-3),
        "log_A": pytest.approx(10 - 2 * np.log(1e9), rel=1e-3),
        "beta": pytest.approx(1.0, rel=1e-3),
    }


def test_baseline_is_no_point_of_a_curve() -> None:
    regime = replace(SMALL, limit=2)
    with_baseline, without = (fit_huber(simulated(replace(regime, baseline=kept))) for kept in (True, False))
    pd.testing.assert_frame_equal(with_baseline.frame(), without.frame())


def test_all_sizes_can_be_fitted() -> None:
    frame = fit_huber(simulated(replace(SMALL, limit=2)), first=None).frame()
    assert (frame["n_fit"] == 10).all()
    assert (frame["n_held_out"] == 0).all()
    assert frame[["held_out_loss", "held_out_rmsle"]].isna().all(axis=None)


def test_zeros_are_left_out_and_counted() -> None:
    metrics = one_curve([0.0, 0.0, 10.0, 12.0, 14.0, 16.0, 18.0])
    (fit,) = fit_huber(metrics).fits
    assert (fit.n_fit, fit.n_held_out) == (4, 1)
    assert fit.message == "2 values not above 0 left out"
    assert fit.held_out_rmsle == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize("values", [[10.0, 12.0], [0.0, 0.0, 10.0, 12.0], [0.0, 0.0, 0.0]])
def test_too_few_points_are_a_status_and_no_crash(values: list[float]) -> None:
    fit = fit_huber(one_curve(values))
    (row,) = fit.frame().to_dict("records")
    assert str(row["message"]).startswith("not fitted: log-law has 3 parameters, the curve has")
    assert row["converged"] is False
    assert row["n_fit"] == 0
    assert fit.predict([1e12]).empty
    assert "not fitted" in str(fit)
    assert "nan" not in str(fit).lower()


def test_replicates_of_a_size_are_fitted_together() -> None:
    frame = pd.DataFrame(
        {
            "pretrain_tokens": [1e9, 1e9, 3e9, 9e9, 27e9, 81e9],
            "value": [10.0, 10.4, 12.0, 14.0, 16.0, 18.0],
            "seed": ["1", "2", "1", "1", "1", "1"],
        }
    )
    frame = frame.assign(task="en-fr", mixture="half", finetune_tokens=1e6, metric="bleu")
    (fit,) = fit_huber(read_metrics(frame)).fits
    assert (fit.n_fit, fit.n_held_out) == (5, 1)


def test_a_score_that_falls_is_predicted_no_lower_than_zero() -> None:
    fit = fit_huber(one_curve([20.0, 18.0, 15.0, 10.0, 9.0]))
    predicted = fit.predict([1e10, 1e13, 1e20])["value"]
    assert predicted.is_monotonic_decreasing
    assert ((predicted >= 0) & (predicted < 20)).all()
    assert np.isfinite(fit.fits[0].held_out_rmsle or np.nan)


def test_curves_in_finetuning_size() -> None:
    frame = pd.DataFrame({"finetune_tokens": [1e3, 1e4, 1e5, 1e6], "value": [5.0, 8.0, 11.0, 14.0]})
    metrics = read_metrics(frame.assign(task="en-id", mixture="mBart", metric="chrf"), axis="finetune_tokens")
    predicted = fit_huber(metrics).predict([1e7])
    assert list(predicted.columns) == ["task", "mixture", "metric", "finetune_tokens", "value"]
    assert predicted["value"].iloc[0] == pytest.approx(17.0, rel=1e-3)


def test_the_table_says_what_it_is() -> None:
    text = str(fit_huber(simulated(replace(SMALL, limit=3))))
    assert text.startswith(
        "Huber fit of the 4 smallest sizes of each curve (point estimate, no interval), "
        "as in arXiv 2402.04177; delta: log-law 0.1, power-law 0.001\n"
    )
    assert "coefficients: alpha, log_A, beta of the log-law; E, log_A, alpha of the power-law" in text
    assert len(re.findall(r"(?m) \S+, \S+, \S+ ", text)) >= 3 * 2
    assert "nan" not in text.lower()


def test_too_few_sizes_to_fit_are_refused() -> None:
    with pytest.raises(UsageError, match="needs as many sizes; received first=2"):
        fit_huber(one_curve([10.0, 11.0, 12.0]), first=2)


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_sizes_are_refused(quiet: PointFit, size: float) -> None:
    with pytest.raises(UsageError, match="finite numbers above 0"):
        quiet.predict([1e12, size])


def test_sixty_curves_take_seconds() -> None:
    metrics = simulated(sized(60))
    start = time.perf_counter()
    fit = fit_huber(metrics)
    assert len(fit.fits) == 120
    # 1.4 s on two cores; ten times as much would mean that the conditioning is lost.
    assert time.perf_counter() - start < 14


def test_real_curves_with_zeros_are_fitted_or_say_why(shared_data: Path) -> None:
    columns = {"task": "src+tgt", "mixture": "model", "finetune_tokens": "D_f_train_size"}
    metrics = read_metrics(shared_data / "schram_mt_bilingual.csv", columns=columns, axis="finetune_tokens")
    frame = fit_huber(metrics).frame()
    assert len(frame) == 120
    assert (frame["converged"] | frame["message"].str.contains("not fitted")).all()
    assert frame.loc[frame["converged"], ["alpha", "log_A", "beta", "loss"]].notna().all(axis=None)
    assert frame["message"].str.contains("not above 0 left out").sum() > 30
