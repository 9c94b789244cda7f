"""Write large files piece by piece, each whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from bayesscale.errors import UsageError
from bayesscale.files import whole


class Sink:
    """Where the pieces of a file go; counts bytes."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._checksum = hashlib.sha256()
        self.bytes = 0

    @property
    def sha256(self) -> str:
        """Checksum of what was written so far."""
        return self._checksum.hexdigest()

    def write(self, piece: bytes) -> None:
        """Append a piece."""
        self._stream.write(piece)
        self._checksum.update(piece)
        self.bytes += len(piece)


@contextmanager
def writing(path: Path) -> Iterator[Sink]:
    """Write a file beside its place and move it there when it is complete.

    A UsageError says that it cannot be written, for instance because the disk is full; nothing is left
    behind.
    """
    sink: Sink | None = None
    try:
        with whole(path, durable=True) as stream:
            sink = Sink(stream)
            yield sink
    except OSError as error:
        so_far = f" after {sink.bytes:,} bytes" if sink else ""
        raise UsageError(
            f"{path} cannot be written: {error.strerror or error}{so_far}; make room or choose another "
            "folder, and run the same command again"
        ) from error
