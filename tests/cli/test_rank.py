from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from bayesscale.inference import load
from bayesscale.questions.rank import rank as asked
from tests.cli.fits import Command, caller, write_fit
from tests.questions.made_up import MadeUp


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_fit(tmp_path_factory.mktemp("fit"), MadeUp(draws=100, width=0.05))


@pytest.fixture
def rank(capsys: pytest.CaptureFixture[str]) -> Command:
    return caller(capsys, "rank")


def test_json_is_one_document(rank: Command, fit: str) -> None:
    code, out, err = rank(fit, "--tokens", "1T", "--task", "en-fr", "--metric", "BLEU", "--json")
    assert (code, err) == (0, "")
    expected = asked(load(fit), [1e12], tasks=["en-fr"], metrics=["bleu"]).document()
    assert json.loads(out) == json.loads(json.dumps(expected))


def test_csv_is_not_rounded(rank: Command, fit: str) -> None:
    code, out, err = rank(fit, "--tokens", "50B,1T", "--finetune-tokens", "6M", "--interval", "0.8", "--csv")
    assert (code, err) == (0, "")
    found = list(csv.DictReader(io.StringIO(out)))
    expected = asked(load(fit), [5e10, 1e12], prob=0.8, other_sizes=[6e6]).frame()
    assert list(found[0]) == list(expected.columns)
    assert [float(row["upper"]) for row in found] == expected["upper"].tolist()


def test_people_read_which_is_best_and_how_sure_that_is(rank: Command, fit: str) -> None:
    code, out, err = rank(fit, "--tokens", "1T", "--task", "en-fr", "--metric", "bleu")
    assert (code, err) == (0, "")
    head = next(line.split() for line in out.splitlines() if line.startswith("task"))
    assert head[:2] == ["task", "mixture"]
    assert "P(best)" in head
    assert out.startswith("By bleu at D_p 1T the best mixture is ")
    assert "90% intervals" in out
    assert "nan" not in out


def test_a_new_mixture_is_ranked_by_its_shares(rank: Command, fit: str) -> None:
    new = ("--mixture", "new", "--mixture", "en", "--share", "en=0.8", "--share", "fr=0.2")
    code, out, err = rank(fit, "--tokens", "1T", "--metric", "bleu", *new, "--json")
    assert (code, err) == (0, "")
    rows = json.loads(out)["ranking"]
    width = {row["mixture"]: row["upper"] - row["lower"] for row in rows if row["task"] == "en-fr"}
    assert width["new"] > width["en"]


def test_a_fit_that_did_not_converge_has_exit_code_4(rank: Command, tmp_path: Path) -> None:
    code, out, err = rank(write_fit(tmp_path, MadeUp(draws=4, problems=("R-hat 1.2",))), "--tokens", "1T")
    assert code == 4
    assert out.startswith("DO NOT RELY ON THESE NUMBERS - not converged: R-hat 1.2.")
    assert err.startswith("warning: not converged")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([], 2, "--tokens"),
        (["--tokens", "0"], 2, "received size 0"),
        (["--tokens", "1T", "--mixture", "en"], 3, "needs two mixtures"),
        (["--tokens", "1T", "--task", "en-rf"], 3, "did you mean 'en-fr'?"),
    ],
)
def test_what_cannot_be_asked(rank: Command, fit: str, arguments: list[str], code: int, told: str) -> None:
    ended, out, err = rank(fit, *arguments)
    assert (ended, out) == (code, "")
    assert told in err
