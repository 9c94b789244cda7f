from __future__ import annotations

import shlex
from pathlib import Path

import pandas as pd
import pytest

from bayesscale.cli.main import main
from bayesscale.errors import UsageError
from bayesscale.metrics.examples import Example, example_path, find_example, list_examples
from bayesscale.metrics.read import read_metrics

EXAMPLES = list_examples()
every_example = pytest.mark.parametrize("example", EXAMPLES, ids=[example.name for example in EXAMPLES])


@every_example
def test_every_example_is_a_valid_table(example: Example) -> None:
    metrics = read_metrics(example_path(example.name))
    assert len(metrics.curves()) > 0
    assert metrics.notes == ()


@every_example
def test_what_is_simulated_says_so_everywhere(example: Example) -> None:
    assert example.origin in ("simulated", "measured")
    if example.origin == "simulated":
        assert "simulated" in example.name
        assert "simulated" in example.file
        assert "Simulated" in example.title
        assert "simulated, not measured" in example.description.lower()
        assert read_metrics(example.path).frame["run"].str.startswith("simulated").all()


@pytest.mark.parametrize("example", [each for each in EXAMPLES if each.origin == "simulated"])
def test_command_makes_a_simulated_example_again_byte_for_byte(
    example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, *arguments = shlex.split(example.command)
    assert program == "bayesscale"
    assert f"--seed {example.seed}" in example.command
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(arguments)
    assert (tmp_path / example.file).read_bytes() == example.path.read_bytes()


@every_example
def test_what_is_measured_says_how(example: Example) -> None:
    if example.origin == "simulated":
        assert (example.details, example.versions) == (None, {})
        return
    assert "Measured" in example.title
    assert "Licence" in example.description
    assert {"torch", "sacrebleu"} <= set(example.versions)
    frame = read_metrics(example.path).frame
    text = frame[frame["metric"].isin(["bleu", "chrf"])]
    assert text["signature"].str.contains(f"version:{example.versions['sacrebleu']}").all()
    assert (frame.loc[frame["value"] < 100, "se"] > 0).all()
    # A row a model, and of every model all that the table has.
    models = pd.read_csv(example.path.parent / str(example.details), dtype={"seed": str})
    keys = ["mixture", "pretrain_tokens", "seed"]
    assert models.groupby(keys).size().to_dict() == (
        frame.groupby([*keys, "finetune_tokens"]).size().groupby(level=keys).size().to_dict()
    )


def test_every_bundled_file_is_in_the_index() -> None:
    files = {path.name for path in example_path("isik-simulated").parent.glob("*.csv")}
    known = {name for example in EXAMPLES for name in (example.file, example.details) if name}
    assert files == known


def test_the_paper_like_example_has_what_the_paper_has() -> None:
    frame = read_metrics(example_path("isik-simulated")).frame
    curves = frame[frame["pretrain_tokens"] > 0].groupby(["mixture", "finetune_tokens", "metric"]).size()
    assert len(curves) == 15 * 2
    assert (curves == 10).all()
    assert set(frame["finetune_tokens"]) == {42e6, 210e6, 21e9}


def test_an_unknown_example_is_answered_with_the_names_there_are() -> None:
    with pytest.raises(
        UsageError, match="no example is called 'isik-simulate'; did you mean 'isik-simulated'"
    ):
        find_example("isik-simulate")
