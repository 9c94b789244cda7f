"""Fits, failures and distances of an evaluation, with forecasters that sample nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayesscale.engine import JobsError
from bayesscale.errors import UsageError
from bayesscale.evaluation import Evaluation, evaluate, split_first, split_rows
from bayesscale.evaluation.forecasters import MODELS, FitOptions
from bayesscale.evaluation.jobs import Workers
from bayesscale.evaluation.rivals import RIVALS
from bayesscale.evaluation.scores import PROBS
from bayesscale.inference.sampler import Sampler
from bayesscale.questions.forecast import forecast
from tests.evaluation.forecasting import baseline, fake, frame, read, remembering
from tests.questions.made_up import MadeUp

SCORES = {"rmsle", "mae", "crps", "log_score", "miscalibration"} | {
    f"{part}_{100 * prob:.0f}" for part in ("cover", "width") for prob in PROBS
}


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add forecasters that sample nothing: one that is right, one that is not, one that needs 14 rows."""
    for name, forecaster in (
        ("good", fake()),
        ("off", fake(3.0, "not converged")),
        ("needy", fake(fails_below=14)),
    ):
        monkeypatch.setitem(MODELS, name, forecaster)


def test_every_model_and_split_is_scored_pooled_by_curve_and_by_distance() -> None:
    found = evaluate(read(frame()), first=[0.5, 0.8], models=["good", "off"])
    assert found.frame()[["model", "split"]].to_numpy().tolist() == [
        ["good", "first 50%"], ["good", "first 80%"], ["off", "first 50%"], ["off", "first 80%"],
    ]  # fmt: skip
    document = found.document()
    for part in ("pooled", "by distance", "curves"):
        assert set(document[part][0]) >= SCORES
    assert {row["mixture"] for row in document["curves"]} == {"a", "b", "c"}
    good, off = (found.frame().query(f"model == '{name}'") for name in ("good", "off"))
    assert (good["cover_90"] == 1.0).all()  # draws lie around the very value
    assert (off["crps"].to_numpy() > good["crps"].to_numpy()).all()
    assert off["mae"].to_numpy() == pytest.approx(3.0, abs=0.1)


def test_a_job_that_fails_is_told_and_the_rest_goes_on() -> None:
    # 10 of the 18 rows are fitted at half, 14 at 80%.
    found = evaluate(read(frame()), first=[0.5, 0.8], models=["needy", "good"])
    assert found.frame()[["model", "split"]].to_numpy().tolist() == [
        ["good", "first 50%"], ["good", "first 80%"], ["needy", "first 80%"],
    ]  # fmt: skip
    (failure,) = found.failures
    assert (failure["model"], failure["split"], failure["curve"]) == ("needy", "first 50%", "all")
    assert failure["error"].startswith("DataError: no fit of ")
    assert found.document()["failures"] == [failure]
    assert found.sentences()[0].startswith(
        "FAILED and not in the table - needy, first 50%: DataError: no fit"
    )
    assert found.converged
    assert not found.complete
    alone = evaluate(read(frame()), first=[0.5, 0.8], models=["good"])
    pd.testing.assert_frame_equal(
        alone.frame(), found.frame().query("model == 'good'").reset_index(drop=True)
    )


def test_where_every_job_fails_there_is_no_answer() -> None:
    with pytest.raises(
        JobsError, match=r"every one of the 2 fits failed:\n  needy, first 3: DataError"
    ) as raised:
        evaluate(read(frame()), first=[3, 2], models=["needy"])
    assert raised.value.exit_code == 3


def test_a_failed_diagnostic_is_said_first() -> None:
    found = evaluate(read(frame()), models=["off"])
    assert not found.converged
    assert found.sentences()[0] == (
        "DO NOT RELY ON THESE NUMBERS - off, first 60%: not converged, R-hat 1.5, ESS 10"
    )


def test_the_number_of_processes_changes_nothing() -> None:
    one, two = (
        evaluate(read(frame()), first=[0.5, 0.8], models=["needy", "good", "off"], jobs=jobs)
        for jobs in (1, 2)
    )
    pd.testing.assert_frame_equal(one.rows, two.rows)
    assert one.failures == two.failures
    assert repr(untimed(one)) == repr(untimed(two))  # NaN is not equal to itself


def untimed(found: Evaluation) -> dict[str, object]:
    """Return the document without what a clock says."""
    document = found.document()
    fits = [{name: value for name, value in fit.items() if name != "seconds"} for fit in document["fits"]]
    kept = {name: value for name, value in document.items() if name not in ("created", "timings")}
    return {**kept, "fits": fits}


def test_every_fit_is_reported_as_it_ends() -> None:
    lines: list[str] = []
    evaluate(read(frame()), first=[0.5, 0.8], models=["needy"], report=lines.append)
    assert lines[0].startswith("1 of 2: needy, first 50%: failed, DataError: no fit of")
    assert lines[1] == "2 of 2: needy, first 80%: converged"


def told(jobs: int) -> list[str]:
    """Return what is reported of two fits, each of which tells one phase."""
    lines: list[str] = []
    evaluate(
        read(frame()), first=[0.5, 0.8], models=["good"], jobs=jobs, report=lines.append,
        phases=lambda name: lambda phase: lines.append(f"{name}: {phase}"),
    )  # fmt: skip
    return lines


def test_a_fit_in_this_process_tells_its_phases_as_they_begin() -> None:
    assert told(1) == [
        "good, first 50%: forecasting 8 rows", "1 of 2: good, first 50%: converged",
        "good, first 80%: forecasting 4 rows", "2 of 2: good, first 80%: converged",
    ]  # fmt: skip


def test_fits_side_by_side_say_how_many_there_are_before_the_first_has_ended() -> None:
    first, *others = told(2)
    assert first == "2 fits, at most 2 at a time, each told when it has ended"
    assert len(others) == 2
    assert all(line.endswith(": converged") for line in others)


def test_json_has_every_forecast_and_the_seconds_of_every_fit() -> None:
    found = evaluate(read(frame(), baseline()), first=[0.5, 0.8], models=["good", "off"])
    document = found.document()
    assert len(document["forecasts"]) == document["pooled"][0]["n"] * 2 + document["pooled"][1]["n"] * 2
    for row in document["forecasts"]:
        assert row["lower_90"] < row["lower_50"] < row["median"] < row["upper_50"] < row["upper_90"]
        assert row["value"] == pytest.approx(20.0 + np.log2(row["pretrain_tokens"] / 1e9))
        assert {"model", "split", "task", "mixture", "metric", "crps", "log_score", "pit", "distance"} <= set(
            row
        )
    pooled = pd.DataFrame(document["forecasts"]).groupby(["model", "split"])["crps"].mean()
    for row in document["pooled"]:
        assert row["crps"] == pytest.approx(pooled[row["model"], row["split"]])
    for fit in document["fits"]:
        assert fit["seconds"] > 0
        assert fit["timings"] == {"sample": 1.0}


def test_exact_duplicates_are_forecast_once_and_told() -> None:
    whole = frame().drop(columns="seed")
    twice = read(whole, whole.iloc[[0, 9]])
    found, once = (evaluate(each, models=["last-value"]) for each in (twice, read(whole)))
    pd.testing.assert_frame_equal(found.rows.drop(columns="line"), once.rows.drop(columns="line"))
    (note,) = found.document()["notes"]
    assert note == "2 rows repeat another one in every cell and were merged"
    assert note in found.sentences()


def test_options_of_a_fit_are_those_of_joint_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[FitOptions] = []
    monkeypatch.setitem(MODELS, "joint", remembering(MODELS["good"], asked))
    settings = {"breaks": "none", "discrepancy": False, "law": "log,rising"}
    found = evaluate(read(frame()), models=["joint"], **settings)  # type: ignore[arg-type]
    (options,) = asked
    assert (options.breaks, options.discrepancy, options.law) == ("none", False, "log,rising")
    kept = found.document()["settings"]
    assert (kept["law"], kept["model"]["breaks"], kept["model"]["discrepancy"]) == (
        "log,rising",
        "none",
        False,
    )
    assert kept["model"]["laws"] == ["log-law", "rising-power-law"]


def distances(found: Evaluation) -> dict[float, str]:
    return dict(zip(found.rows["efolds_beyond"].round(3), found.rows["distance"], strict=True))


def test_distance_is_counted_in_e_folds_from_the_last_fitted_size_of_the_curve() -> None:
    found = evaluate(read(frame({"a": 10, "b": 4})), first=[2], models=["good"])
    own = found.rows.query("mixture == 'a'")
    assert own["efolds_beyond"].to_numpy() == pytest.approx(np.log(2) * np.arange(1, 9))
    assert own["distance"].tolist() == [
        "0.5 to 1", "1 to 2", "2 to 4", "2 to 4", "2 to 4", "above 4", "above 4", "above 4",
    ]  # fmt: skip
    by = found.distances().set_index("distance")
    assert by.loc["0.5 to 1", "n"] == 2
    assert by["n"].sum() == 10


def test_sizes_between_fitted_ones_and_metrics_that_were_not_fitted_are_no_extrapolation() -> None:
    metrics = read(frame({"a": 5}, ("bleu", "chrf")), frame({"b": 5}, ("bleu", "chrf")))
    rows = metrics.frame
    place = np.log2(rows["pretrain_tokens"] / 1e9).round()
    chosen = (place != 2) & ~((rows["mixture"] == "b") & (rows["metric"] == "chrf"))
    split = split_rows(metrics, rows.loc[chosen, "line"].tolist(), "mine")
    found = evaluate(metrics, splits=[split], models=["good"]).rows
    assert set(found.query("mixture == 'a'")["distance"]) == {"inside the data"}
    unknown = found.query("mixture == 'b' and metric == 'chrf'")
    assert len(unknown) == 5
    assert set(unknown["distance"]) == {"metric not fitted"}


def test_curves_too_short_for_every_split_are_named() -> None:
    found = evaluate(read(frame({"a": 6, "b": 2})), first=[0.5, 0.8], models=["good"])
    assert found.short == ("t | b",)
    assert found.document()["too short"] == ["t | b"]
    assert "1 of 2 curves are too short to be split and are not forecast: t | b" in found.sentences()
    assert found.complete


def test_how_many_values_the_intervals_held_is_said_in_a_sentence() -> None:
    found = evaluate(read(frame()), first=[0.5], models=["good", "huber"])
    rows = found.rows.query("model == 'good'")
    held = f"{rows['inside_90'].sum():.0f} of {len(rows)} bleu"
    told = [line for line in found.sentences() if "90% intervals held" in line]
    assert told == [f"good, first 50%: 90% intervals held {held}"]


def test_curves_that_a_model_cannot_fit_are_named_with_the_reason() -> None:
    found = evaluate(read(frame({"a": 8, "b": 4})), first=[0.5], models=["huber"])
    (failure,) = found.failures
    assert (failure["model"], failure["curve"], failure["metric"]) == ("huber", "t | b", "bleu")
    assert "has 2 sizes with values above 0; measure at least 3" in failure["error"]
    assert set(found.rows["mixture"]) == {"a"}
    assert "huber, first 50%, t | b, bleu: not fitted" in found.sentences()[0]


def test_of_many_failures_a_person_sees_a_few_and_a_program_all() -> None:
    lengths = {"a": 8} | {f"b{number}": 4 for number in range(9)}
    found = evaluate(read(frame(lengths)), first=[0.5], models=["huber"])
    assert len(found.document()["failures"]) == 9
    assert found.sentences()[5] == "... and 4 more failures, all in --json"


def test_a_point_fit_has_no_intervals_and_its_crps_is_the_absolute_error() -> None:
    found = evaluate(read(frame({"a": 8})), first=[0.5], models=["huber"]).frame().iloc[0]
    assert found["crps"] == pytest.approx(found["mae"])
    assert np.isnan(found["cover_90"])
    assert np.isnan(found["width_90"])


def test_models_and_origins_that_are_named_twice_are_run_once() -> None:
    found = evaluate(read(frame()), first=[0.5, 0.5], models=["good", "good"])
    assert len(found.fits) == 1


def test_draws_do_not_wait_for_cores_that_other_jobs_use() -> None:
    assert Workers(1, "joblib").cores(None) is None
    assert Workers(10_000, "joblib").cores(None) == 1
    assert Workers(1, "ray").cores(None) == 1
    assert Workers(8, "ray").cores(3) == 3


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"models": ["joind"]}, "received 'joind'; did you mean 'joint'?"),
        ({"law": "log"}, "are those of the model joint; received the models good; add joint"),
        ({"discrepancy": False}, "are those of the model joint"),
        ({"law": "lag", "models": ["joint"]}, "received 'lag'; did you mean 'log'?"),
        ({"breaks": "some", "models": ["joint"]}, "breaks is unknown; received 'some'"),
        ({"models": []}, "needs a model; received none; valid: "),
        ({"jobs": 0}, "jobs must be at least 1; received 0"),
        ({"backend": "dask"}, "the backend is unknown; received 'dask'"),
        ({"first": [7.5]}, "received 7.5; write for instance 0.6 or 3"),
    ],
)
def test_what_cannot_be_asked(settings: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError) as raised:
        evaluate(read(frame()), **{"models": ["good"], **settings})  # type: ignore[arg-type]
    assert told in str(raised.value)


def test_the_seed_is_that_of_the_sampler() -> None:
    first, other = (
        evaluate(read(frame()), models=["good"], sampler=Sampler(seed=seed)).rows["median"] for seed in (0, 1)
    )
    assert not np.array_equal(first, other)
    again = evaluate(read(frame()), splits=[split_first(read(frame()), 0.6)], models=["good"])
    np.testing.assert_array_equal(first, again.rows["median"])


def test_every_model_has_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, object]] = []

    def remember(*_: object, priors: object, sampler: object, report: object, **settings: object) -> None:
        asked.append(settings)
        raise RuntimeError("asked")

    monkeypatch.setattr("bayesscale.inference.run.fit", remember)
    split = split_first(read(frame()), 0.6)
    names = ["joint", "log", "saturating", "rising", "breaking", "unbroken", "exact", "paper"]
    assert set(MODELS) == {*names, *RIVALS, "good", "off", "needy"}
    for name in names:
        with pytest.raises(RuntimeError, match="asked"):
            MODELS[name](split, FitOptions())
    usual = {"breaks": None, "discrepancy": True, "law": "all"}
    assert asked == [
        usual, usual | {"law": "log"}, usual | {"law": "saturating"}, usual | {"law": "rising"},
        usual | {"breaks": "scores"}, usual | {"breaks": "none"},
        usual | {"breaks": "none", "discrepancy": False}, usual | {"law": "paper"},
    ]  # fmt: skip


def test_the_default_forecaster_scores_draws_of_new_measurements(monkeypatch: pytest.MonkeyPatch) -> None:
    made = MadeUp(draws=2000, noise=0.3, degrees=1e7).fit()
    monkeypatch.setattr("bayesscale.inference.run.fit", lambda *_, **__: made)
    split = split_first(made.metrics, 2)
    rows, record = MODELS["joint"](split, FitOptions())
    assert {name: record[name] for name in ("status", "rhat", "ess_bulk")} == {
        "status": "converged", "rhat": 1.002, "ess_bulk": 900.0,
    }  # fmt: skip
    assert record["timings"] == {"sample": 1.0}
    assert len(rows) == len(split.held) == 16
    wide = (rows["upper_90"] - rows["lower_90"]).to_numpy()
    assert wide == pytest.approx(np.full(16, 2 * 1.645 * 0.3), rel=0.1)
    key = [*split.train.curve_columns, "metric"]
    expected = forecast(made, [1e11]).frame().set_index(key)["law_median"]
    assert rows.set_index(key)["median"].to_numpy() == pytest.approx(
        expected.loc[list(rows[key].itertuples(index=False, name=None))].to_numpy(), abs=0.05
    )
