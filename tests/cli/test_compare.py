from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pytest

import bayesscale.evaluation
from bayesscale.inference import save
from tests.cli.fits import Command, caller, write_fit
from tests.evaluation.several_laws import refit, several_laws
from tests.questions.made_up import MadeUp

HOME = "bayesscale.evaluation.compare"
DENSITY = {"log,saturating": -2.0, "log": -9.0, "saturating": -1.0}


@pytest.fixture(autouse=True)
def refits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace refits: the saturating law is better."""
    assert bayesscale.evaluation.compare is not None
    monkeypatch.setattr(sys.modules[HOME], "run_refit", refit(DENSITY))


@pytest.fixture
def compare(capsys: pytest.CaptureFixture[str]) -> Command:
    return caller(capsys, "compare")


@pytest.fixture
def fit(tmp_path: Path) -> str:
    return str(save(several_laws(), tmp_path / "fit.nc"))


def test_the_table_says_what_it_is(compare: Command, fit: str) -> None:
    code, out, err = compare(fit)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "Curves of bleu most probably follow the log-law: P 0.75 on average."
    assert [line.split()[0] for line in lines[2:5]] == ["metric", "bleu", "bleu"]
    code, out, err = compare(fit, "--verbose")
    assert "PSIS-LOO: each value given all others" in out
    assert any(line.split()[:4] == ["all", "all", "laws", "48"] for line in out.splitlines())


def test_json_and_csv(compare: Command, fit: str) -> None:
    code, out, err = compare(fit, "--lfo", "1", "--json")
    assert code == 0
    assert "] 2 of 3: log-law, without the last 1: converged, about " in err.splitlines()[1]
    document = json.loads(out)
    assert document["lfo"] == 1
    assert document["status"] == "converged"
    code, out, _ = compare(fit, "--lfo", "1", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [float(row["elpd"]) if row["elpd"] else None for row in rows] == [
        row["elpd"] for row in document["comparison"]
    ]
    assert [row["law"] for row in rows if row["difference"] == "0.0" and row["metric"] == "all"] == [
        "saturating-law"
    ]


def test_what_did_not_converge_ends_with_4(
    compare: Command, fit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = str(save(several_laws(problems=("R-hat 1.2",)), tmp_path / "bad.nc"))
    code, out, _ = compare(bad)
    assert code == 4
    assert out.startswith("DO NOT RELY ON THESE NUMBERS - not converged")
    monkeypatch.setattr(sys.modules[HOME], "run_refit", refit(DENSITY, fails="log"))
    code, out, _ = compare(fit, "--lfo", "1")
    assert "log-law, without the last 1 failed and is not in the table: RuntimeError" in out
    assert code == 4


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--lfo", "0"], 2, "at least 1 of them; received 0"),
        (["--jobs", "0"], 2, "jobs must be at least 1; received 0"),
        (["--lfo", "1", "--engine", "dask"], 2, "the backend is unknown; received 'dask'"),
    ],
)
def test_what_cannot_be_compared(
    compare: Command, fit: str, arguments: list[str], code: int, told: str
) -> None:
    ended, out, err = compare(fit, *arguments)
    assert (ended, out) == (code, "")
    assert told in err


def test_a_fit_of_one_law(compare: Command, tmp_path: Path) -> None:
    code, out, err = compare(write_fit(tmp_path, MadeUp(draws=4)))
    assert (code, out) == (3, "")
    assert "needs a fit of several laws; this one has only log-law, power-law" in err
