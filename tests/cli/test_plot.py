from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from bayesscale.inference import load, save
from bayesscale.questions.backtest import backtest_picture
from tests.cli.fits import Command, caller, write_fit
from tests.questions.breaking import breaking
from tests.questions.made_up import MadeUp, rows
from tests.report.test_page import with_replicates


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_fit(tmp_path_factory.mktemp("fit"), MadeUp(draws=20, width=0.05, noise=0.3))


@pytest.fixture
def plot(capsys: pytest.CaptureFixture[str]) -> Command:
    return caller(capsys, "plot")


def test_a_picture_is_written(plot: Command, fit: str, tmp_path: Path) -> None:
    path = tmp_path / "fit.png"
    code, out, err = plot(fit, "-o", str(path), "--tokens", "1T", "--metric", "bleu", "--interval", "0.5")
    assert (code, out, err) == (0, f"{path}\n", "")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_nothing_is_overwritten_without_force(plot: Command, fit: str, tmp_path: Path) -> None:
    path = tmp_path / "fit.svg"
    path.write_text("mine")
    code, out, err = plot(fit, "-o", str(path), "--task", "en-fr")
    assert (code, out) == (2, "")
    assert "--force" in err
    assert path.read_text() == "mine"
    assert plot(fit, "-o", str(path), "--task", "en-fr", "--force")[0] == 0
    assert path.read_text() != "mine"


def test_many_curves_go_to_several_files(plot: Command, tmp_path: Path) -> None:
    table = rows(tasks=tuple(f"t{n}" for n in range(13)), finetune=(6e6,), metrics=("bleu",))
    fit = write_fit(tmp_path, MadeUp(table=table, draws=4))
    code, out, err = plot(fit, "-o", str(tmp_path / "fit.png"))
    assert code == 0
    assert out.split() == [str(tmp_path / "fit-1.png"), str(tmp_path / "fit-2.png")]
    assert err.startswith("2 pages, since a page holds 24 panels; --task, --mixture or --metric draw fewer")
    assert plot(fit, "-o", str(tmp_path / "few.png"), "--mixture", "en")[1:] == (
        f"{tmp_path / 'few.png'}\n",
        "",
    )


def test_a_fit_that_did_not_converge_is_drawn_with_exit_code_4(plot: Command, tmp_path: Path) -> None:
    fit = write_fit(tmp_path, MadeUp(draws=4, problems=("R-hat 1.2",)))
    path = tmp_path / "fit.png"
    code, out, err = plot(fit, "-o", str(path), "--metric", "bleu")
    assert (code, out) == (4, f"{path}\n")
    assert err.startswith("warning: not converged: R-hat 1.2.")
    assert path.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["-o", "fit.jpg"], 2, "received 'fit.jpg'; valid: .pdf, .png, .svg"),
        (
            ["-o", "fit.png", "--tokens", "1T,2T"],
            2,
            "--tokens is one size here; received '1T,2T'; write one size",
        ),
        (["-o", "fit.png", "--interval", "0"], 2, "received 0"),
        (["-o", "fit.png", "--task", "en-rf"], 3, "did you mean 'en-fr'?"),
    ],
)
def test_what_cannot_be_drawn(plot: Command, fit: str, arguments: list[str], code: int, told: str) -> None:
    ended, out, err = plot(fit, *arguments)
    assert (ended, out) == (code, "")
    assert told in err
    assert not Path("fit.png").exists()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the file of a fit with breaks and replicates."""
    made = with_replicates(breaking(MadeUp(draws=100, width=0.05, noise=0.3).fit(), at=1e10))
    return str(save(made, tmp_path_factory.mktemp("whole") / "fit.nc"))


@pytest.mark.parametrize(
    ("what", "columns"),
    [
        ("forecast", {"law_median", "lower", "efolds_beyond"}),
        ("breaks", {"p_broken", "break_median"}),
        ("gain", {"gain_median", "p_gain"}),
        ("ranking", {"p_best", "median"}),
        ("link", {"score", "loss_value"}),
        ("calibration", {"pit", "share"}),
        ("posterior", {"quantity", "density"}),
    ],
)
def test_each_picture_gives_its_numbers(
    plot: Command, whole: str, tmp_path: Path, what: str, columns: set[str]
) -> None:
    path = tmp_path / "picture.svg"
    code, out, err = plot(whole, "--what", what, "-o", str(path), "--for", "column", "--data", "csv")
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    assert columns <= set(rows[0])
    # stdout holds the numbers and nothing else.
    assert str(path.with_suffix("")) in err
    assert [*tmp_path.glob("picture*.svg")]
    code, out, err = plot(whole, "--what", what, "--data", "json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document["picture"] == what
    assert len(document["data"]) == len(rows)


def test_a_fit_without_held_out_forecasts_has_no_backtest(plot: Command, whole: str) -> None:
    code, out, err = plot(whole, "--what", "backtest", "-o", "fit.png")
    assert (code, out) == (3, "")
    assert "this fit has none; fit again, without --no-backtest" in err


def test_a_backtest_shows_every_forecast_beside_its_value(plot: Command, whole: str, tmp_path: Path) -> None:
    held = [
        {"task": "en-fr", "mixture": "en", "metric": metric, "pretrain_tokens": 1e11, "value": value,
         "median": 20.0, "lower_90": 18.0, "upper_90": 22.0}
        for metric, value in (("bleu", 21.0), ("bleu", 25.0), ("chrf", 19.0))
    ]  # fmt: skip
    fit = load(whole)
    path = save(replace(fit, provenance={**fit.provenance, "held_out": held}), tmp_path / "held.nc")
    code, out, _ = plot(str(path), "--what", "backtest", "--data", "json")
    assert code == 0
    assert json.loads(out)["data"] == held
    (figure,) = backtest_picture(load(path)).figures
    titles = [ax.get_title(loc="left") for ax in figure.axes if ax.get_title(loc="left")]
    assert titles == ["bleu: 1 of 2 inside", "chrf: 1 of 1 inside"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "received none; give -o fit.png, or --data csv"),
        (["-o", "fit.png", "--what", "forcast"], "did you mean 'forecast'?"),
        (["-o", "fit.png", "--for", "poster"], "valid: column, page, slide"),
        (["--data", "xml"], "valid: csv, json"),
    ],
)
def test_options_that_cannot_be_meant(plot: Command, whole: str, arguments: list[str], told: str) -> None:
    code, out, err = plot(whole, *arguments)
    assert (code, out) == (2, "")
    assert told in err
