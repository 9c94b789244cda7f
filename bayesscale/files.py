"""Write files, each whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from bayesscale.errors import OutputExistsError, UsageError


def write_files(contents: Mapping[Path, str | bytes], *, force: bool = False) -> None:
    """Write files that belong together; none of them if one exists already.

    Parameters
    ----------
    contents : mapping of Path to str or bytes
        Content of each file, text as UTF-8; folders are made where they are missing.
    force : bool
        Whether files that exist are replaced.

    Raises
    ------
    OutputExistsError
        If a file exists and may not be replaced.
    UsageError
        If a file cannot be written where it should go.
    """
    existing = [str(path) for path in contents if path.exists()]
    if existing and not force:
        raise OutputExistsError(
            f"no file is overwritten without --force (force=True); {' and '.join(existing)} exists already: "
            "choose another name"
        )
    for path, content in contents.items():
        _write_whole(path, content)


def _write_whole(path: Path, content: str | bytes) -> None:
    """Write a temporary file in the same folder, then move it into place."""
    # Not from tempfile, whose files nobody else may read.
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(content.encode() if isinstance(content, str) else content)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}; choose another place") from error
