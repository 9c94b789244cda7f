from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bayesscale.inference import load
from bayesscale.questions import forecast
from tests.cli.fits import Command, caller, write_fit
from tests.questions.made_up import MadeUp, rows

KEYS = ["task", "mixture", "finetune_tokens", "metric", "pretrain_tokens"]
INTERVALS = ["median", "mean", "lower", "upper", "law_median", "law_lower", "law_upper"]
NUMBERS = [*INTERVALS, "p_break", "efolds_beyond"]
AHEAD = ["now_median", "now_lower", "now_upper", "p_gain"]


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_fit(tmp_path_factory.mktemp("fit"), MadeUp(draws=100, width=0.05, noise=0.3))


@pytest.fixture
def predict(capsys: pytest.CaptureFixture[str]) -> Command:
    return caller(capsys, "predict")


def test_json_is_one_document_with_the_forecast(predict: Command, fit: str) -> None:
    code, out, err = predict(fit, "--tokens", "1e12,1T", "--interval", "0.8", "--json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document == json.loads(json.dumps(forecast(load(fit), [1e12], prob=0.8).document()))
    assert document["interval"] == {"kind": "equal-tailed", "prob": 0.8}
    assert document["status"] == "converged"
    assert len(document["forecasts"]) == 16
    assert list(document["forecasts"][0]) == [*KEYS, *NUMBERS, "measured", *AHEAD]


def test_csv_is_not_rounded(predict: Command, fit: str) -> None:
    code, out, err = predict(fit, "--tokens", "0,1T", "--csv")
    assert (code, err) == (0, "")
    found = list(csv.DictReader(io.StringIO(out)))
    expected = forecast(load(fit), [0, 1e12]).frame()
    assert list(found[0]) == list(expected.columns)
    assert [float(row["upper"]) for row in found] == expected["upper"].tolist()
    assert found[0]["efolds_beyond"] == ""


def test_the_table_says_what_it_is(predict: Command, fit: str) -> None:
    code, out, err = predict(fit, "--tokens", "1T", "--task", "en-fr", "--mixture", "en", "--metric", "BLEU")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("More tokens, up to D_p 1T, improve bleu by more than 1 on 2 of 2 curves")
    assert lines[2].split() == [*("task", "mixture", "D_f", "metric", "D_p", "now", "forecast", "P(gain)")]
    assert [line.split()[:5] for line in lines[3:5]] == [
        ["en-fr", "en", "6M", "bleu", "1T"],
        ["en-fr", "en", "42M", "bleu", "1T"],
    ]
    assert max(map(len, lines[2:5])) <= 100
    _, verbose, _ = predict(fit, "--tokens", "1T", "--task", "en-fr", "--verbose")
    assert "90% equal-tailed intervals from 100 posterior draws; bleu in BLEU points" in verbose


def test_new_curves(predict: Command, fit: str) -> None:
    arguments = [
        "--tokens",
        "1T",
        "--task",
        "en-fr",
        "--finetune-tokens",
        "6M,1B",
        "--mixture",
        "x",
        "--json",
    ]
    code, out, _ = predict(fit, *arguments, "--share", "en=0.5,fr=0.25", "--share", "de=0.25")
    document = json.loads(out)
    assert code == 0
    assert [row["measured"] for row in document["forecasts"]] == [False] * 4
    assert [row["finetune_tokens"] for row in document["forecasts"]] == [6e6, 6e6, 1e9, 1e9]
    assert "mixture 'x' was not measured" in document["notes"][1]
    # 0.5 * 0.25 + 0.7 * 0.5 + 0.8 * 0.25
    assert (
        json.loads(predict(fit, *arguments, "--alignment", "0.675")[1])["forecasts"] == document["forecasts"]
    )


def test_the_seed_of_the_noise(predict: Command, fit: str) -> None:
    first, same, other = (
        predict(fit, "--tokens", "1T", "--json", *seed)[1] for seed in ([], ["--seed", "7"], ["--seed", "8"])
    )
    assert first == same != other


def test_curves_in_finetuning_size(predict: Command, tmp_path: Path) -> None:
    swapped = {"finetune_tokens": "pretrain_tokens", "pretrain_tokens": "finetune_tokens"}
    table = rows().query("pretrain_tokens > 0").rename(columns=swapped)
    fit = write_fit(tmp_path, MadeUp(table=table, axis="finetune_tokens", draws=4))
    code, out, _ = predict(fit, "--tokens", "1T", "--pretrain-tokens", "6M", "--json")
    assert code == 0
    assert {row["pretrain_tokens"] for row in json.loads(out)["forecasts"]} == {6e6}
    code, out, err = predict(fit, "--tokens", "1T", "--finetune-tokens", "6M")
    assert (code, out) == (2, "")
    assert "here finetune_tokens, are given by --tokens; received --finetune-tokens" in err


def test_a_fit_that_did_not_converge_is_answered_with_exit_code_4(predict: Command, tmp_path: Path) -> None:
    fit = write_fit(tmp_path, MadeUp(draws=4, problems=("R-hat 1.2",)))
    code, out, err = predict(fit, "--tokens", "1T")
    assert code == 4
    assert out.startswith("DO NOT RELY ON THESE NUMBERS - not converged: R-hat 1.2. Remedy: raise --draws.\n")
    assert err == "warning: not converged: R-hat 1.2. Remedy: raise --draws.\n"
    code, out, err = predict(fit, "--tokens", "1T", "--json")
    assert code == 4
    assert json.loads(out)["status"] == "not converged"
    assert json.loads(out)["remedy"] == "Remedy: raise --draws."


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--tokens", "1,000,000"], 2, "in which the commas may group thousands; write 1000000"),
        (["--tokens", "12,345"], 2, "write 12345, or repeat --tokens"),
        (["--tokens", "much"], 2, "received 'much'; write for instance 6M"),
        (["--tokens", "1T,"], 2, "received ''"),
        (["--tokens", "1T", "--interval", "90"], 2, "received 90; write 0.9 for 90%"),
        (["--tokens", "1T", "--task", "en-rf"], 3, "received 'en-rf'; did you mean 'en-fr'?"),
        (["--tokens", "1T", "--metric", "blue"], 3, "received 'blue'; did you mean 'bleu'?"),
        (["--tokens", "1T", "--share", "fr"], 2, "received 'fr'; write for instance --share fr=0.5"),
        (["--tokens", "1T", "--share", "fr=half"], 2, "received 'fr=half'"),
        (["--tokens", "1T", "--mixture", "x", "--share", "fr=50"], 3, "0.5 rather than 50"),
        (
            ["--tokens", "1T", "--pretrain-tokens", "1B"],
            2,
            "are given by --tokens; received --pretrain-tokens",
        ),
    ],
)
def test_what_cannot_be_predicted(
    predict: Command, fit: str, arguments: list[str], code: int, told: str
) -> None:
    ended, out, err = predict(fit, *arguments)
    assert (ended, out) == (code, "")
    assert err.startswith("error: ")
    assert told in err
    assert "Traceback" not in err


def test_commas_that_cannot_group_thousands_separate_sizes(predict: Command, fit: str) -> None:
    code, out, _ = predict(fit, "--tokens", "1B,200", "--tokens", "300B", "--json")
    assert code == 0
    assert {row["pretrain_tokens"] for row in json.loads(out)["forecasts"]} == {1e9, 200, 3e11}


def test_files_that_are_no_fits(predict: Command, tmp_path: Path) -> None:
    text = tmp_path / "text.nc"
    text.write_text("no fit")
    for path in (text, tmp_path, tmp_path / "missing.nc"):
        code, out, err = predict(str(path), "--tokens", "1T")
        assert (code, out) == (3, "")
        assert err.startswith("error: ")


def test_neither_pymc_nor_the_samplers_are_imported(fit: str, root: Path) -> None:
    code = (
        "import sys\nfrom bayesscale.cli.main import main\n"
        f"try: main(['predict', {fit!r}, '--tokens', '1T', '--json'])\n"
        "except SystemExit as ended: assert not ended.code, ended.code\n"
        "names = {'pymc', 'pytensor', 'nutpie', 'arviz', 'matplotlib', 'torch'}\n"
        "print(*sorted(names & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stderr.strip()) == (0, "")
