from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pandas as pd
import pytest

from bayesscale.cli.main import load_command
from bayesscale.evaluation.forecasters import MODELS, FitOptions
from bayesscale.inference.sampler import Sampler
from tests.cli.fits import Command, caller
from tests.evaluation.forecasting import fake, frame, remembering


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the default model by one that samples nothing, and add one that is bad and one that fails."""
    monkeypatch.setitem(MODELS, "joint", fake())
    monkeypatch.setitem(MODELS, "log", fake(3.0, "not converged"))
    monkeypatch.setitem(MODELS, "saturating", fake(fails_below=12))


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = tmp_path / "table.csv"
    frame().to_csv(path, index=False)
    return str(path)


@pytest.fixture
def flagged(tmp_path: Path) -> str:
    """Return a table whose column `training` says what is to be fitted; else it would tell runs apart."""
    path = tmp_path / "flagged.csv"
    frame().assign(training=(frame()["pretrain_tokens"] < 3e9).astype(int)).to_csv(path, index=False)
    return str(path)


@pytest.fixture
def evaluate(capsys: pytest.CaptureFixture[str]) -> Command:
    return caller(capsys, "evaluate")


def test_what_fit_is_told_evaluate_is_told_in_the_same_words() -> None:
    fit, own = ({each.name: each for each in load_command(name).params} for name in ("fit", "evaluate"))
    # What names the file that is written, and another way to fit, which is a model here.
    elsewhere = {"output", "force", "method", "backtest"}
    assert set(fit) - set(own) == elsewhere
    for name in set(fit) - elsewhere - {"example", "first"}:
        assert own[name].opts == fit[name].opts
        assert own[name].default == fit[name].default
        assert getattr(own[name], "help", "") == getattr(fit[name], "help", "")


def test_options_of_a_fit_reach_it(
    evaluate: Command, table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[FitOptions] = []
    monkeypatch.setitem(MODELS, "joint", remembering(MODELS["joint"], asked))
    priors = tmp_path / "priors.toml"
    priors.write_text("degrees = 7.0\n")
    code, _, err = evaluate(
        table, "--priors", str(priors),
        "--breaks", "all", "--no-discrepancy", "--law", "log", "--draws", "150",
        "--chains", "3", "--cores", "1", "--longest", "5", "--seed", "8",
    )  # fmt: skip
    assert code == 0, err
    (options,) = asked
    assert options.sampler == Sampler(150, 3, 1, 8, 5)
    assert (options.breaks, options.discrepancy, options.law) == ("all", False, "log")
    assert options.priors.degrees == 7.0


def test_a_bundled_table_is_evaluated_by_name(evaluate: Command) -> None:
    code, out, _ = evaluate("--example", "isik-simulated", "--model", "last-value")
    assert code == 0
    assert "\nexample isik-simulated: " in f"\n{out}"


def test_phases_of_a_fit_are_told_while_it_runs(evaluate: Command, table: str) -> None:
    _, _, err = evaluate(table, "--first", "3", "--first", "4")
    assert [re.sub(r"\[\d+ s\] |\d+ s(?= left)", "", line) for line in err.splitlines()] == [
        "joint, first 3: forecasting 9 rows", "1 of 2: joint, first 3: converged, about  left",
        "joint, first 4: forecasting 7 rows", "2 of 2: joint, first 4: converged",
    ]  # fmt: skip


def test_json_has_every_forecast_and_the_seconds_of_fits(evaluate: Command, table: str) -> None:
    code, out, _ = evaluate(table, "--model", "joint", "--model", "last-value", "--json")
    assert code == 0
    document = json.loads(out)
    carried = [row for row in document["forecasts"] if row["model"] == "last-value"]
    assert len(carried) == len(document["forecasts"]) / 2 == 7
    for row in carried:
        assert row["crps"] == pytest.approx(abs(row["median"] - row["value"]))
        assert row["lower_90"] is None
    assert all(fit["seconds"] >= 0 for fit in document["fits"])


def test_rows_that_repeat_are_taken_once_and_told(evaluate: Command, tmp_path: Path) -> None:
    path, whole = tmp_path / "twice.csv", frame().drop(columns="seed")
    pd.concat([whole, whole.iloc[[9, 14]]]).to_csv(path, index=False)
    code, out, _ = evaluate(str(path), "--model", "last-value")
    assert code == 0
    assert "2 rows repeat another one in every cell and were merged" in out
    assert "\nbleu    7       3  " in out


def test_the_table_says_what_it_is(evaluate: Command, table: str) -> None:
    code, out, err = evaluate(table)
    assert code == 0
    assert re.fullmatch(r"\[\d+ s\] joint, .*\n\[\d+ s\] 1 of 1: joint, first 60%: converged\n", err)
    *_, heading, row, space, note = out.splitlines()
    assert heading.split()[:4] == ["metric", "n", "curves", "rmsle"]
    assert row.split()[:3] == ["bleu", "7", "3"]
    assert space == ""
    assert note.startswith("note: in P%: share of held-out values inside")


def test_json_has_every_score_pooled_by_distance_and_by_curve(evaluate: Command, table: str) -> None:
    code, out, _ = evaluate(table, "--first", "3", "--first", "0.5", "--json")
    document = json.loads(out)
    assert code == 0
    assert document["failures"] == []
    assert {row["split"] for row in document["pooled"]} == {"first 3", "first 50%"}
    for part in ("pooled", "by distance", "curves"):
        for name in ("rmsle", "crps", "log_score", "miscalibration", "cover_50", "cover_80", "width_90"):
            assert all(isinstance(row[name], float) for row in document[part])


@pytest.mark.parametrize(
    ("option", "column", "values"),
    [
        ([], "metric", {"bleu"}),
        (["--per-curve"], "mixture", {"a", "b", "c"}),
        (["--by-distance"], "distance", {"0.5 to 1", "1 to 2", "2 to 4"}),
    ],
)
def test_csv_has_the_rows_that_are_asked_for(
    evaluate: Command, table: str, option: list[str], column: str, values: set[str]
) -> None:
    code, out, _ = evaluate(table, "--csv", *option)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert {row[column] for row in rows} == values
    assert all(float(row[f"width_{prob}"]) > 0 for row in rows for prob in (50, 80, 90))
    code, out, _ = evaluate(table, *option)
    assert code == 0
    assert values <= set(" ".join(out.split()).split(" ")) or column == "distance"


def test_rows_that_are_fitted_may_be_named(evaluate: Command, flagged: str) -> None:
    code, out, _ = evaluate(flagged, "--training", "training=1", "--json")
    assert code == 0
    assert json.loads(out)["pooled"][0]["n"] == 12


def test_a_failed_diagnostic_and_a_failed_fit_end_with_4_and_all_other_numbers(
    evaluate: Command, table: str
) -> None:
    code, out, _ = evaluate(table, "--model", "log")
    assert code == 4
    assert out.startswith("DO NOT RELY ON THESE NUMBERS - log, first 60%: not converged")
    code, out, err = evaluate(table, "--model", "saturating", "--model", "joint", "--json")
    document = json.loads(out)
    assert code == 4
    assert {row["model"] for row in document["pooled"]} == {"joint"}
    assert document["failures"][0]["model"] == "saturating"
    assert document["failures"][0]["split"] == "first 60%"
    assert "saturating, first 60%: failed, DataError" in err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--first", "10"], 3, "'first 10' leaves none, the longest curve has 10 sizes; fit fewer"),
        (["--training", "pretrain_tokens>=0"], 3, "'pretrain_tokens>=0' leaves none"),
        (["--model", "saturating"], 3, "every one of the 1 fits failed:\n  saturating, first 60%: DataError"),
        (["--model", "log-law"], 2, "received 'log-law'"),
        (["--law", "log,up"], 2, "received 'up'"),
        (["--model", "huber", "--law", "log"], 2, "received the models huber; add joint"),
        (["--example", "isik-simulated"], 2, "give a metrics table or --example NAME, one of the two"),
        (["--jobs", "0"], 2, "jobs must be at least 1; received 0"),
        (["--jobs", "-2"], 2, "jobs must be at least 1; received -2"),
        (["--engine", "dask"], 2, "the backend is unknown; received 'dask'"),
        (["--first", "most"], 2, "received 'most'"),
        (["--first", "1"], 2, "received 1; write for instance 0.6 or 3"),
        (["--first", "3", "--training", "training=1"], 2, "choose one of them"),
        (["--per-curve", "--by-distance"], 2, "choose one of them"),
    ],
)
def test_what_cannot_be_evaluated(
    evaluate: Command, table: str, arguments: list[str], code: int, told: str
) -> None:
    ended, out, err = evaluate(table, *arguments)
    assert (ended, out) == (code, "")
    assert told in err
    assert "Traceback" not in err


def test_a_table_whose_curves_are_all_too_short(evaluate: Command, tmp_path: Path) -> None:
    path = tmp_path / "short.csv"
    frame({"a": 2, "b": 2}).to_csv(path, index=False)
    code, out, err = evaluate(str(path))
    assert (code, out) == (3, "")
    assert "the longest curve has 2 sizes; measure more sizes" in err
