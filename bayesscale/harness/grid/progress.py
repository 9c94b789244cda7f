"""Where the jobs of a grid are: speed, MFU, time left; on the terminal, in a file each, in logs."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesscale.errors import UsageError
from bayesscale.files import write_files
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    from bayesscale.harness.training.jobs import Progress

# Older files are left over from processes that were killed.
FRESH_SECONDS = 120.0


@dataclass(frozen=True)
class Running:
    """What one process is doing.

    Parameters
    ----------
    what : str
        The job, for people.
    step, steps : int
        Optimiser steps.
    tokens_per_second, mfu, loss, seconds_left : float
        As in `Progress`; None where it is not known.
    age : float
        Seconds since the process said so.
    """

    what: str
    step: int
    steps: int
    loss: float | None
    tokens_per_second: float | None
    mfu: float | None
    seconds_left: float | None
    age: float

    def __str__(self) -> str:
        return f"{self.what}: {_speed(self)}"


class Reporter:
    """Carry the progress of one job to its file, to the terminal and to logs.

    Parameters
    ----------
    folder : Path
        Folder of the progress files.
    what : str
        The job, for people.
    show : callable, optional
        Receives the line that stands for the present state, and is to replace the one before.
    log : callable, optional
        Receives step and numbers of the training curve.

    Attributes
    ----------
    speed : str
        The last tokens/s and MFU; empty before there are any.
    """

    def __init__(
        self,
        folder: Path,
        what: str,
        *,
        show: Callable[[str], None] | None = None,
        log: Callable[[int, Mapping[str, float]], None] | None = None,
    ) -> None:
        self._path = folder / f"{socket.gethostname()}-{os.getpid()}.json"
        self._what = what
        self._show = show
        self._log = log
        self.speed = ""

    def __enter__(self) -> Reporter:
        self.say("starts")
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def log_to(self, log: Callable[[int, Mapping[str, float]], None]) -> None:
        """Send the training curve somewhere else from now on."""
        self._log = log

    def say(self, phase: str) -> None:
        """Say what the job does where there are no steps to count."""
        self._write({"what": f"{self._what}, {phase}", "step": 0, "steps": 0})
        if self._show:
            self._show(f"{self._what}: {phase}")

    def __call__(self, progress: Progress) -> None:
        """Take a report of a training loop."""
        numbers = {
            "step": progress.step,
            "steps": progress.steps,
            "loss": _finite(progress.loss),
            "tokens_per_second": _finite(progress.tokens_per_second),
            "mfu": _finite(progress.mfu),
            "seconds_left": _finite(progress.seconds_left),
        }
        self._write({"what": self._what, **numbers})
        self.speed = _rate(numbers["tokens_per_second"], numbers["mfu"])
        if self._show:
            self._show(str(_running({"what": self._what, **numbers}, 0.0)))
        if self._log:
            curve = {"tokens": progress.tokens, **numbers}
            del curve["step"], curve["steps"], curve["seconds_left"]
            self._log(progress.step, {name: value for name, value in curve.items() if value is not None})

    def _write(self, document: Mapping[str, Any]) -> None:
        """Leave the state where `harness status` finds it; nothing depends on that."""
        with suppress(UsageError):
            write_files({self._path: json.dumps({**document, "time": time.time()})}, force=True)


def running(folder: Path) -> list[Running]:
    """Return what the processes of a grid are doing now.

    Parameters
    ----------
    folder : Path
        Folder of the progress files.
    """
    found = []
    for path in sorted(folder.glob("*.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            document = json.loads(path.read_text())
            age = max(0.0, time.time() - float(document["time"]))
            if age <= FRESH_SECONDS:
                found.append(_running(document, age))
    return found


def remove_stale(folder: Path) -> None:
    """Delete what processes of this machine that no longer exist have left.

    Parameters
    ----------
    folder : Path
        Folder of the progress files.
    """
    host = socket.gethostname()
    for path in folder.glob("*.json") if folder.is_dir() else ():
        name, _, pid = path.stem.rpartition("-")
        if name == host and pid.isdigit() and not Path(f"/proc/{pid}").exists():
            with suppress(OSError):
                path.unlink(missing_ok=True)


def duration(seconds: float) -> str:
    """Return a time as people say it: 42 s, 12 min, 3.5 h.

    Parameters
    ----------
    seconds : float
        The time.
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _running(document: Mapping[str, Any], age: float) -> Running:
    """Return a progress file as a value."""
    return Running(
        str(document["what"]),
        int(document["step"]),
        int(document["steps"]),
        document.get("loss"),
        document.get("tokens_per_second"),
        document.get("mfu"),
        document.get("seconds_left"),
        age,
    )


def _speed(state: Running) -> str:
    """Return step, loss, speed and time left, as far as they are known."""
    parts = [f"step {state.step:,}/{state.steps:,}"] if state.steps else []
    if state.loss is not None:
        parts.append(f"loss {state.loss:.3f}")
    if rate := _rate(state.tokens_per_second, state.mfu):
        parts.append(rate)
    if state.seconds_left is not None:
        parts.append(f"{duration(state.seconds_left)} left")
    return ", ".join(parts)


def _rate(tokens_per_second: float | None, mfu: float | None) -> str:
    """Return the speed, as far as it is known."""
    parts = [] if tokens_per_second is None else [f"{format_tokens(tokens_per_second)} tokens/s"]
    return ", ".join(parts if mfu is None else [*parts, f"MFU {100 * mfu:.1f}%"])


def _finite(value: float | None) -> float | None:
    """Return a number that JSON has."""
    return float(value) if value is not None and abs(value) < float("inf") else None
