"""File locks; the system frees one when its process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bayesscale.errors import UsageError

_held: dict[Path, int] = {}


@contextmanager
def locked(path: Path, *, folder: bool = False) -> Iterator[None]:
    """Hold a lock; whoever else asks for it waits."""
    descriptor = _open(path, folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def hold(path: Path) -> bool:
    """Take a lock until this process ends; return whether it is ours."""
    if path not in _held:
        descriptor = _open(path, folder=False)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        _held[path] = descriptor
    return True


def _open(path: Path, folder: bool) -> int:
    """Return what can be locked."""
    try:
        (path if folder else path.parent).mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDONLY if folder else os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}; choose another folder") from error
