from __future__ import annotations

import json
from pathlib import Path

import pytest

from bayesscale.cli.main import main
from bayesscale.metrics.examples import example_path


def finish(*arguments: object) -> int:
    """Return the exit code of `bayesscale examples`."""
    with pytest.raises(SystemExit) as stop:
        main(["examples", *map(str, arguments)])
    return int(stop.value.code or 0)


def test_the_list_says_what_is_simulated(capsys: pytest.CaptureFixture[str]) -> None:
    assert finish() == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if "isik-simulated" in line)
    assert "simulated" in row.replace("isik-simulated", "")


def test_the_list_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert finish("--json") == 0
    (example, *_) = json.loads(capsys.readouterr().out)["examples"]
    assert example["name"] == "isik-simulated"
    assert example["origin"] == "simulated"
    assert example["command"].startswith("bayesscale simulate ")


def test_an_example_is_copied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "copy.csv"
    assert finish("isik-simulated", "-o", copy) == 0
    assert copy.read_bytes() == example_path("isik-simulated").read_bytes()
    assert "Simulated" in capsys.readouterr().out
    assert finish("isik-simulated", "-o", copy) == 2
    assert finish("isik-simulated", "-o", copy, "--force") == 0


def test_an_example_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert finish("isik-simulated") == 0
    assert capsys.readouterr().out == example_path("isik-simulated").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["isik"], "no example is called 'isik'; valid: isik-simulated"),
        (["isik-simulate"], "did you mean 'isik-simulated'?"),
        (["-o", "copy.csv"], "--output needs the name of an example"),
        (["isik-simulated", "--json"], "are for the list"),
    ],
)
def test_mistakes_are_answered_in_one_message(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert finish(*arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
