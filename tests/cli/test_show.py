from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from bayesscale.inference import load
from bayesscale.questions import summary
from tests.cli.fits import Command, caller, write_fit
from tests.questions.made_up import MadeUp


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_fit(tmp_path_factory.mktemp("fit"), MadeUp(draws=100, width=0.05, noise=0.3))


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str]) -> Command:
    return caller(capsys, "show")


def test_json(show: Command, fit: str) -> None:
    code, out, err = show(fit, "--interval", "0.5", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == json.loads(json.dumps(summary(load(fit), prob=0.5).document()))


def test_csv_has_curves_and_population(show: Command, fit: str) -> None:
    code, out, err = show(fit, "--csv")
    assert (code, err) == (0, "")
    found = list(csv.DictReader(io.StringIO(out)))
    expected = summary(load(fit)).frame()
    assert [float(row["median"]) for row in found] == expected["median"].tolist()
    assert [row["part"] for row in found] == expected["part"].tolist()


def test_tables_for_people(show: Command, fit: str) -> None:
    code, out, err = show(fit)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith(
        "The fit has converged. Ten times more tokens improve bleu by more than 1 on 8 of 8 curves"
    )
    assert lines[2].split() == ["task", "mixture", "D_f", "metric", "at", "100B", "at", "1T", "law"]
    assert len(lines) == 2 + 1 + 16 + 1 + 1
    assert max(map(len, lines[2:])) <= 100
    lines = show(fit, "--verbose")[1].splitlines()
    assert "status: converged" in lines
    titles = ["bleu, for each curve", "cross_entropy, for each curve", "population of curves"]
    starts = [lines.index(title) for title in titles]
    assert lines[starts[0] + 1].split()[3:] == ["level", "gain", "alpha", "log_A", "beta"]
    assert lines[starts[1] + 1].split()[3:] == ["level", "gain", "E", "log_A", "alpha"]
    assert lines[starts[2] + 1].split() == ["metric", "meaning", "median", "lower", "upper"]
    assert "nan" not in out.lower()


def test_a_fit_that_did_not_converge(show: Command, tmp_path: Path) -> None:
    fit = write_fit(tmp_path, MadeUp(draws=4, problems=("R-hat 1.2",)))
    code, out, err = show(fit)
    assert code == 4
    assert out.startswith("DO NOT RELY ON THESE NUMBERS - not converged: R-hat 1.2.")
    assert err.startswith("warning: not converged: R-hat 1.2.")
    code, out, _ = show(fit, "--json")
    assert (code, json.loads(out)["status"]) == (4, "not converged")


def test_an_interval_that_is_none(show: Command, fit: str) -> None:
    code, out, err = show(fit, "--interval", "1")
    assert (code, out) == (2, "")
    assert "received 1; write 0.9 for 90%" in err
