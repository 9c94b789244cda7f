from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from bayesscale.inference import load
from bayesscale.questions.value.ask import value as asked
from tests.cli.fits import Command, caller, write_fit
from tests.questions.made_up import MadeUp, rows


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_fit(tmp_path_factory.mktemp("fit"), MadeUp(draws=100, width=0.05, noise=0.3))


@pytest.fixture
def value(capsys: pytest.CaptureFixture[str]) -> Command:
    return caller(capsys, "value")


def test_json_is_one_document(value: Command, fit: str) -> None:
    code, out, err = value(fit, "--tokens", "50B", "--delta", "2", "--metric", "BLEU", "--json")
    assert (code, err) == (0, "")
    expected = asked(load(fit), tokens=5e10, delta=2.0, metrics=["bleu"]).document()
    assert json.loads(out) == json.loads(json.dumps(expected))


def test_csv_is_not_rounded(value: Command, fit: str) -> None:
    code, out, err = value(fit, "--task", "en-fr", "--finetune-tokens", "6M,1B", "--interval", "0.8", "--csv")
    assert (code, err) == (0, "")
    found = list(csv.DictReader(io.StringIO(out)))
    expected = asked(load(fit), prob=0.8, tasks=["en-fr"], other_sizes=[6e6, 1e9]).frame()
    assert list(found[0]) == list(expected.columns)
    assert [float(row["saved_upper"]) for row in found] == expected["saved_upper"].tolist()


def test_people_get_an_answer_and_a_table(value: Command, fit: str) -> None:
    code, out, err = value(fit, "--mixture", "en", "--metric", "bleu")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("Pretraining gains more than 1 in bleu (P 0.9 or more) on ")
    assert [line.split()[:4] for line in lines if line.startswith("task")] == [
        ["task", "mixture", "D_f", "gain"]
    ]
    assert "nan" not in out
    _, verbose, _ = value(fit, "--mixture", "en", "--metric", "bleu", "-v")
    assert "en-de, bleu: Pretraining gains more than 1 in bleu (P 0.9 or more) on " in verbose
    assert "D_f beyond which the gain is less than delta" in verbose.splitlines()


def test_a_fit_that_did_not_converge_has_exit_code_4(value: Command, tmp_path: Path) -> None:
    code, out, err = value(write_fit(tmp_path, MadeUp(draws=4, problems=("R-hat 1.2",))))
    assert code == 4
    assert out.startswith("DO NOT RELY ON THESE NUMBERS - not converged: R-hat 1.2.")
    assert err.startswith("warning: not converged")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--tokens", "1T,2T"], 2, "--tokens is one size here; received '1T,2T'"),
        (["--tokens", "0"], 2, "received size 0"),
        (["--delta", "1"], 2, "choose one by --metric"),
        (["--task", "en-rf"], 3, "did you mean 'en-fr'?"),
    ],
)
def test_what_cannot_be_asked(value: Command, fit: str, arguments: list[str], code: int, told: str) -> None:
    ended, out, err = value(fit, *arguments)
    assert (ended, out) == (code, "")
    assert err.startswith("error: ")
    assert told in err


def test_a_missing_baseline_is_bad_data(value: Command, tmp_path: Path) -> None:
    table = rows(tasks=("en-fr",)).query("pretrain_tokens > 0")
    code, out, err = value(write_fit(tmp_path, MadeUp(table=table, draws=4)))
    assert (code, out) == (3, "")
    assert "missing: en-fr at finetune_tokens 6M (bleu, cross_entropy)" in err
