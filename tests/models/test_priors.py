"""Priors: values that can be read, changed and written down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bayesscale.cli.main import main
from bayesscale.errors import PriorError
from bayesscale.models import Priors, load_priors
from bayesscale.models.distributions import LogNormal, Normal
from bayesscale.models.priors import change_priors, list_priors


@pytest.fixture
def written(tmp_path: Path) -> Any:
    """Return a function that writes a file of priors and returns its path."""

    def write(text: str | bytes) -> Path:
        path = tmp_path / "priors.toml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def test_what_a_file_does_not_name_keeps_its_default(written: Any) -> None:
    priors = load_priors(written("correlation = 2\n[score.gain.mean]\nmean = 0.2\n[noise]\nbleu = 0.8\n"))
    assert priors.score.gain.mean == Normal(mean=0.2, sd=Priors().score.gain.mean.sd)
    assert (priors.correlation, priors.noise) == (2.0, {"bleu": 0.8})
    unchanged = Priors().model_dump() | {"correlation": 2.0, "noise": {"bleu": 0.8}}
    unchanged["score"]["gain"]["mean"]["mean"] = 0.2
    assert priors.model_dump() == unchanged


def test_an_empty_file_is_the_defaults(written: Any) -> None:
    assert load_priors(written("")) == Priors()


def test_changed_priors_come_back_from_toml(written: Any, capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        'score.level.curve_sd = { median = 0.12345678901234567, spread = 1e-3 }\ntypical = { "chrf++" = 44 }'
    )
    first = load_priors(written(text))
    with pytest.raises(SystemExit) as stop:
        main(["priors", "--priors", str(written(text)), "--toml"])
    assert not stop.value.code
    again = load_priors(written(capsys.readouterr().out))
    assert again == first != Priors()
    assert again.typical == {"chrfpp": 44.0}


def test_priors_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Priors().correlation = 2.0


# What a file says: where the message has to point, and what it has to say.
BROKEN = {
    "score.gaim.mean.sd = 1": ("score.gaim: Extra inputs are not permitted", "received {'mean': {'sd': 1}}"),
    "score.gain.mean.sigma = 1": ("score.gain.mean.sigma: Extra inputs are not permitted", "received 1"),
    "score.gain.mean.sd = 0": ("score.gain.mean.sd: Input should be greater than 0", "received 0"),
    "breaks.hazard.median = -1.5": ("breaks.hazard.median: Input should be greater than 0", "received -1.5"),
    "degrees = inf": ("degrees: Input should be a finite number", "received inf"),
    "correlation = nan": ("correlation: Input should be a finite number", "received nan"),
    'breaks.spread = "much"': ("breaks.spread: Input should be a valid number", "received 'much'"),
    "score.gain.mean = 0.2": ("score.gain.mean: Input should be a valid dictionary", "received 0.2"),
    "score = []": ("score: Input should be a valid dictionary", "received []"),
    "noise.blue = 1": ("unknown metric; did you mean 'bleu'?", "received 'blue'"),
    "typical.bleu = 0": ("typical.bleu: Input should be greater than 0", "received 0"),
}


@pytest.mark.parametrize(("text", "said"), BROKEN.items())
def test_a_broken_prior_is_named_with_its_rule_and_value(
    written: Any, text: str, said: tuple[str, str]
) -> None:
    with pytest.raises(PriorError) as caught:
        load_priors(written(text))
    (line,) = str(caught.value).splitlines()[1:-1]
    assert all(part in line for part in said)
    assert str(caught.value).endswith("`bayesscale priors` lists all names and values")


def test_all_problems_are_told_at_once(written: Any) -> None:
    with pytest.raises(PriorError) as caught:
        load_priors(written("\n".join(text for text in BROKEN if not text.startswith("score"))))
    assert len(str(caught.value).splitlines()) == 2 + 6


@pytest.mark.parametrize("text", ["score = ", "\xff".encode("latin-1"), "[score]\n[score]"])
def test_a_file_that_is_no_toml_is_said_so(written: Any, text: str | bytes) -> None:
    path = written(text)
    with pytest.raises(PriorError, match="priors are read from a TOML file") as caught:
        load_priors(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_or_a_directory_is_said_so(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(PriorError, match="priors are read from a TOML file"):
            load_priors(path)


def _leaves(values: dict[str, Any], path: str = "") -> set[str]:
    """Return the dotted names of all distributions, which hold numbers only, and of all other numbers."""
    found = set()
    for name, value in values.items():
        group = isinstance(value, dict) and any(isinstance(v, dict) for v in value.values())
        found |= _leaves(value, f"{path}{name}.") if group else {f"{path}{name}"}
    return found


def test_the_list_has_every_prior_once_with_a_reason() -> None:
    rows = list_priors(Priors())
    names = [row["prior"] for row in rows]
    assert len(set(names)) == len(names)
    # A distribution has one row for its two numbers; a number that is a prior itself has its own.
    assert set(names) == _leaves(Priors().model_dump())
    assert {"breaks.hazard", "breaks.spread", "correlation", "score.gain.mean", "typical"} <= set(names)
    assert [row["prior"] for row in rows if len(row["meaning"]) < 20] == []


def test_the_list_shows_what_is_set() -> None:
    changed = change_priors(Priors(), {"score": {"gain": {"mean": {"mean": 0.25}}}, "noise": {"bleu": 2}})
    rows = {row["prior"]: row["value"] for row in list_priors(changed)}
    assert rows["score.gain.mean"] == "Normal(mean=0.25, sd=1)"
    assert rows["noise"] == "{'bleu': 2.0}"
    assert rows["correlation"] == "3.0"


def test_distributions_print_as_they_are_written() -> None:
    assert str(LogNormal(median=0.5, spread=1)) == "LogNormal(median=0.5, spread=1)"
    assert str(Normal(mean=-0.4, sd=0.25)) == "Normal(mean=-0.4, sd=0.25)"
