"""Whole grids with real training: killed, over several processes, over Ray, from the command line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install 'bayesscale[train]'")
pytest.importorskip("sentencepiece", reason="sentencepiece is not installed: pip install 'bayesscale[train]'")
pytest.importorskip("sacrebleu", reason="sacrebleu is not installed: pip install 'bayesscale[train]'")

from bayesscale.harness.grid.context import Settings
from bayesscale.harness.grid.run import run_grid
from bayesscale.metrics.read import read_metrics
from tests.harness.grid.micro import micro

pytestmark = pytest.mark.slow

# One thread each: sums come in the same order then, in whatever process.
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
ALONE = Settings(threads=1)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the grid undisturbed in this process."""
    folder = tmp_path_factory.mktemp("alone")
    result = run_grid(micro(), folder, ALONE)
    assert (result.finished, result.failed) == (10, 0)
    return folder


def _table(folder: Path) -> bytes:
    """Return the metrics file."""
    return (folder / "metrics.jsonl").read_bytes()


def test_ten_kills_at_random_moments_change_no_byte(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.harness.grid.killing", str(tmp_path), "10", "20"]
    done = subprocess.run(command, cwd=root, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads(done.stdout)
    assert report["killed"] == 10
    undisturbed = tmp_path / "undisturbed"
    patterns = ("*.jsonl", "cells/*.hypotheses.txt", "pretraining/*/[0-9]*.safetensors")
    files = [path for pattern in patterns for path in undisturbed.glob(pattern)]
    assert len(files) == 2 + 10 + 4  # two tables, a file a cell, a checkpoint a mixture and size
    for number in range(1, report["grids"] + 1):
        killed = tmp_path / f"killed-{number}"
        for file in files:
            assert (killed / file.relative_to(undisturbed)).read_bytes() == file.read_bytes()


def test_two_processes_give_the_same_table(alone: Path, tmp_path: Path) -> None:
    assert run_grid(micro(), tmp_path, Settings(workers=2, threads=1)).finished == 10
    assert _table(tmp_path) == _table(alone)


# Ray leaves pipes and sockets of its own processes to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_ray_gives_the_same_table(alone: Path, tmp_path: Path) -> None:
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'bayesscale[ray]'")
    result = run_grid(micro(), tmp_path, Settings(backend="ray", workers=2, threads=1))
    assert result.errors == ()
    assert _table(tmp_path) == _table(alone)
    assert not ray.is_initialized()


def test_the_table_of_a_grid_is_read_by_the_analysis(alone: Path) -> None:
    metrics = read_metrics(alone / "metrics.jsonl")
    assert set(metrics.frame["metric"]) == {"bleu", "chrf", "cross_entropy"}
    assert sorted(set(metrics.frame["pretrain_tokens"])) == [0, 4096, 16384]
    domains = read_metrics(alone / "domains.jsonl")
    assert set(domains.frame["metric"]) == {"bleu"}


def test_records_hold_what_belongs_to_a_score(alone: Path) -> None:
    for path in (alone / "cells").glob("*.json"):
        record = json.loads(path.read_text())
        (bleu,) = (score for score in record["test"]["scores"] if score["metric"] == "bleu")
        assert 0 <= bleu["brevity_penalty"] <= 1
        assert len(bleu["precisions"]) == 4
        assert record["test"]["loss"]["per_byte"] < record["test"]["loss"]["per_token"]
        assert len(record["test"]["domains"]) == 2
        assert [trial["rate"] for trial in record["finetune"]["trials"]] == [0.002, 0.01]
        assert record["finetune"]["epochs"] == pytest.approx(
            40 * 128 / record["finetune"]["tokens"], rel=0.02
        )
        assert record["finetune"]["rate"] in (0.002, 0.01)
        hypotheses = (alone / "cells" / f"{record['key']}.hypotheses.txt").read_text().splitlines()
        assert len(hypotheses) == record["test"]["sentences"] == 16


def test_the_preset_tiny_runs_from_the_command_line_to_a_table(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from bayesscale.cli.main import main; main()"]
    grid = [*command, "harness", "grid", "--preset", "tiny", "--workers", "2"]
    began = time.monotonic()
    used = os.times()
    done = subprocess.run([*grid, "-o", str(tmp_path)], env=ENVIRONMENT, capture_output=True, text=True)
    now = os.times()
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == str(tmp_path / "metrics.jsonl")
    assert re.search(r"\[18/18\] ", done.stderr)
    # Two minutes on two cores. The machine may be busy with other things, which processor time does not see.
    processor = now.children_user + now.children_system - used.children_user - used.children_system
    assert min(time.monotonic() - began, processor) < 120
    checked = subprocess.run([*command, "check", done.stdout.strip()], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_processes_of_torchrun_pretrain_one_model_together(small_text: str, tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    study.write_text(small_text)
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    options = ["harness", "pretrain", str(study), "-o", str(tmp_path / "run"), "--mixture", "ka"]
    done = subprocess.run(
        [*start, "-m", "bayesscale", *options], env=ENVIRONMENT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    # The first process speaks for all.
    assert done.stdout.split() == [str(tmp_path / "run" / "pretraining" / "ka-seed0")]
    written = sorted(Path(done.stdout.strip()).glob("[0-9]*.json"))
    assert [json.loads(path.read_text())["processes"] for path in written] == [2, 2]
