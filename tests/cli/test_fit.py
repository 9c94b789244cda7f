from __future__ import annotations

import csv
import inspect
import io
import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

import bayesscale.inference
from bayesscale.cli.fit import fit as command
from bayesscale.evaluation import backtest
from bayesscale.inference import Fit, Sampler, load, run
from bayesscale.inference.status import Diagnostics, Worst
from bayesscale.inference.track_record import KEY, TrackRecord
from bayesscale.models.priors import Priors
from tests.cli.fits import Command, caller
from tests.questions.made_up import MadeUp, rows

DIAGNOSTICS = Diagnostics(
    Worst(1.0034, "mean", 812.3, "slope", 650.1, "noise_mean"),
    Worst(1.0121, "gain[bleu of a]", 301.4, "level[bleu of b]", 301.4, "level[bleu of b]"),
    (),
    6000,
    2500,
)
PROBLEM = "R-hat 1.034 of mean (at most 1.01)"


class Fitted:
    """Stands for `bayesscale.inference.fit`: remembers what it was given, draws nothing."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.problems: tuple[str, ...] = ()

    def __call__(self, metrics: Any, **options: Any) -> Fit:
        self.calls.append({"metrics": metrics, **options})
        options["report"]("compiling the model")
        made = MadeUp(problems=self.problems).fit()
        provenance = made.provenance | {"diagnostics": DIAGNOSTICS.document(), "command": options["command"]}
        return replace(made, provenance=provenance)


RECORD = TrackRecord(20, 12, 7, 3.0, {"bleu": 0.9}, {"bleu": 0.8}, "converged")


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> Fitted:
    """Return a fit, and a track record, that draw nothing."""

    def tested(fit: Fit, **options: Any) -> Fit:
        options["report"]("compiling the model")
        return replace(fit, provenance={**fit.provenance, KEY: asdict(RECORD)})

    stands = Fitted()
    monkeypatch.setattr(bayesscale.inference, "fit", stands)
    monkeypatch.setattr(backtest, "backtest", tested)
    return stands


@pytest.fixture
def fit(fitted: Fitted, capsys: pytest.CaptureFixture[str]) -> Command:
    return caller(capsys, "fit")


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = tmp_path / "my metrics.csv"
    rows().to_csv(path, index=False)
    return str(path)


@pytest.fixture
def target(tmp_path: Path) -> str:
    return str(tmp_path / "fit.nc")


def test_a_table_becomes_a_file_and_a_summary(fit: Command, table: str, target: str) -> None:
    code, out, err = fit(table, "-o", target, "--no-backtest")
    assert code == 0
    assert re.fullmatch(r"\[\d+ s\] compiling the model\n", err)
    lines = dict(line.split("  ", 1) for line in out.splitlines()[2:])
    shown = {name.strip(): value.strip() for name, value in lines.items()}
    assert shown == {
        "status": "converged",
        "chains": "R-hat at most 1.012, ESS at least 301",
        "seconds": "sample 1.0",
        "written to": target,
        "next": f"bayesscale show {target}",
    }
    assert load(target).status.ok


def test_draws_that_failed_are_written_and_end_with_code_4(
    fit: Command, fitted: Fitted, table: str, target: str
) -> None:
    fitted.problems = (PROBLEM,)
    code, out, _ = fit(table, "-o", target)
    assert code == 4
    assert f"not converged: {PROBLEM}. Remedy: raise --draws." in out
    assert load(target).status.problems == (PROBLEM,)
    code, out, _ = fit(table, "-o", target, "--force", "--json")
    document = json.loads(out)
    assert code == 4
    assert (document["status"], document["problems"]) == ("not converged", [PROBLEM])
    assert document["remedy"] == "Remedy: raise --draws."


def test_json_is_one_document_with_all_that_made_the_fit(fit: Command, table: str, target: str) -> None:
    code, out, _ = fit(table, "-o", target, "--json")
    document = json.loads(out)
    assert code == 0
    assert list(document) == ["status", "problems", "remedy", "output", "provenance"]
    assert document["provenance"]["diagnostics"] == DIAGNOSTICS.document()
    assert document["output"] == target


def test_csv_is_the_table(fit: Command, table: str, target: str) -> None:
    _, out, _ = fit(table, "-o", target, "--csv")
    found = {row["fit"]: row["value"] for row in csv.DictReader(io.StringIO(out))}
    assert (found["status"], found["written to"]) == ("converged", target)


def test_options_reach_the_sampler_and_the_priors(
    fit: Command, fitted: Fitted, table: str, target: str, tmp_path: Path
) -> None:
    priors = tmp_path / "priors.toml"
    priors.write_text("correlation = 1.5")
    settings = ["--draws", "200", "--chains", "3", "--cores", "1", "--seed", "8", "--longest", "9"]
    assert fit(table, "-o", target, "--priors", str(priors), *settings)[0] == 0
    (call,) = fitted.calls
    assert call["sampler"] == Sampler(200, 3, 1, 8, 9)
    assert call["priors"] == Priors(correlation=1.5)


def test_defaults_are_the_sampler_s_own(fit: Command, fitted: Fitted, table: str, target: str) -> None:
    fit(table, "-o", target)
    assert fitted.calls[0]["sampler"] == Sampler()
    assert fitted.calls[0]["priors"] == Priors()
    own = {name: p.default for name, p in inspect.signature(command).parameters.items()}
    settings = asdict(Sampler())
    assert settings.pop("rough") is False  # no option: only the refit of the track record is rough
    assert {name: own[name] for name in settings} == settings
    model = {name: own[name] for name in ("law", "breaks", "discrepancy")}
    assert model == {name: inspect.signature(run.fit).parameters[name].default for name in model}


def test_the_model_is_that_of_the_options(fit: Command, fitted: Fitted, table: str, target: str) -> None:
    fit(table, "-o", target, "--law", "log,rising", "--breaks", "all", "--no-discrepancy")
    (call,) = fitted.calls
    assert {name: call[name] for name in ("law", "breaks", "discrepancy")} == {
        "law": "log,rising", "breaks": "all", "discrepancy": False,
    }  # fmt: skip


GONE = ("--loss-law", "--joint", "--tune", "--target-accept", "--max-depth", "--retries")


@pytest.mark.parametrize("option", GONE)
def test_options_of_the_old_engine_are_unknown(fit: Command, table: str, target: str, option: str) -> None:
    code, out, err = fit(table, "-o", target, option, "1")
    assert (code, out) == (2, "")
    assert f"No such option: {option}" in err


def test_the_command_is_recorded_so_that_it_can_be_run_again(
    fit: Command, fitted: Fitted, table: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["/usr/bin/bayesscale", "fit", "my metrics.csv", "-o", "fit.nc"])
    fit(table, "-o", target)
    assert load(target).provenance["command"] == "bayesscale fit 'my metrics.csv' -o fit.nc"


def test_the_rows_and_curves_are_those_asked_for(
    fit: Command, fitted: Fitted, table: str, target: str
) -> None:
    fit(table, "-o", target, "--where", "task=en-fr", "--axis", "finetune_tokens")
    metrics = fitted.calls[0]["metrics"]
    assert metrics.axis == "finetune_tokens"
    assert set(metrics.frame["task"]) == {"en-fr"}


def test_a_bundled_example_is_named_as_the_source(fit: Command, fitted: Fitted, target: str) -> None:
    fit("--example", "isik-simulated", "-o", target)
    assert fitted.calls[0]["metrics"].source == "example isik-simulated"
    assert len(fitted.calls[0]["metrics"].curves()) == 15


def test_an_existing_file_is_refused_before_anything_is_fitted(
    fit: Command, fitted: Fitted, table: str, target: str
) -> None:
    Path(target).write_text("mine")
    code, out, err = fit(table, "-o", target)
    assert (code, out, fitted.calls) == (2, "", [])
    assert "exists; choose another name, or --force to replace it" in err
    assert Path(target).read_text() == "mine"
    assert fit(table, "-o", target, "--force")[0] == 0
    assert load(target).status.ok


MISUSED = {
    "no table": (["-o", "new.nc"], "give a metrics table or --example NAME"),
    "two tables": (["a.csv", "--example", "isik-simulated", "-o", "new.nc"], "one of the two"),
    "unknown example": (["--example", "isik", "-o", "new.nc"], "isik-simulated"),
    "no output": (["a.csv"], "give -o, for instance -o fit.nc"),
    "no such folder": (["a.csv", "-o", "none/new.nc"], "the folder of the output must exist"),
    "unknown method": (["a.csv", "--method", "particle"], "did you mean 'particles'?"),
    "first without huber": (["a.csv", "--first", "3"], "--first goes with --method huber"),
    "output of a point fit": (["a.csv", "--method", "huber", "-o", "new.nc"], "no posterior; leave out -o"),
    "few draws": (["a.csv", "-o", "new.nc", "--draws", "10"], "draws must be at least 100"),
}


@pytest.mark.parametrize("name", MISUSED)
def test_misuse_ends_with_code_2_and_a_remedy(
    fit: Command, fitted: Fitted, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows().to_csv("a.csv", index=False)
    arguments, said = MISUSED[name]
    code, out, err = fit(*arguments)
    assert (code, out, fitted.calls) == (2, "", [])
    assert said in err
    assert "Traceback" not in err
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_broken_priors_are_told_before_anything_is_fitted(
    fit: Command, fitted: Fitted, table: str, target: str, tmp_path: Path
) -> None:
    priors = tmp_path / "priors.toml"
    priors.write_text("correlation = -1")
    code, _, err = fit(table, "-o", target, "--priors", str(priors))
    assert (code, fitted.calls) == (2, [])
    assert "correlation: Input should be greater than 0; received -1" in err


def test_bad_data_end_with_code_3_and_no_file(
    fit: Command, fitted: Fitted, tmp_path: Path, target: str
) -> None:
    broken = tmp_path / "broken.csv"
    rows().assign(value=-1.0).to_csv(broken, index=False)
    code, out, err = fit(str(broken), "-o", target)
    assert (code, out, fitted.calls) == (3, "", [])
    assert "cannot be used" in err
    assert not Path(target).exists()


def test_the_point_fit_prints_coefficients_and_writes_nothing(
    fit: Command, fitted: Fitted, table: str
) -> None:
    code, out, err = fit(table, "--method", "huber", "--first", "3")
    assert (code, err, fitted.calls) == (0, "", [])
    assert "(point estimate, no interval), as in arXiv 2402.04177" in out
    code, out, _ = fit(table, "--method", "huber", "--first", "0", "--json")
    document = json.loads(out)
    assert (code, document["kind"], len(document["fits"])) == (0, "point estimate, no interval", 16)
    assert {found["n_held_out"] for found in document["fits"]} == {0}


def test_the_track_record_is_told_and_kept(fit: Command, table: str, target: str) -> None:
    code, out, err = fit(table, "-o", target)
    assert code == 0
    assert "On your own curves, 90% intervals held 12 of 20 last values" in out
    assert "A POOR RECORD" in out
    assert "] held-out sizes: compiling the model\n" in err
    assert TrackRecord.of(load(target).provenance) == RECORD


def test_a_fit_may_go_without_a_track_record(fit: Command, table: str, target: str) -> None:
    code, out, err = fit(table, "-o", target, "--no-backtest")
    assert code == 0
    assert "held-out" not in err
    assert "held out" not in out
    assert TrackRecord.of(load(target).provenance) is None
