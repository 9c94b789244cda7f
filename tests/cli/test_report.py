from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.fits import Command, caller, write_fit
from tests.questions.made_up import MadeUp


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Command:
    return caller(capsys, "report")


def test_a_page_is_written(report: Command, tmp_path: Path) -> None:
    fit = write_fit(tmp_path, MadeUp(draws=100, width=0.05, noise=0.3))
    page = tmp_path / "report.html"
    code, out, err = report(fit, "-o", str(page), "--target", "24", "--budget", "1T")
    assert (code, out) == (0, f"{page}\n")
    assert err.splitlines()[0].endswith("] Forecast")
    text = page.read_text(encoding="utf-8")
    assert re.match(r"<!DOCTYPE html>", text)
    assert "For bleu at least 24 within 1T" in text
    code, out, err = report(fit, "-o", str(page))
    assert (code, out) == (2, "")
    assert "--force" in err


def test_a_fit_that_did_not_converge_has_exit_code_4(report: Command, tmp_path: Path) -> None:
    fit = write_fit(tmp_path, MadeUp(draws=100, width=0.05, noise=0.3, problems=("R-hat 1.2",)))
    code, _, err = report(fit, "-o", str(tmp_path / "report.html"))
    assert code == 4
    assert "warning: not converged: R-hat 1.2" in err
    assert "Do not rely on these numbers" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-o", "report.pdf"], "received 'report.pdf'"),
        (["-o", "report.html", "--target", "24"], "give both or none"),
        (["-o", "report.html", "--target", "24", "--budget", "much"], "received 'much'"),
    ],
)
def test_what_cannot_be_reported(report: Command, tmp_path: Path, arguments: list[str], told: str) -> None:
    code, out, err = report(write_fit(tmp_path, MadeUp(draws=4)), *arguments)
    assert (code, out) == (2, "")
    assert told in err
    assert not Path("report.html").exists()
