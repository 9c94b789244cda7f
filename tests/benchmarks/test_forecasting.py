"""The baselines of benchmarks/forecast.py recover what they stand for, and agree with what they copy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bayesscale.evaluation import split_first
from bayesscale.laws import LOG_LAW, POWER_LAW, LogAxis
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.pointfit.huber import fit_curve
from benchmarks.forecast import SAMPLER, conclusions, summary
from benchmarks.forecasting import huber, unpooled
from benchmarks.forecasting.bnsl import bnsl
from benchmarks.forecasting.curves import Curve, curves, scored
from benchmarks.forecasting.estimators import Predictor, m1, m2, m3, m4
from benchmarks.forecasting.least_squares import minimise
from benchmarks.forecasting.models import DEFAULT, MODELS
from benchmarks.forecasting.peers import NotAvailableError
from benchmarks.forecasting.splits import FORECASTS
from benchmarks.tables import TABLES

Array = NDArray[np.float64]
SIZE, AHEAD = np.geomspace(1e5, 1e8, 12), np.array([1e9])


def rmsle(split: str, fit: object) -> float:
    """Return the mean over curves of what an estimator gets wrong."""
    assert callable(fit)
    errors = [
        np.log(fit(curve.size, curve.error)(curve.ahead) / curve.held["value"].to_numpy(float))
        for curve in curves(FORECASTS[split].make())
    ]
    return float(np.mean([np.sqrt(np.mean(error**2)) for error in errors]))


def curve_of(metric: str, value: Array, size: Array = SIZE) -> Curve:
    """Return a curve without anything held out."""
    return Curve(CATALOGUE[metric], size, value, np.full(len(size), np.nan), AHEAD, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fit", "split", "published"),
    [
        (m1, "google NMT", 0.2217),
        (m1, "google LM", 0.01397),
        (m1, "google BB", 0.0148),
        (m2, "google NMT", 0.0341),
        (m2, "google LM", 0.00102),
        (m3, "google NMT", 0.0471),
        (m3, "google LM", 0.00227),
        (m3, "google BB", 0.0087),
    ],
)
def test_estimators_get_what_their_authors_code_gets(
    fit: object, split: str, published: float, shared_data: Path
) -> None:
    assert rmsle(split, fit) == pytest.approx(published, rel=0.01)


def test_m4_is_close_to_what_its_authors_code_gets(shared_data: Path) -> None:
    # Their error of guessing moves a little before the code stops, see `estimators`.
    assert rmsle("google NMT", m4) == pytest.approx(0.0208, abs=0.002)


def test_estimators_recover_their_own_formula() -> None:
    size, ahead = SIZE, np.array([1e9, 1e10])
    cases: list[tuple[Callable[[Array, Array], Predictor], Callable[[Array], Array]]] = [
        (m1, lambda x: 3.0 * x**-0.1),
        (m2, lambda x: 0.1 + 3.0 * x**-0.2),
        (bnsl, lambda x: 0.05 + 2.0 * x**-0.05 * (1 + (x / 3e6) ** 4.0) ** (-0.2 / 4.0)),
    ]
    for fit, formula in cases:
        np.testing.assert_allclose(fit(size, formula(size))(ahead), formula(ahead), rtol=0.01)


def test_m4_solves_for_what_it_forecasts() -> None:
    # M4 with a = 1 is logistic: error = (e + e0 f) / (1 + f).
    def formula(x: Array) -> Array:
        power = 30.0 * x**-0.25
        return np.asarray((0.2 + power) / (1.0 + power))

    np.testing.assert_allclose(m4(SIZE, formula(SIZE))(AHEAD), formula(AHEAD), rtol=0.01)


def test_batched_least_squares_agree_with_the_point_fit() -> None:
    rng, u = np.random.default_rng(0), np.linspace(0.0, 1.0, 12)
    y = np.log(LOG_LAW.value(u, 3.2, 0.7, 0.1)) + 0.05 * rng.standard_t(2, size=12)
    best = fit_curve(LOG_LAW, u, np.exp(y), 0.1)

    def residuals(place: Array) -> Array:
        level, gain, shape = (column[:, None] for column in place.T)
        return np.asarray(np.log(LOG_LAW.value(u, level, gain, shape)) - y)

    start, bound = np.array([[3.0, 0.5, 0.0], [3.0, 0.3, 1.0]]), np.array([9.0, 9.0, 5.0])
    place, loss = minimise(residuals, start, low=-bound, high=bound, delta=0.1, turns=300)
    # Huber weights follow the residuals, so the last digits come slowly.
    np.testing.assert_allclose(loss, best.loss, rtol=1e-4)
    np.testing.assert_allclose(place, np.tile(best.parameters, (2, 1)), atol=0.01)


@pytest.mark.parametrize("kind", ["residuals", "pairs"])
def test_bootstraps_spread_with_the_noise_and_not_at_all_with_three_points(kind: str) -> None:
    u, rng = np.linspace(0.0, 1.0, 12), np.random.default_rng(1)
    law, noise = LOG_LAW.value(u, 3.2, 0.7, 0.1), rng.normal(size=12)
    spreads = []
    for sd in (0.005, 0.02):
        draws = huber.bootstrap([curve_of("bleu", law * np.exp(sd * noise))], kind, 0)[0]
        assert draws is not None
        spreads.append(float(np.ptp(np.quantile(draws, [0.05, 0.95]))))
    assert 2 < spreads[1] / spreads[0] < 8
    exact = huber.bootstrap([curve_of("bleu", law[[0, 5, 11]], SIZE[[0, 5, 11]])], kind, 0)[0]
    assert exact is not None
    assert float(np.ptp(exact)) < 0.01 * float(exact.mean())


def test_bootstrap_says_that_zeros_cannot_be_fitted() -> None:
    assert huber.bootstrap([curve_of("bleu", np.array([0.0, 0.0, 3.0]), SIZE[:3])], "pairs", 0) == [None]


def test_unpooled_recovers_exact_laws_and_is_wide_on_few_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpooled, "STEPS", 3000)
    monkeypatch.setattr(unpooled, "THIN", 50)
    axis = LogAxis(SIZE[0], SIZE[-1])
    value = POWER_LAW.value(axis.u(SIZE), 0.4, 0.3, -0.3)
    few = np.array([0, 3, 5])
    found, record = unpooled.forecasts(
        [curve_of("cross_entropy", value), curve_of("cross_entropy", value[few], SIZE[few])], axis, 0
    )
    assert record["status"] == "converged"
    truth = float(POWER_LAW.value(axis.u(AHEAD), 0.4, 0.3, -0.3)[0])
    ends = [np.quantile(draws, [0.05, 0.95]) for draws in found if draws is not None]
    assert all(low < truth < high for low, high in ends)
    assert np.ptp(ends[1]) > 3 * np.ptp(ends[0])


def test_scores_are_forecast_within_their_range() -> None:
    import pandas as pd

    held = pd.DataFrame({"value": [30.0]})
    curve = Curve(CATALOGUE["bleu"], SIZE, SIZE, SIZE, AHEAD, held)
    assert scored([(curve, np.array([250.0]))])["median"].tolist() == [100.0]
    assert scored([(curve, np.array([[-5.0, 20.0, 400.0]]))])["median"].tolist() == [20.0]
    assert scored([(curve, None)]).empty


def test_every_split_forecasts_larger_sizes_or_whole_columns(shared_data: Path) -> None:
    counts = {}
    for name, forecast in FORECASTS.items():
        split = forecast.make()
        counts[name] = (len(split.train.curves()), len(split.held))
        if "inner" not in name:
            last = split.train.frame.groupby([*split.train.curve_columns, "metric"])[split.train.axis].max()
            first = split.held.groupby([*split.train.curve_columns, "metric"])[split.train.axis].min()
            # Of a corpus that was not measured all sizes are forecast.
            known = first.index.intersection(last.index)
            assert len(known) == (0 if "new" in name else len(first)), name
            assert (first[known] > last[known]).all(), name
    assert counts["google NMT"] == (5, 5)
    assert counts["google BB"] == (10, 240)
    assert counts["proxylm"] == (224, 672)
    assert counts["syn2real D_p"] == (15, 60)
    assert counts["syn2real D_f outer"] == (7, 21)
    assert counts["bigscience_1b3"] == (35, 1144)


def test_rivals_of_evaluate_are_rivals_here_and_forecast_every_real_value(shared_data: Path) -> None:
    split, crps = FORECASTS["schram mBart50 60%"].make(), {}
    for name in ("last-value", "conformal-last"):
        rows, _ = MODELS[name].run(split, SAMPLER)
        assert name in DEFAULT
        assert len(rows) == len(split.held)
        crps[name] = rows["crps"].mean()
    # A distribution around a forecast is worth more than the forecast alone.
    assert crps["conformal-last"] < crps["last-value"]


def test_any_estimator_can_be_put_into_conformal_intervals(shared_data: Path) -> None:
    split = FORECASTS["google BB"].make()
    (alone, _), (rows, record) = (MODELS[name].run(split, SAMPLER) for name in ("M2", "conformal M2"))
    key = [*split.train.curve_columns, split.train.axis]
    one, other = (each.sort_values(key)["median"].to_numpy(float) for each in (alone, rows))
    np.testing.assert_allclose(one, other)
    assert record["residuals"]["error_rate"] >= 9
    assert (rows["upper_90"] > rows["lower_90"]).all()


def test_rivals_that_cannot_be_calibrated_are_told_and_do_not_end_the_run(shared_data: Path) -> None:
    # Three sizes of a curve leave none to calibrate with.
    metrics = TABLES["proxylm"].read()
    some = metrics.frame["task"].isin(metrics.frame["task"].unique()[:3])
    split = split_first(replace(metrics, frame=metrics.frame[some].reset_index(drop=True)), 3)
    with pytest.raises(NotAvailableError, match="not run: no curve could be fitted"):
        MODELS["conformal"].run(split, SAMPLER)


def test_forecasts_are_compared_with_the_old_default_and_the_best_rival_of_the_same_values() -> None:
    def result(model: str, crps: float, n: int = 4) -> dict[str, Any]:
        covered = {"cover_50": 0.5, "cover_80": 0.75, "cover_90": 1.0}
        scores = [{"metric": "bleu", "n": n, "crps": crps, **covered}]
        return {
            "split": "proxylm",
            "model": model,
            "record": {"status": "fine"},
            "seconds": 2.0,
            "scores": scores,
        }

    results = [result("joint", 1.0), result("old default", 2.0), result("M1", 4.0), result("M2", 0.1, n=3)]
    found = {(each["split"], each["model"]): each for each in results}
    (row,) = summary(found).to_dict("records")
    assert (row["to old"], row["best rival"], row["to rival"]) == (0.5, "M1", 0.25)
    told = conclusions(found)
    assert told[0] == "CRPS 0.500 times that of the old default (better on 1 of 1 splits)"
    assert told[-1] == "1 splits fitted in 2 s"
