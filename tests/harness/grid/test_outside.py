"""What a grid shows to others: progress files, logs, a script for Slurm, devices, its status."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from bayesscale.errors import DataError, UsageError
from bayesscale.harness.grid import devices
from bayesscale.harness.grid.devices import choose_devices
from bayesscale.harness.grid.layout import GridFolder
from bayesscale.harness.grid.loggers import check_loggers, open_log
from bayesscale.harness.grid.progress import Reporter, duration, remove_stale, running
from bayesscale.harness.grid.run import run_grid
from bayesscale.harness.grid.slurm import slurm_script
from bayesscale.harness.grid.status import grid_status
from bayesscale.harness.grid.workplace import Workplace
from bayesscale.harness.study.config import Study
from tests.harness.grid.conftest import Stand

PROGRESS = SimpleNamespace(
    step=5, steps=10, tokens=640, loss=2.5, tokens_per_second=3200.0, mfu=None, seconds_left=125.0
)


def test_what_a_process_does_can_be_read_while_it_does_it(tmp_path: Path) -> None:
    with Reporter(tmp_path, "pretrain en") as report:
        report(PROGRESS)  # type: ignore[arg-type]
        (state,) = running(tmp_path)
        assert str(state) == "pretrain en: step 5/10, loss 2.500, 3.2K tokens/s, 2 min left"
        assert report.speed == "3.2K tokens/s"
    assert running(tmp_path) == []


def test_progress_of_a_killed_process_is_removed_and_old_files_do_not_count(tmp_path: Path) -> None:
    import socket

    dead = tmp_path / f"{socket.gethostname()}-999999999.json"
    dead.write_text(json.dumps({"what": "x", "step": 1, "steps": 2, "time": time.time()}))
    remove_stale(tmp_path)
    assert not dead.exists()
    (tmp_path / "elsewhere-1.json").write_text(json.dumps({"what": "x", "step": 1, "steps": 2, "time": 0}))
    (tmp_path / "torn-1.json").write_text("{")
    assert running(tmp_path) == []


@pytest.mark.parametrize(
    ("seconds", "text"), [(9.6, "10 s"), (99, "99 s"), (101, "2 min"), (5999, "100 min"), (9000, "2.5 h")]
)
def test_durations_are_said_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_log_of_a_run_survives_half_a_line(tmp_path: Path) -> None:
    path = tmp_path / "training.jsonl"
    path.write_text('{"step": 1}\n{"st')
    with open_log(tmp_path, "run", (), path) as log:
        log(2, {"loss": 3.5})
    assert path.read_text().splitlines()[2] == '{"step": 2, "loss": 3.5}'


def test_tensorboard_and_wandb_get_every_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[object, ...]] = []

    class Writer:
        def __init__(self, folder: str) -> None:
            written.append(("tensorboard", folder))

        def add_scalar(self, name: str, value: float, step: int) -> None:
            written.append((name, value, step))

        def close(self) -> None:
            written.append(("closed",))

    class Run:
        def log(self, numbers: Mapping[str, float], step: int) -> None:
            written.append(("wandb", dict(numbers), step))

        def finish(self) -> None:
            written.append(("finished",))

    def init(**settings: object) -> Run:
        written.append(("init", settings["id"], settings["resume"]))
        return Run()

    modules = {
        "torch.utils.tensorboard": SimpleNamespace(SummaryWriter=Writer),
        "wandb": SimpleNamespace(init=init),
    }
    monkeypatch.setattr("bayesscale.harness.grid.loggers.import_module", modules.__getitem__)
    with open_log(tmp_path, "pretraining/en-seed0", ("tensorboard", "wandb")) as log:
        log(7, {"loss": 1.5})
    assert written == [
        ("tensorboard", str(tmp_path / "tensorboard" / "pretraining/en-seed0")),
        ("init", "pretraining-en-seed0", "allow"),
        ("pretraining/loss", 1.5, 7),
        ("wandb", {"loss": 1.5}, 7),
        ("closed",),
        ("finished",),
    ]


def test_loggers_that_cannot_be_used_are_refused_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="received 'mlflow'; valid: tensorboard, wandb"):
        check_loggers(["mlflow"])
    monkeypatch.setattr("bayesscale.harness.grid.loggers.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="pip install wandb"):
        check_loggers(["wandb"])


def test_the_slurm_script_runs_every_part_once(study: Study, folder: GridFolder, tmp_path: Path) -> None:
    text = slurm_script(study, [str(tmp_path / "my study.toml")], folder)
    path = tmp_path / "grid.sh"
    path.write_text(text)
    assert subprocess.run(["bash", "-n", str(path)], capture_output=True).returncode == 0
    assert "#SBATCH --array=1-6\n" in text  # two mixtures and the baselines, two seeds
    assert "#SBATCH --gres=gpu:1\n" in text
    assert "#SBATCH --requeue\n" in text
    assert text.splitlines()[-1].endswith('--part "$SLURM_ARRAY_TASK_ID/6"')
    assert f"grid '{tmp_path / 'my study.toml'}' -o {folder.path.resolve()}" in text
    assert "gres" not in slurm_script(study, ["x.toml"], folder, device="cpu")
    assert "--array=1-2\n" in slurm_script(study, ["x.toml"], folder, parts=2)


def test_devices_are_those_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_gpus", lambda: 2)
    assert choose_devices("auto") == ("cuda:0", "cuda:1")
    assert choose_devices("cuda:1, cpu") == ("cuda:1", "cpu")
    with pytest.raises(UsageError, match="there are 2 on this machine"):
        choose_devices("cuda:2")
    with pytest.raises(UsageError, match="received 'gpu'"):
        choose_devices("gpu")
    monkeypatch.setattr(devices, "_gpus", lambda: 0)
    assert choose_devices("auto") == ("cpu",)
    assert choose_devices("cuda", here=False) == ("cuda",)


def test_every_process_has_a_device_of_its_own(study: Study, folder: GridFolder) -> None:
    place = Workplace(folder, study, "data", devices=("cuda:0", "cuda:1"))
    assert (place.device(), place.device()) == ("cuda:0", "cuda:0")
    code = (
        "import sys, pickle; place = pickle.loads(sys.stdin.buffer.read());"
        "print(place.device(), place.device())"
    )
    import pickle

    done = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(place), capture_output=True)
    assert done.stdout.decode().split() == ["cuda:1", "cuda:1"]


def test_status_counts_cells_and_says_what_went_wrong(study: Study, folder: GridFolder, stand: Stand) -> None:
    stand.diverged_runs = {"100cc-seed0"}
    stand.fail_finetuning = 1
    run_grid(study, folder)
    with Reporter(folder.progress, "pretrain en") as report:
        report(PROGRESS)  # type: ignore[arg-type]
        status = grid_status(folder)
    assert (status.count("finished"), status.count("diverged")) == (15, 4)
    lines = status.sentences()
    assert lines[0].startswith("small: 15 of 20 cells have scores, in ")
    assert lines[1].startswith("4 diverged")
    assert lines[2].startswith("now: pretrain en: step 5/10")
    assert lines[3].endswith("ValueError: something odd")
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
        grid_status(GridFolder(tmp_path))


def test_a_damaged_record_is_said_with_the_remedy(study: Study, folder: GridFolder, stand: Stand) -> None:
    run_grid(study, folder)
    record = next((folder.path / "cells").glob("*.json"))
    record.write_text("{")
    with pytest.raises(DataError, match="delete it if it is damaged: what it held is computed again"):
        run_grid(study, folder)
    record.unlink()
    assert run_grid(study, folder).finished == 20
