"""`bayesscale laws`, and what `fit` and `evaluate` say of laws that cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bayesscale.inference import attempts
from bayesscale.models.forms import FORMS
from tests.cli.fits import caller
from tests.models.tables import table as simulated


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = tmp_path / "table.csv"
    simulated(finetune=(6e6,)).to_csv(path, index=False)
    return str(path)


@pytest.fixture
def losses(tmp_path: Path) -> str:
    path = tmp_path / "losses.csv"
    simulated(metrics=("cross_entropy",)).to_csv(path, index=False)
    return str(path)


def test_every_law_is_listed_with_the_option_that_fits_it(capsys: pytest.CaptureFixture[str]) -> None:
    laws = caller(capsys, "laws")
    code, out, err = laws()
    assert (code, err) == (0, "")
    assert all(f"{name} " in out and form.law.formula in out for name, form in FORMS.items())
    code, out, _ = laws("--json")
    rows: list[dict[str, Any]] = json.loads(out)["laws"]
    assert {row["option"] for row in rows} >= {"--law rising", "--loss-law smooth-break"}
    own = next(row for row in rows if row["law"] == "smooth-break")
    assert own["beyond level, gain and shape"] == "ratio, tau, width"
    assert own["coefficients"] == "E, log_A, c0, c1, log_d, f"


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--law", "m4"], 3, "m4 is a law of losses and cannot take the other direction; --loss-law m4"),
        (["--loss-law", "rising"], 3, "rising is a law of scores"),
        (["--loss-law", "m4"], 3, "m4 needs the cross_entropy of guessing, which is not known"),
        (["--joint", "additive"], 3, "a joint law needs curves of several finetune_tokens; received one"),
        (["--law", "exponental"], 2, "did you mean 'exponential'"),
        (
            ["--law", "log,rising", "--loss-law", "power,shifted,m4"],
            2,
            "received 2 of scores and 3 of losses",
        ),
        (["--joint", "multiplicativ"], 2, "did you mean 'multiplicative'"),
    ],
)
def test_laws_that_cannot_be_are_refused_before_anything_is_sampled(
    options: list[str],
    code: int,
    message: str,
    table: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(attempts, "sample_models", None)
    found, out, err = caller(capsys, "fit")(table, "-o", str(tmp_path / "fit.nc"), *options)
    assert (found, out) == (code, "")
    assert message in err
    assert not (tmp_path / "fit.nc").exists()


def test_what_is_told_of_guessing_is_read_from_the_priors(
    table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    priors = tmp_path / "priors.toml"
    priors.write_text("[guess]\ncross_entropy = 0.5\n", encoding="utf-8")
    options = ["--loss-law", "m4", "--priors", str(priors)]
    code, _, err = caller(capsys, "fit")(table, "-o", str(tmp_path / "fit.nc"), *options)
    assert code == 3
    assert "m4 holds cross_entropy below that of guessing, 0.5; the largest is" in err


@pytest.mark.parametrize("model", ["exponential", "saturating", "log"])
def test_a_law_of_scores_cannot_be_evaluated_on_losses(
    model: str, losses: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = caller(capsys, "evaluate")(losses, "--model", model)
    assert (code, out) == (3, "")
    assert f"the law {model} is of scores, which rise with more data; the table has only cross_entropy" in err
