"""What a grid shows to others: progress files, logs, a script for Slurm, devices, its status."""

from __future__ import annotations

import json
import pickle
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bayesscale.errors import DataError, UsageError
from bayesscale.harness.grid import context
from bayesscale.harness.grid.context import Grid, Settings, choose_devices
from bayesscale.harness.grid.run import run_grid
from bayesscale.harness.grid.status import grid_status
from bayesscale.harness.progress import Progress, Reporter, remove_stale, running
from bayesscale.harness.study.config import Study
from tests.harness.grid.conftest import Stand

PROGRESS = Progress(step=5, steps=10, tokens=640, loss=2.5, tokens_per_second=3200.0, seconds_left=125.0)


def test_what_a_process_does_can_be_read_while_it_does_it(tmp_path: Path) -> None:
    with Reporter(tmp_path, "pretrain en") as report:
        report(PROGRESS)
        (state,) = running(tmp_path)
        assert str(state) == "pretrain en: step 5/10, loss 2.500, 3.2K tokens/s, 2.1 minutes left"
        assert report.last.speed == "3.2K tokens/s"
    assert running(tmp_path) == []


def test_progress_of_a_killed_process_is_removed_and_old_files_do_not_count(tmp_path: Path) -> None:
    dead = tmp_path / f"{socket.gethostname()}-999999999.json"
    dead.write_text(json.dumps({"what": "x", "step": 1, "steps": 2, "time": time.time()}))
    remove_stale(tmp_path)
    assert not dead.exists()
    (tmp_path / "elsewhere-1.json").write_text(json.dumps({"what": "x", "step": 1, "steps": 2, "time": 0}))
    (tmp_path / "torn-1.json").write_text("{")
    assert running(tmp_path) == []


def test_the_curve_of_a_run_survives_half_a_line(tmp_path: Path) -> None:
    path = tmp_path / "training.jsonl"
    path.write_text('{"step": 1}\n{"st')
    with Reporter(tmp_path / "progress", "run", curve=path) as report:
        report(PROGRESS)
    assert json.loads(path.read_text().splitlines()[2])["loss"] == 2.5


def test_devices_are_those_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "_gpus", lambda: 2)
    assert choose_devices("auto") == ("cuda:0", "cuda:1")
    assert choose_devices("cuda:1, cpu") == ("cuda:1", "cpu")
    with pytest.raises(UsageError, match="there are 2 on this machine"):
        choose_devices("cuda:2")
    with pytest.raises(UsageError, match="received 'gpu'"):
        choose_devices("gpu")
    monkeypatch.setattr(context, "_gpus", lambda: 0)
    assert choose_devices("auto") == ("cpu",)
    assert choose_devices("cuda", here=False) == ("cuda",)


def test_every_process_has_a_device_of_its_own(study: Study, folder: Path) -> None:
    place = Grid(folder, study, "data", Settings(devices=("cuda:0", "cuda:1")))
    assert (place.device(), place.device()) == ("cuda:0", "cuda:0")
    code = (
        "import sys, pickle; place = pickle.loads(sys.stdin.buffer.read());"
        "print(place.device(), place.device())"
    )
    done = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(place), capture_output=True)
    assert done.stdout.decode().split() == ["cuda:1", "cuda:1"]


def test_status_counts_cells_and_says_what_went_wrong(study: Study, folder: Path, stand: Stand) -> None:
    stand.diverged_runs = {"100cc-seed0"}
    stand.fail_finetuning = 1
    run_grid(study, folder)
    with Reporter(folder / "progress", "pretrain en") as report:
        report(PROGRESS)
        status = grid_status(folder)
    assert (status.count("finished"), status.count("diverged")) == (15, 4)
    lines = status.sentences()
    assert lines[0].startswith("small: 15 of 20 cells have scores, in ")
    assert lines[1].startswith("4 diverged")
    assert lines[2].startswith("warning: 15 of 15 cells chose the lowest finetuning rate: add a lower one")
    assert lines[3].startswith("warning: 3 checkpoints are still on the plateau")
    assert lines[4].startswith("now: pretrain en: step 5/10")
    assert lines[5].endswith("ValueError: something odd")
    frame = status.frame().set_index(["mixture", "seed", "pretrain_tokens"])
    assert frame.loc[("none", 0, 0), "finished"] == 1
    assert frame.loc[("100cc", 0, 64), "diverged"] == 2
    assert frame.loc[("50aa+50bb", 1, 128), "loss"] == pytest.approx(100 / 128)
    details = status.details()
    assert len(details) == 19
    assert details["nats_per_token"].notna().sum() == 15
    json.dumps(status.document())


def test_status_of_a_folder_without_a_grid_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is none in"):
        grid_status(tmp_path)


def test_a_damaged_record_is_said_with_the_remedy(study: Study, folder: Path, stand: Stand) -> None:
    run_grid(study, folder)
    record = next((folder / "cells").glob("*.json"))
    record.write_text("{")
    with pytest.raises(DataError, match="delete it if it is damaged: what it held is computed again"):
        run_grid(study, folder)
    record.unlink()
    assert run_grid(study, folder).finished == 20
