"""`bayesscale laws`, and what `fit` says of laws that cannot be."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from bayesscale.inference import run
from bayesscale.laws import LAWS
from bayesscale.models.model import SCORE_LAWS, chosen_model
from bayesscale.models.priors import Priors
from tests.cli.fits import caller
from tests.models.tables import table as simulated


def test_every_law_is_listed_with_the_option_that_fits_it(capsys: pytest.CaptureFixture[str]) -> None:
    laws = caller(capsys, "laws")
    code, out, err = laws()
    assert (code, err) == (0, "")
    flat = " ".join(out.split())
    assert all(name in out for name in LAWS)
    assert "all losses follow the power law" in flat
    code, out, _ = laws("--json")
    rows: list[dict[str, Any]] = json.loads(out)["laws"]
    assert [row["law"] for row in rows] == list(LAWS)
    for row in rows:
        law = LAWS[row["law"]]
        assert (row["formula"], row["source"]) == (law.formula, law.source)
        assert row["coefficients"] == ", ".join(law.coefficient_names)
        assert row["of"] == ("scores" if row["law"] in SCORE_LAWS else "losses")
    code, out, _ = laws("--csv")
    assert [row["law"] for row in csv.DictReader(io.StringIO(out))] == list(LAWS)


def test_the_options_that_are_listed_fit_their_law(capsys: pytest.CaptureFixture[str]) -> None:
    rows = json.loads(caller(capsys, "laws")("--json")[1])["laws"]
    options = {row["option"].removeprefix("--law "): row["law"] for row in rows if row["option"]}
    for option, law in options.items():
        assert chosen_model(option, "scores", True, Priors()).laws == (law,)
    assert chosen_model(",".join(options), "scores", True, Priors()).laws == SCORE_LAWS


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--law", "satturating"], "did you mean 'saturating'"),
        (["--law", "log,"], "a law of scores is unknown; received ''"),
        (["--law", "log,power"], "a law of scores is unknown; received 'power'"),
        (["--law", "paper,log"], "a law of scores is unknown; received 'paper'"),
        (["--breaks", "score"], "did you mean 'scores'"),
    ],
)
def test_laws_that_cannot_be_are_refused_before_anything_is_sampled(
    options: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run, "sample", None)
    path = tmp_path / "table.csv"
    simulated(finetune=(6e6,)).to_csv(path, index=False)
    found, out, err = caller(capsys, "fit")(str(path), "-o", str(tmp_path / "fit.nc"), *options)
    assert (found, out) == (2, "")
    assert message in err
    assert not (tmp_path / "fit.nc").exists()
