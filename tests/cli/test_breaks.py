from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from bayesscale.inference import load, save
from bayesscale.questions.breaks import breaks as asked
from tests.cli.fits import Command, caller, write_fit
from tests.questions.breaking import breaking
from tests.questions.made_up import MadeUp

AT = 1e10


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("fit")
    return str(save(breaking(MadeUp(draws=100, width=0.05).fit(), at=AT), folder / "fit.nc"))


@pytest.fixture
def breaks(capsys: pytest.CaptureFixture[str]) -> Command:
    return caller(capsys, "breaks")


def test_json_is_one_document(breaks: Command, fit: str) -> None:
    code, out, err = breaks(fit, "--tokens", "1T", "--task", "en-fr", "--metric", "BLEU", "--json")
    assert (code, err) == (0, "")
    expected = asked(load(fit), at=1e12, tasks=["en-fr"], metrics=["bleu"]).document()
    assert json.loads(out) == json.loads(json.dumps(expected))


def test_csv_is_not_rounded(breaks: Command, fit: str) -> None:
    code, out, err = breaks(fit, "--mixture", "en", "--finetune-tokens", "6M", "--interval", "0.8", "--csv")
    assert (code, err) == (0, "")
    found = list(csv.DictReader(io.StringIO(out)))
    expected = asked(load(fit), prob=0.8, mixtures=["en"], other_sizes=[6e6]).frame()
    assert list(found[0]) == list(expected.columns)
    assert [float(row["lost_upper"]) for row in found] == expected["lost_upper"].tolist()


def test_people_read_where_it_broke_and_what_it_cost(breaks: Command, fit: str) -> None:
    code, out, err = breaks(fit)
    assert (code, err) == (0, "")
    assert out.count("fell after about 10B") == 8 + 3
    heads = [line.split() for line in out.splitlines() if line.startswith("task")]
    assert heads[0][:6] == ["task", "mixture", "D_f", "P(broken)", "break", "at"]
    assert "nan" not in out


def test_a_picture_is_written_and_not_replaced(breaks: Command, fit: str, tmp_path: Path) -> None:
    picture = tmp_path / "breaks.png"
    code, _, err = breaks(fit, "--task", "en-fr", "--plot", str(picture))
    assert (code, err.strip()) == (0, str(picture))
    before = picture.read_bytes()
    assert before.startswith(b"\x89PNG")
    code, _, err = breaks(fit, "--task", "en-fr", "--plot", str(picture))
    assert code == 2
    assert "--force" in err
    assert picture.read_bytes() == before


def test_a_fit_that_did_not_converge_has_exit_code_4(breaks: Command, tmp_path: Path) -> None:
    made = breaking(MadeUp(draws=4, problems=("R-hat 1.2",)).fit(), at=AT)
    code, out, err = breaks(str(save(made, tmp_path / "fit.nc")))
    assert code == 4
    assert out.startswith("DO NOT RELY ON THESE NUMBERS - not converged: R-hat 1.2.")
    assert err.startswith("warning: not converged")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--tokens", "1T,2T"], 2, "--tokens is one size here; received '1T,2T'"),
        (["--metric", "cross_entropy"], 3, "cross_entropy cannot break"),
        (["--task", "en-rf"], 3, "did you mean 'en-fr'?"),
        (["--plot", "breaks.doc"], 2, ".doc"),
    ],
)
def test_what_cannot_be_asked(breaks: Command, fit: str, arguments: list[str], code: int, told: str) -> None:
    ended, out, err = breaks(fit, *arguments)
    assert (ended, out) == (code, "")
    assert err.startswith("error: ")
    assert told in err


def test_a_fit_without_breaks_says_how_to_get_them(breaks: Command, tmp_path: Path) -> None:
    code, out, err = breaks(write_fit(tmp_path, MadeUp(draws=4)))
    assert (code, out) == (3, "")
    assert "--breaks scores" in err
