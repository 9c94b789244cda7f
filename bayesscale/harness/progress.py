"""Where a job is: measured in the loops, left in a file for `harness status`, and said in one way."""

from __future__ import annotations

import json
import math
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bayesscale.errors import UsageError
from bayesscale.files import write_files
from bayesscale.units import format_seconds, format_tokens

if TYPE_CHECKING:
    from torch import Tensor

# Losses are looked at after so many steps in any case; looking means waiting for the device.
_CHECK_EVERY = 20
_INTERVAL = 1.0
# Older files are left over from processes that were killed.
_FRESH_SECONDS = 120.0


@dataclass(frozen=True)
class Progress:
    """Where a running job is.

    `what` is the job, for people; `steps` are 0 where there are none to count. `tokens` are those of
    pretraining, or source and target tokens in finetuning. `loss` is the mean of the last steps, in nats;
    speed is that since the last report, over all processes. `mfu` is the share of the device's peak
    arithmetic, where that is known; `time` is when this was so.
    """

    what: str = ""
    step: int = 0
    steps: int = 0
    tokens: int = 0
    loss: float | None = None
    tokens_per_second: float | None = None
    seconds_left: float | None = None
    mfu: float | None = None
    time: float = 0.0

    @property
    def speed(self) -> str:
        """Tokens a second and MFU, as far as they are known."""
        tokens = "" if self.tokens_per_second is None else f"{format_tokens(self.tokens_per_second)} tokens/s"
        mfu = "" if self.mfu is None else f"MFU {100 * self.mfu:.1f}%"
        return ", ".join(filter(None, (tokens, mfu)))

    def __str__(self) -> str:
        parts = [
            f"step {self.step:,}/{self.steps:,}" if self.steps else "",
            "" if self.loss is None else f"loss {self.loss:.3f}",
            self.speed,
            "" if self.seconds_left is None else f"{format_seconds(self.seconds_left)} left",
        ]
        return f"{self.what}: {', '.join(filter(None, parts))}".removesuffix(": ")


class Meter:
    """Collects the losses of a training loop, and reports about once a second.

    `peak` is the arithmetic of all devices together.
    """

    def __init__(
        self,
        report: Callable[[Progress], None] | None,
        *,
        steps: int,
        tokens_per_step: float,
        flops_per_step: float,
        peak: float | None,
    ) -> None:
        self._report, self._steps = report, steps
        self._tokens, self._flops, self._peak = tokens_per_step, flops_per_step, peak
        self._waiting: list[Tensor] = []
        self.done, self._since, self._last = 0, 0, time.perf_counter()

    def add(self, loss: Tensor) -> None:
        """Keep the loss of one more step, on the device."""
        self._waiting.append(loss.detach())
        self._since += 1
        self.done += 1

    @property
    def due(self) -> bool:
        """Whether it is time to look at the losses."""
        wanted = self._report is not None and time.perf_counter() - self._last > _INTERVAL
        return wanted or len(self._waiting) >= _CHECK_EVERY

    def fetch(self) -> list[float]:
        """Return the losses that nobody has looked at yet; waits for the device."""
        import torch

        values: list[float] = torch.stack(self._waiting).tolist() if self._waiting else []
        self._waiting.clear()
        return values

    def tell(self, losses: deque[float]) -> None:
        """Report, if the last report is a while ago."""
        now = time.perf_counter()
        if self._report is None or not self._since or now - self._last <= _INTERVAL:
            return
        rate = self._since / (now - self._last)
        mean = sum(losses) / len(losses) if losses else math.nan
        self._report(
            Progress(
                step=self.done,
                steps=self._steps,
                tokens=round(self.done * self._tokens),
                loss=mean if math.isfinite(mean) else None,
                tokens_per_second=rate * self._tokens,
                seconds_left=max(self._steps - self.done, 0) / rate,
                mfu=rate * self._flops / self._peak if self._peak else None,
            )
        )
        self._last, self._since = now, 0


class Reporter:
    """Carries the progress of one job to its file, to the terminal and to its training curve.

    `show` receives the line that stands for the present state, and is to replace the one before. `curve` is a
    file of JSON lines that step, loss and speed are appended to. Readers skip a line that a killed process
    left half.
    """

    def __init__(
        self, folder: Path, what: str, *, show: Callable[[str], None] | None = None, curve: Path | None = None
    ) -> None:
        self._path = folder / f"{socket.gethostname()}-{os.getpid()}.json"
        self._show, self._curve = show, curve
        self.last = Progress(what)

    def __enter__(self) -> Reporter:
        self.say("starts")
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def say(self, phase: str) -> None:
        """Say what the job does where there are no steps to count."""
        self._tell(Progress(f"{self.last.what}, {phase}"))

    def __call__(self, progress: Progress) -> None:
        """Take a report of a training loop."""
        self.last = replace(progress, what=self.last.what)
        self._tell(self.last)
        if self._curve is not None:
            names = ("step", "tokens", "loss", "tokens_per_second")
            point = {name: getattr(progress, name) for name in names}
            # Nothing depends on it, so a full disk is for whoever needs the room.
            with suppress(OSError):
                self._curve.parent.mkdir(parents=True, exist_ok=True)
                with self._curve.open("a", encoding="utf-8") as file:
                    file.write(("" if file.tell() == 0 else "\n") + json.dumps(point))

    def _tell(self, progress: Progress) -> None:
        """Leave the state where `harness status` finds it, and show it."""
        with suppress(UsageError):
            write_files({self._path: json.dumps(asdict(replace(progress, time=time.time())))}, force=True)
        if self._show:
            self._show(str(progress))


def running(folder: Path) -> list[Progress]:
    """Return what the processes of a grid are doing now."""
    found = []
    for path in sorted(folder.glob("*.json")):
        with suppress(OSError, ValueError, TypeError):
            progress = Progress(**json.loads(path.read_text()))
            if time.time() - progress.time <= _FRESH_SECONDS:
                found.append(progress)
    return found


def remove_stale(folder: Path) -> None:
    """Delete what processes of this machine that no longer exist have left."""
    for path in folder.glob("*.json"):
        host, _, pid = path.stem.rpartition("-")
        if host == socket.gethostname() and pid.isdigit() and not Path(f"/proc/{pid}").exists():
            with suppress(OSError):
                path.unlink(missing_ok=True)


class TimeLeft:
    """How long the rest takes, by what finished jobs of the same kind took; work is in any unit."""

    def __init__(self, left: Mapping[str, float], workers: int) -> None:
        self._left, self._workers = dict(left), workers
        self._pace: dict[str, list[float]] = {}

    def note(self, kind: str, work: float, seconds: float) -> None:
        """Note that some work was done."""
        self._left[kind] -= work
        self._pace.setdefault(kind, []).append(seconds / work)

    @property
    def seconds(self) -> float | None:
        """Seconds that the rest takes; None before anything can be said."""
        open_kinds = {kind: work for kind, work in self._left.items() if work > 0}
        if not set(open_kinds) <= set(self._pace):
            return None
        # Not the mean: the first job of a process also imports and compiles.
        return sum(work * median(self._pace[kind]) for kind, work in open_kinds.items()) / self._workers

    def __str__(self) -> str:
        return f" (about {format_seconds(self.seconds)} left)" if self.seconds else ""
