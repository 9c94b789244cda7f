"""What every process of a grid knows: the folder, the study, the device; and how the grid is run."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesscale.engine import BACKENDS
from bayesscale.errors import UsageError
from bayesscale.harness.files import read_json, write_json
from bayesscale.harness.grid.keys import check_same_recipe
from bayesscale.harness.locks import hold, locked
from bayesscale.harness.progress import remove_stale
from bayesscale.harness.study.config import Study

if TYPE_CHECKING:
    from bayesscale.harness.tokens.prepared import Prepared

_NEEDED = ("torch", "sentencepiece", "sacrebleu", "safetensors")
_DEVICE = re.compile(r"cpu|cuda(:\d+)?")


@dataclass(frozen=True)
class Settings:
    """How a grid is run; nothing here changes a result.

    `devices` are those of this machine, one job a device, but the CPU may be shared; with Ray, 'cuda' is
    whatever GPU Ray gives to a job. `threads` are those of torch on the CPU; small models gain nothing from a
    second one. `part` is which of how many parts is run here, from 1. Whole pretraining runs go to one part,
    so parts never wait for each other.
    """

    backend: str = BACKENDS[0]
    workers: int | None = 1
    address: str | None = None
    devices: tuple[str, ...] = ("cpu",)
    threads: int = 1
    part: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        number, count = self.part
        if not 1 <= number <= count:
            raise UsageError(f"--part is such as 2/5, from 1/5 to 5/5; received {number}/{count}")


@dataclass(frozen=True)
class Grid:
    """A grid in its folder, with the hash of its data; travels to every process."""

    path: Path
    study: Study
    data_hash: str
    settings: Settings = Settings()

    @property
    def metrics(self) -> Path:
        """The metrics table."""
        return self.path / "metrics.jsonl"

    @property
    def domains(self) -> Path:
        """The same for BLEU by domain."""
        return self.path / "domains.jsonl"

    @property
    def failures(self) -> Path:
        """What went wrong, one line a job, the newest last."""
        return self.path / "failures.jsonl"

    @property
    def progress(self) -> Path:
        """One file for each process that is at work."""
        return self.path / "progress"

    def run(self, mixture: str, seed: int) -> Path:
        """Return the folder of a pretraining run."""
        return self.path / "pretraining" / run_name(mixture, seed)

    def cell(self, key: str) -> Path:
        """Return the record of a finished cell."""
        return self.path / "cells" / f"{key}.json"

    def hypotheses(self, key: str) -> Path:
        """Return the hypotheses of a finished cell, one a line."""
        return self.path / "cells" / f"{key}.hypotheses.txt"

    def finished(self) -> set[str]:
        """Return the keys of the cells that have a record."""
        return {path.stem for path in (self.path / "cells").glob("*.json")}

    def locked(self, name: str) -> AbstractContextManager[None]:
        """Return a lock of this folder, as a context; the system frees it when the process ends."""
        return locked(self.path / "locks" / name)

    def device(self) -> str:
        """Return the device of this process, always the same one; other processes get other GPUs."""
        devices = self.settings.devices
        if len(devices) == 1:
            return devices[0]
        for number, device in enumerate(devices):
            if hold(self.path / "locks" / f"device-{number}-{device.replace(':', '-')}"):
                return device
        raise UsageError(
            f"there are as many workers as devices; received the devices {', '.join(devices)}, and all "
            "are taken: use fewer workers, or end the grid that uses them"
        )

    def prepared(self) -> Prepared:
        """Return the data, opened once a process."""
        return _prepared(self.path / "prepared", self.data_hash)

    def prepare_torch(self) -> None:
        """Set what is set once a process."""
        import torch

        torch.set_num_threads(self.settings.threads)


def open_grid(study: Study, path: Path, settings: Settings, report: Callable[[str], None]) -> Grid:
    """Prepare the data of a study, and refuse what could not be run to its end."""
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        raise UsageError(
            f"the harness needs packages of the extra train; not installed: {', '.join(missing)}; "
            "pip install 'bayesscale[train]'"
        )
    from bayesscale.harness.tokens.prepare import prepare
    from bayesscale.harness.tokens.supply import check_supply

    with locked(path / "locks" / "prepare.lock"):
        remove_stale(path / "progress")
        recorded = recorded_study(path)
        if recorded is not None:
            check_same_recipe(study, recorded["data_hash"], recorded, path)
        prepared = prepare(study, path / "prepared", report=report)
        if recorded is not None:
            check_same_recipe(study, prepared.hash, recorded, path)
        check_supply(study, prepared)
        document = {"study": study.model_dump(mode="json"), "data_hash": prepared.hash}
        if document != recorded:
            write_json(path / "study.json", document)
    return Grid(path, study, prepared.hash, settings)


def recorded_study(path: Path) -> dict[str, Any] | None:
    """Return the study that was last run in a folder and the hash of its data, if there is one."""
    file = path / "study.json"
    recorded: dict[str, Any] | None = read_json(file) if file.exists() else None
    return recorded


def run_name(mixture: str | None, seed: int) -> str:
    """Return the name of a training run, for folders and for the column `run`."""
    return f"{mixture or 'none'}-seed{seed}"


def choose_devices(text: str, *, here: bool = True) -> tuple[str, ...]:
    """Return the devices that a user asked for; 'auto' is all GPUs, or the CPU where there is none.

    A GPU that is named twice takes two jobs at the same time. Where jobs run `here`, this machine must have
    the devices.
    """
    if text == "auto":
        return tuple(f"cuda:{number}" for number in range(_gpus())) or ("cpu",)
    names = tuple(name.strip() for name in text.split(","))
    if not all(_DEVICE.fullmatch(name) for name in names):
        raise UsageError(
            f"--device is auto, or devices with commas between them; received {text!r}; "
            "write for instance cpu, cuda or cuda:0,cuda:1"
        )
    gone = [name for name in names if here and name != "cpu" and int(name.partition(":")[2] or 0) >= _gpus()]
    if gone:
        raise UsageError(
            f"--device {gone[0]} needs a GPU that torch can use; there are {_gpus()} on this machine; "
            "use --device cpu or auto"
        )
    return names


def _gpus() -> int:
    """Return how many GPUs torch sees."""
    if find_spec("torch") is None:
        raise UsageError("the harness needs torch, which is not installed: pip install 'bayesscale[train]'")
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


@lru_cache(maxsize=2)
def _prepared(folder: Path, data_hash: str) -> Prepared:
    """Open prepared data; the hash keeps what was prepared anew in between from being confused."""
    from bayesscale.harness.tokens.prepared import Prepared

    return Prepared(folder)
