"""Write files, each whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from bayesscale.errors import OutputExistsError, UsageError


def refuse_existing(paths: Iterable[Path], *, force: bool) -> None:
    """Raise OutputExistsError if a file exists and may not be replaced."""
    existing = [str(path) for path in paths if path.exists()]
    if existing and not force:
        raise OutputExistsError(
            f"no file is overwritten without --force (force=True); {' and '.join(existing)} exists already: "
            "choose another name"
        )


def write_files(contents: Mapping[Path, str | bytes], *, force: bool = False) -> None:
    """Write files that belong together, text as UTF-8, in folders that are made where they are missing.

    OutputExistsError if one exists and may not be replaced; then none is written. UsageError if one cannot be
    written where it should go.
    """
    refuse_existing(contents, force=force)
    for path, content in contents.items():
        try:
            with whole(path) as stream:
                stream.write(content.encode() if isinstance(content, str) else content)
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}; choose another place") from error


@contextmanager
def whole(path: Path, *, durable: bool = False) -> Iterator[BinaryIO]:
    """Write a temporary file in the folder of a file, then move it into place.

    Parameters
    ----------
    path : Path
        The file; one that is there is replaced, once the new one is complete.
    durable : bool
        Whether what was written is on the disk before the file is in its place.
    """
    # Not from tempfile, whose files nobody else may read.
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with temporary.open("wb") as stream:
            yield stream
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
