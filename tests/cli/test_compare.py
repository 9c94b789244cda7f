from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pytest

import bayesscale.evaluation
from bayesscale.inference import load, save
from bayesscale.models.laws import LOG, SATURATING
from tests.cli.fits import Command, caller, write_fit
from tests.evaluation.two_laws import refit, two_laws
from tests.questions.made_up import MadeUp

HOME = "bayesscale.evaluation.compare"


@pytest.fixture(autouse=True)
def refits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace refits: the saturating law is better by three quarters of the odds."""
    assert bayesscale.evaluation.compare is not None
    monkeypatch.setattr(sys.modules[HOME], "run_refit", refit({LOG: -9.0, SATURATING: -1.0}))


@pytest.fixture
def compare(capsys: pytest.CaptureFixture[str]) -> Command:
    return caller(capsys, "compare")


@pytest.fixture
def fit(tmp_path: Path) -> str:
    return str(save(two_laws(), tmp_path / "fit.nc"))


def test_the_table_says_what_it_is(compare: Command, fit: str) -> None:
    code, out, err = compare(fit)
    assert (code, err) == (0, "")
    assert "forecasts of this fit weight log-law 0.5, saturating-law 0.5" in out
    assert "note: PSIS-LOO: each value given all others" in out
    assert out.splitlines()[-1].split()[:4] == ["PSIS-LOO", "all", "saturating-law", "48"]


def test_json_and_csv(compare: Command, fit: str) -> None:
    code, out, err = compare(fit, "--lfo", "1", "--json")
    assert code == 0
    assert err.splitlines()[0] == "1 of 2 refits: log-law, without the last 1: converged"
    document = json.loads(out)
    assert document["weights"] == pytest.approx({LOG: 0.0, SATURATING: 1.0})
    assert document["status"] == "converged"
    code, out, _ = compare(fit, "--lfo", "1", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [float(row["elpd"]) for row in rows] == [row["elpd"] for row in document["comparison"]]


def test_the_fit_is_written_with_the_weights_and_never_over_another(
    compare: Command, fit: str, tmp_path: Path
) -> None:
    target = tmp_path / "weighted.nc"
    code, _, err = compare(fit, "--lfo", "1", "-o", str(target))
    assert code == 0
    assert err.endswith(f"written to {target}\n")
    assert load(target).law_counts() == {SATURATING: 400}
    assert load(fit).law_counts() == {LOG: 400, SATURATING: 400}
    for path in (target, Path(fit)):
        before = path.read_bytes()
        code, out, err = compare(fit, "--lfo", "1", "-o", str(path))
        assert (code, out) == (2, "")
        assert "exists; choose another name, or --force" in err
        assert path.read_bytes() == before
    assert compare(fit, "--lfo", "1", "-o", str(target), "--force")[0] == 0


def test_the_fit_may_replace_itself(compare: Command, fit: str) -> None:
    assert compare(fit, "--lfo", "1", "-o", fit, "--force")[0] == 0
    assert load(fit).law_counts() == {SATURATING: 400}


def test_what_did_not_converge_ends_with_4(
    compare: Command, fit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = str(save(two_laws(problems=("R-hat 1.2",)), tmp_path / "bad.nc"))
    code, out, _ = compare(bad)
    assert code == 4
    assert out.startswith("DO NOT RELY ON THESE NUMBERS - not converged")
    monkeypatch.setattr(sys.modules[HOME], "run_refit", refit({LOG: -1.0, SATURATING: -1.0}, fails=LOG))
    target = tmp_path / "never.nc"
    code, out, err = compare(fit, "--lfo", "1", "-o", str(target))
    assert "log-law, without the last 1 failed and is not in the table: RuntimeError" in out
    assert code == 3
    assert "weights for forecasts come from leave-future-out; there is none" in err
    assert not target.exists()
    assert compare(fit, "--lfo", "1")[0] == 4


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--lfo", "0"], 2, "at least 1 of them; received 0"),
        (["--refit", "-1"], 2, "received -1"),
        (["--jobs", "0"], 2, "jobs must be at least 1; received 0"),
        (["--lfo", "1", "--engine", "dask"], 2, "the backend is unknown; received 'dask'"),
        (["-o", "new.nc"], 2, "add --lfo K"),
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
    assert (code, out) == (2, "")
    assert "needs a fit of two laws; this one follows only the log-law" in err
