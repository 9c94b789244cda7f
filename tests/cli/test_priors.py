from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from bayesscale.models.priors import Priors, change_priors, list_priors, load_priors
from tests.cli.fits import Command, caller


@pytest.fixture
def priors(capsys: pytest.CaptureFixture[str]) -> Command:
    return caller(capsys, "priors")


def test_every_prior_is_listed_with_its_meaning(priors: Command) -> None:
    code, out, err = priors("--json")
    assert (code, err) == (0, "")
    listed = json.loads(out)["priors"]
    assert [{name: row[name] for name in ("prior", "value", "meaning")} for row in listed] == list_priors(
        Priors()
    )
    gain = next(row for row in listed if row["prior"] == "score.gain.mean")
    assert gain["parameters"] == Priors().score.gain.mean.model_dump()
    code, out, err = priors("--csv")
    assert (code, err) == (0, "")
    assert [row["prior"] for row in csv.DictReader(io.StringIO(out))] == [row["prior"] for row in listed]
    code, out, err = priors()
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()[1:]] == [row["prior"] for row in listed]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"score": {"gain": {"mean": {"mean": 0.1 + 0.2, "sd": 1e-5}}}, "correlation": 1e300},
        {"typical": {"bleu": 31.0}, "noise": {"chrf": 0.25, "rougel": 1.0}},
    ],
)
def test_toml_reads_back_unchanged(priors: Command, tmp_path: Path, changes: dict[str, object]) -> None:
    wanted, path = change_priors(Priors(), changes), tmp_path / "priors.toml"
    first = tmp_path / "first.toml"
    first.write_text("\n".join(f"{name} = {_inline(value)}" for name, value in changes.items()))
    code, out, err = priors("--priors", str(first), "--toml")
    assert (code, err) == (0, "")
    path.write_text(out)
    assert load_priors(path) == wanted


def _inline(value: object) -> str:
    """Return a value as TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {_inline(item)}" for name, item in value.items()) + "}"
    return repr(value)


def test_changed_priors_are_listed(priors: Command, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[score.gain.mean]\nsd = 0.123\n")
    (row,) = (
        r for r in json.loads(priors("--priors", str(path), "--json")[1])["priors"] if "0.123" in r["value"]
    )
    assert row["prior"] == "score.gain.mean"
    assert row["parameters"] == {"mean": Priors().score.gain.mean.mean, "sd": 0.123}


def test_what_cannot_be_read(priors: Command, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[score.gian.mean]\nsd = 0.1\n")
    code, out, err = priors("--priors", str(path))
    assert (code, out) == (2, "")
    assert "score.gian" in err
    code, out, err = priors("--priors", str(tmp_path / "none.toml"))
    assert (code, out) == (2, "")


def test_one_format_at_a_time(priors: Command) -> None:
    for option in ("--json", "--csv"):
        code, out, err = priors("--toml", option)
        assert (code, out) == (2, "")
        assert "choose one of them" in err
