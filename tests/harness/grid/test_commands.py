"""The commands that train, with stand-ins for training: options, refusals, what goes to stdout."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bayesscale.cli.main import main
from tests.harness.grid.conftest import STUDY, Stand


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the study as a file."""
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    return path


def _run(*arguments: object) -> int:
    """Run the command line and return its exit code."""
    with pytest.raises(SystemExit) as caught:
        main(["harness", *map(str, arguments)])
    return int(caught.value.code or 0)


def test_grid_prints_the_table_it_wrote(
    file: Path, tmp_path: Path, stand: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("grid", file, "-o", tmp_path / "grid", "--device", "cpu", "--workers", "1") == 0
    said = capsys.readouterr()
    assert said.out == f"{tmp_path / 'grid' / 'metrics.jsonl'}\n"
    assert "[20/20]" in said.err
    assert _run("grid", file, "-o", tmp_path / "grid", "--device", "cpu", "--quiet", "--workers", "1") == 0
    assert all(line.startswith("warning: ") for line in capsys.readouterr().err.splitlines())


def test_grid_ends_with_1_if_a_cell_failed_and_says_which(
    file: Path, tmp_path: Path, stand: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    stand.fail_finetuning = 2
    assert _run("grid", file, "-o", tmp_path / "grid", "--device", "cpu", "--workers", "1") == 1
    said = capsys.readouterr()
    assert "1 cells failed and 0 could not be reached; 19 of 20 are finished" in said.err
    assert "something odd" in said.err.splitlines()[-1]
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--backend", "dask"], "--backend is unknown; received 'dask'; did you mean"),
        (["--part", "two"], "write for instance 2/5"),
        (["--part", "3/2"], "received 3/2"),
        (["--device", "tpu"], "--device is auto"),
        (["--preset", "tiny"], "received both"),
    ],
)
def test_options_that_cannot_be_used_are_refused_before_anything_is_written(
    file: Path,
    tmp_path: Path,
    stand: Stand,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    assert _run("grid", file, "-o", tmp_path / "grid", *arguments) == 2
    assert message.partition("; did you mean")[0] in capsys.readouterr().err
    assert not (tmp_path / "grid").exists()


def test_workers_beyond_the_devices_are_refused(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bayesscale.harness.grid.context._gpus", lambda: 1)
    assert _run("grid", file, "-o", tmp_path / "grid", "--workers", "2") == 2
    assert "--device cuda:0,cuda:0" in capsys.readouterr().err


def test_pretrain_does_a_part_of_the_same_grid(
    file: Path, tmp_path: Path, stand: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    grid = ["-o", tmp_path / "grid", "--device", "cpu"]
    assert _run("pretrain", file, *grid, "--mixture", "100cc", "--seed", 1, "--until", 100) == 0
    assert stand.pretrained == [("100cc-seed1", 1, (64,))]
    assert capsys.readouterr().out.endswith("100cc-seed1\n")
    assert _run("grid", file, *grid, "--workers", 1) == 0
    assert stand.pretrained.count(("100cc-seed1", 1, (64,))) == 1
    assert len((tmp_path / "grid" / "metrics.jsonl").read_text().splitlines()) == 20
    assert _run("pretrain", file, *grid, "--seed", 7) == 2
    assert "--seed is one of the study; received 7; valid: 0, 1" in capsys.readouterr().err


def test_sweep_finds_the_rate_and_says_where_it_is_at_an_edge(
    file: Path, tmp_path: Path, stand: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    stand.losses = {0.01: 3.0, 0.03: 2.0, 0.1: float("nan")}
    grid = ["-o", tmp_path / "grid", "--device", "cpu"]
    assert _run("sweep", file, *grid, "--rates", "0.01,0.03,0.1") == 0
    said = capsys.readouterr()
    assert "after 64 tokens the loss is lowest with rate = 0.03" in said.out
    assert "warning" not in said.out
    assert "50aa+50bb, rate 0.1: DIVERGED" in said.err
    assert _run("sweep", file, *grid, "--rates", "0.01,0.03", "--json") == 0
    assert json.loads(capsys.readouterr().out)["best"] == 0.03
    assert _run("sweep", file, *grid, "--rates", "0.01,0.03") == 0
    assert "warning: that is the highest rate that was tried" in capsys.readouterr().out
    assert _run("sweep", file, *grid, "--rates", "fast") == 2


def test_status_is_a_table_for_people_and_a_document_for_programs(
    file: Path, tmp_path: Path, stand: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    _run("grid", file, "-o", tmp_path / "grid", "--device", "cpu", "--workers", "1", "--part", "1/6")
    capsys.readouterr()
    assert _run("status", tmp_path / "grid") == 0
    assert capsys.readouterr().out.startswith("small: 2 of 20 cells have scores")
    assert _run("status", tmp_path / "grid", "--json") == 0
    assert json.loads(capsys.readouterr().out)["finished"] == 2
    assert _run("status", tmp_path / "grid", "--cells", "--csv") == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert _run("status", tmp_path / "nothing") == 2


def test_help_of_the_harness_loads_no_torch() -> None:
    code = (
        "import sys\nfrom bayesscale.cli.main import main\n"
        "try: main(['harness', 'grid', '--help'])\nexcept SystemExit: pass\n"
        "print(*({'torch', 'pymc', 'pandas', 'sentencepiece'} & set(sys.modules)), 'end')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "end"
