from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from bayesscale.inference import load
from bayesscale.questions.conflict.answer import LEAST
from bayesscale.questions.conflict.ask import conflict as ask
from tests.cli.fits import Command, caller, write_fit
from tests.questions.made_up import MadeUp


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_fit(tmp_path_factory.mktemp("fit"), MadeUp(draws=100, width=0.05, noise=0.3))


@pytest.fixture
def conflict(capsys: pytest.CaptureFixture[str]) -> Command:
    return caller(capsys, "conflict")


def test_json_is_one_document_with_pairs_and_links(conflict: Command, fit: str) -> None:
    code, out, err = conflict(fit, "--by", "mixtures", "--tokens", "1T", "--interval", "0.8", "--json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    expected = ask(load(fit), by="mixtures", size=1e12, prob=0.8).document()
    assert document == json.loads(json.dumps(expected))
    assert len(document["pairs"]) == 4
    assert len(document["links"]) == 6


def test_csv_has_all_pairs_unrounded(conflict: Command, fit: str) -> None:
    code, out, err = conflict(fit, "--csv")
    assert (code, err) == (0, "")
    found = list(csv.DictReader(io.StringIO(out)))
    expected = ask(load(fit)).frame()
    assert list(found[0]) == list(expected.columns)
    assert [float(row["p_conflict"]) for row in found] == expected["p_conflict"].tolist()


def test_the_choices_narrow_the_answer(conflict: Command, fit: str) -> None:
    arguments = ["--task", "en-fr", "--finetune-tokens", "42M", "--metric", "BLEU", "--loss", "CE"]
    document = json.loads(conflict(fit, *arguments, "--by", "checkpoints", "--json")[1])
    assert {(row["task"], row["finetune_tokens"], row["by"]) for row in document["pairs"]} == {
        ("en-fr", 42e6, "checkpoints")
    }
    assert [link["finetune_tokens"] for link in document["links"]] == [42e6]


def test_the_answer_comes_before_the_table(conflict: Command, fit: str) -> None:
    code, out, err = conflict(fit, "--task", "en-fr")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("Choosing by cross_entropy would mislead about bleu")
    (header,) = (place for place, line in enumerate(lines) if line.startswith("task "))
    assert "loss prefers" in lines[header]
    shown = lines[header + 1 : lines.index("", header)]
    table = ask(load(fit), tasks=["en-fr"]).frame()
    assert len(shown) == (table["p_conflict"] >= LEAST).sum() < len(table)
    verbose = conflict(fit, "--task", "en-fr", "--verbose")[1].splitlines()
    assert any(line.startswith("en-fr, all its curves: the link bleu = ") for line in verbose)


def test_a_fit_that_did_not_converge_is_answered_with_exit_code_4(conflict: Command, tmp_path: Path) -> None:
    file = write_fit(tmp_path, MadeUp(draws=4, problems=("R-hat 1.2",)))
    code, out, err = conflict(file)
    assert code == 4
    assert out.startswith("DO NOT RELY ON THESE NUMBERS")
    assert err.startswith("warning: not converged")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--tokens", "1T,2T"], 2, "--tokens is one size here; received '1T,2T'"),
        (["--tokens", "1T", "--by", "checkpoints"], 2, "leave out one of the two"),
        (["--by", "size"], 2, "received 'size'; valid: checkpoints, mixtures"),
        (["--interval", "90"], 2, "write 0.9 for 90%"),
        (["--loss", "bleu"], 3, "received 'bleu' as a loss"),
        (["--task", "en-rf"], 3, "did you mean 'en-fr'?"),
        (["--pretrain-tokens", "1B"], 2, "are given by --tokens; received --pretrain-tokens"),
    ],
)
def test_what_cannot_be_answered(
    conflict: Command, fit: str, arguments: list[str], code: int, told: str
) -> None:
    ended, out, err = conflict(fit, *arguments)
    assert (ended, out) == (code, "")
    assert told in err
    assert "Traceback" not in err
