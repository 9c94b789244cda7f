from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from bayesscale.inference import load
from bayesscale.questions.advise.ask import advise as ask
from tests.cli.fits import Command, caller, write_fit
from tests.questions.made_up import MadeUp

WANTED = ("--target", "24", "--budget", "1T")


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_fit(tmp_path_factory.mktemp("fit"), MadeUp(draws=100, width=0.05, noise=0.3))


@pytest.fixture
def advise(capsys: pytest.CaptureFixture[str]) -> Command:
    return caller(capsys, "advise")


def test_json_is_one_document_with_the_advice(advise: Command, fit: str) -> None:
    code, out, err = advise(
        fit, *WANTED, "--delta", "2", "--confidence", "0.9", "--interval", "0.8", "--json"
    )
    assert (code, err) == (0, "")
    expected = ask(load(fit), 24, 1e12, delta=2, confidence=0.9, prob=0.8).document()
    assert json.loads(out) == json.loads(json.dumps(expected))
    assert len(expected["advice"]) == 8


def test_csv_is_not_rounded(advise: Command, fit: str) -> None:
    code, out, err = advise(fit, *WANTED, "--csv")
    assert (code, err) == (0, "")
    found = list(csv.DictReader(io.StringIO(out)))
    expected = ask(load(fit), 24, 1e12).frame()
    assert list(found[0]) == list(expected.columns)
    assert [float(row["expected"]) for row in found] == expected["expected"].tolist()


def test_the_table_and_a_sentence_a_curve(advise: Command, fit: str) -> None:
    code, out, err = advise(fit, *WANTED, "--task", "en-de", "--mixture", "en", "--finetune-tokens", "6M")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("For bleu at least 24 within 1T: ")
    head = next(place for place, line in enumerate(lines) if line.startswith("task"))
    assert lines[head].split() == ["task", "mixture", "D_f", "advice", "P", "because", "tokens", "to", "24"]
    assert lines[head + 1].split()[:3] == ["en-de", "en", "6M"]


def test_a_loss_as_the_target(advise: Command, fit: str) -> None:
    code, out, _ = advise(fit, "--target", "1.3", "--budget", "1e12", "--metric", "ce", "--json")
    document = json.loads(out)
    assert (code, document["metric"], document["units"]["target"]) == (0, "cross_entropy", "nats per token")


def test_a_picture(advise: Command, fit: str, tmp_path: Path) -> None:
    target = tmp_path / "advice.svg"
    code, _, err = advise(fit, *WANTED, "--task", "en-de", "--plot", str(target))
    assert (code, err) == (0, f"{target}\n")
    assert target.stat().st_size > 1000
    assert advise(fit, *WANTED, "--plot", str(target))[0] == 2


def test_a_fit_that_did_not_converge_is_answered_with_exit_code_4(advise: Command, tmp_path: Path) -> None:
    fit = write_fit(tmp_path, MadeUp(draws=4, problems=("R-hat 1.2",)))
    code, out, err = advise(fit, *WANTED)
    assert code == 4
    assert out.startswith("DO NOT RELY ON THESE NUMBERS - not converged: R-hat 1.2")
    assert err.startswith("warning: not converged")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--target", "0.3", "--budget", "1T"], 3, "looks like a fraction; write 30?"),
        (["--target", "130", "--budget", "1T"], 3, "bleu is 0 to 100 (BLEU points); received 130"),
        (["--target", "24", "--budget", "1M"], 3, "received 1M; give all the tokens of a run"),
        (["--target", "24", "--budget", "1T,2T"], 2, "--budget is one size here"),
        (["--target", "24", "--budget", "much"], 2, "received 'much'"),
        ([*WANTED, "--confidence", "80"], 2, "received 80; write 0.8 for 80%"),
        ([*WANTED, "--delta", "-1"], 2, "delta is a finite gain of at least 0; received -1"),
        ([*WANTED, "--metric", "blue"], 3, "did you mean 'bleu'?"),
        ([*WANTED, "--pretrain-tokens", "1B"], 2, "received --pretrain-tokens"),
        ([*WANTED, "--plot", "advice.doc"], 2, "valid: .pdf, .png, .svg"),
    ],
)
def test_what_cannot_be_asked(advise: Command, fit: str, arguments: list[str], code: int, told: str) -> None:
    ended, out, err = advise(fit, *arguments)
    assert (ended, out) == (code, "")
    assert err.startswith("error: ")
    assert told in err
