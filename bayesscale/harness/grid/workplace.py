"""What every process of a grid knows: the study, the folder, the device; and what it opens once."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesscale.errors import UsageError
from bayesscale.harness.grid.layout import GridFolder
from bayesscale.harness.mixture import Mixture
from bayesscale.harness.study.config import Study

if TYPE_CHECKING:
    from bayesscale.harness.tokens.parallel import Task
    from bayesscale.harness.tokens.prepare import Prepared

_held: dict[Path, int] = {}


@dataclass(frozen=True)
class Workplace:
    """What a job needs besides itself; travels to every process.

    Parameters
    ----------
    folder : GridFolder
        Where everything goes.
    study : Study
        The study.
    data_hash : str
        Hash of the prepared data.
    devices : tuple of str
        Devices of this machine that jobs may use, one job a device; 'cpu' alone may be shared.
    threads : int, optional
        Threads of torch on the CPU. Default: torch's own.
    loggers : tuple of str
        Where training curves go besides the grid's own files.
    """

    folder: GridFolder
    study: Study
    data_hash: str
    devices: tuple[str, ...] = ("cpu",)
    threads: int | None = None
    loggers: tuple[str, ...] = ()

    def device(self) -> str:
        """Return the device of this process, always the same one; other processes get other GPUs."""
        if len(self.devices) == 1:
            return self.devices[0]
        place = self.folder.path / "locks"
        for number, device in enumerate(self.devices):
            if _hold(place / f"device-{number}-{device.replace(':', '-')}"):
                return device
        raise UsageError(
            f"there are as many workers as devices; received the devices {', '.join(self.devices)}, and all "
            "are taken: use fewer workers, or end the grid that uses them"
        )

    def prepared(self) -> Prepared:
        """Return the data, opened once a process."""
        return _prepared(self.folder.prepared, self.data_hash)

    def task(self, name: str) -> Task:
        """Return a task, read once a process."""
        return _task(self.folder.prepared, self.data_hash, name)

    def mixture(self, name: str, seed: int) -> tuple[Mixture, dict[str, Any]]:
        """Return the order of the blocks of a mixture, and the blocks of its languages."""
        length = self.study.pretraining.length
        mixture = self.prepared().mixture(self.study.mixture(name).shares, length, seed)
        return mixture, {language: self.prepared().blocks(language, length) for language in mixture.languages}

    def prepare_torch(self) -> None:
        """Set what is set once a process."""
        if self.threads is not None:
            import torch

            torch.set_num_threads(self.threads)


def _hold(path: Path) -> bool:
    """Take a lock until the process ends; return whether it is ours."""
    if path in _held:
        return True
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return False
    _held[path] = descriptor
    return True


@lru_cache(maxsize=2)
def _prepared(folder: Path, data_hash: str) -> Prepared:
    """Open prepared data; the hash keeps what was prepared anew in between from being confused."""
    from bayesscale.harness.tokens.prepare import load_prepared

    return load_prepared(folder)


@lru_cache(maxsize=8)
def _task(folder: Path, data_hash: str, name: str) -> Task:
    """Read a task."""
    return _prepared(folder, data_hash).task(name)
