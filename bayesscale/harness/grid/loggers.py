"""Training curves and scores for other tools: TensorBoard and Weights & Biases, where they are installed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bayesscale.errors import UsageError, valid_names
from bayesscale.harness.grid.layout import cannot_write

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGGERS = ("tensorboard", "wandb")
"""Names for --log."""

_PACKAGES = {"tensorboard": "tensorboard", "wandb": "wandb"}
Log = Callable[[int, Mapping[str, float]], None]


class _Sink(Protocol):
    """Something that takes numbers by step."""

    def write(self, step: int, numbers: Mapping[str, float]) -> None:
        """Take the numbers of one step."""

    def close(self) -> None:
        """Write what is still held back."""


class _Lines:
    """The grid's own log: a JSON line a report. Readers skip a line that a killed process left half."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", encoding="utf-8", buffering=1)
        except OSError as error:
            raise cannot_write(path, error) from error
        if path.stat().st_size and not path.read_bytes().endswith(b"\n"):
            self._file.write("\n")

    def write(self, step: int, numbers: Mapping[str, float]) -> None:
        """Append a line."""
        try:
            self._file.write(json.dumps({"step": step, **numbers}) + "\n")
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class _TensorBoard:
    """An event file of TensorBoard."""

    def __init__(self, folder: Path, name: str) -> None:
        summary = import_module("torch.utils.tensorboard")
        self._writer = summary.SummaryWriter(str(folder / "tensorboard" / name))
        self._group = name.split("/")[0]

    def write(self, step: int, numbers: Mapping[str, float]) -> None:
        """Add scalars."""
        for key, value in numbers.items():
            self._writer.add_scalar(f"{self._group}/{key}", value, step)

    def close(self) -> None:
        """Flush and close."""
        self._writer.close()


class _Wandb:
    """A run of Weights & Biases; a grid that goes on continues the run of the same name."""

    def __init__(self, folder: Path, name: str) -> None:
        wandb: Any = import_module("wandb")
        self._run = wandb.init(
            project=folder.resolve().name,
            dir=str(folder),
            name=name,
            id=name.replace("/", "-"),
            resume="allow",
        )

    def write(self, step: int, numbers: Mapping[str, float]) -> None:
        """Log the numbers of a step."""
        self._run.log(dict(numbers), step=step)

    def close(self) -> None:
        """Finish the run."""
        self._run.finish()


def check_loggers(names: Sequence[str]) -> None:
    """Refuse loggers that are unknown or not installed.

    Parameters
    ----------
    names : sequence of str
        Names in `LOGGERS`.

    Raises
    ------
    UsageError
        One cannot be used.
    """
    for name in names:
        if name not in LOGGERS:
            raise UsageError(f"--log is a name of a logger; received {name!r}; {valid_names(name, LOGGERS)}")
        if find_spec(_PACKAGES[name]) is None:
            raise UsageError(
                f"--log {name} needs the package {_PACKAGES[name]}, which is not installed: "
                f"pip install {_PACKAGES[name]}, or leave the option out"
            )


@contextmanager
def open_log(folder: Path, name: str, names: Sequence[str], lines: Path | None = None) -> Iterator[Log]:
    """Open the logs of one training run; closed at the end, whatever happens.

    Parameters
    ----------
    folder : Path
        Folder of the grid.
    name : str
        Name of the run, such as `pretraining/en-seed0`.
    names : sequence of str
        Names in `LOGGERS`.
    lines : Path, optional
        A file for JSON lines.
    """
    sinks: list[_Sink] = []
    if lines is not None:
        sinks.append(_Lines(lines))
    if "tensorboard" in names:
        sinks.append(_TensorBoard(folder, name))
    if "wandb" in names:
        sinks.append(_Wandb(folder, name))

    def write(step: int, numbers: Mapping[str, float]) -> None:
        for sink in sinks:
            sink.write(step, numbers)

    try:
        yield write
    finally:
        for sink in sinks:
            sink.close()
