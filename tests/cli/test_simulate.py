from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bayesscale.cli.main import main
from bayesscale.metrics.read import read_metrics
from bayesscale.simulate import Truth


def run(*arguments: object) -> None:
    """Run `bayesscale simulate` in this process."""
    main(["simulate", *map(str, arguments)])


def finish(*arguments: object) -> int:
    """Return the exit code of `bayesscale simulate`."""
    with pytest.raises(SystemExit) as stop:
        run(*arguments)
    return int(stop.value.code or 0)


def test_a_folder_gets_a_table_and_its_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert finish("-o", tmp_path / "new") == 0
    table, truth = (
        tmp_path / "new" / "simulated-small-0.csv",
        tmp_path / "new" / "simulated-small-0.truth.json",
    )
    assert capsys.readouterr().out.splitlines() == [
        f"{table}: simulated, not measured; 15 curves, 306 scores, seed 0",
        f"{truth}: the laws, noise and breaks behind it",
    ]
    assert Truth.from_json(truth.read_text()).regime == "small"
    metrics = read_metrics(table)
    assert len(metrics.curves()) == 15
    assert metrics.is_baseline.sum() == 6
    assert set(metrics.frame["run"]) == {"simulated-0"}


def test_options_reach_the_regime(tmp_path: Path) -> None:
    table, truth = tmp_path / "simulated.csv", tmp_path / "truth.json"
    options = ["--seed", 3, "--breaks", "1.0", "--checkpoints", 5, "--metrics", "chrf, cross_entropy"]
    assert finish("-o", table, "--truth", truth, *options, "--standard-errors") == 0
    frame = pd.read_csv(table)
    assert set(frame["metric"]) == {"chrf", "cross_entropy"}
    assert frame["pretrain_tokens"].nunique() == 5 + 1
    assert (frame["se"] > 0).all()
    read = Truth.from_json(truth.read_text())
    assert read.seed == 3
    assert all((curve.break_tokens is not None) == (curve.metric == "chrf") for curve in read.curves)


def test_the_papers_grid(tmp_path: Path) -> None:
    assert finish("-o", tmp_path / "paper.csv", "--preset", "paper") == 0
    assert len(read_metrics(tmp_path / "paper.csv").curves()) == 81


def test_files_are_not_overwritten_without_force(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "simulated.csv"
    assert finish("-o", table) == 0
    first = table.read_text()
    assert finish("-o", table, "--seed", 1) == 2
    assert "exists already" in capsys.readouterr().err
    assert table.read_text() == first
    assert finish("-o", table, "--seed", 1, "--force") == 0
    assert table.read_text() != first


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "papre"], "received 'papre'; did you mean 'paper'? valid: paper, small"),
        (["--breaks", "often"], "received 'often'"),
        (["--breaks", "2"], "received 2.0"),
        (["--checkpoints", "1"], "at least 2 checkpoints; received 1"),
        (["--metrics", "blue"], "no metric 'blue' is simulated; did you mean 'bleu'?"),
        (["--metrics", "bleu,bleu"], "none twice; received ['bleu', 'bleu']"),
        (["--metrics", ""], "no metric '' is simulated; valid: bleu, chrf, comet, cross_entropy"),
        (["--output", "table.parquet"], "a .csv file or a folder; received 'table.parquet'"),
    ],
)
def test_mistakes_are_answered_in_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    place = [] if "--output" in arguments else ["-o", tmp_path]
    assert finish(*place, *arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert list(tmp_path.iterdir()) == []
