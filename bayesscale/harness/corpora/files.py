"""Open text files, compressed or not, and read their lines; refuse what is damaged or binary."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from bayesscale.errors import CorpusError

_BUFFER = 1 << 20


def _open_zstandard(path: Path) -> io.BufferedReader:
    """Open a .zst file; not by the package zstandard, which takes one that is cut off for complete."""
    import pyarrow

    return io.BufferedReader(pyarrow.input_stream(pyarrow.OSFile(str(path)), compression="zstd"), _BUFFER)


_OPENERS: dict[str, Callable[[Path], Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".lzma": lzma.open,
    ".zst": _open_zstandard,
}


def kind(path: Path) -> str:
    """Return the suffix of a file without that of its compression, such as `.jsonl` for a.jsonl.gz."""
    return (path.with_suffix("") if path.suffix in _OPENERS else path).suffix.lower()


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading its uncompressed bytes; errors of reading become a `CorpusError`.

    It is plain, or compressed if it ends with .gz, .bz2, .xz, .lzma or .zst.
    """
    try:
        with _OPENERS.get(path.suffix, partial(open, mode="rb"))(path) as stream:
            yield stream
    except FileNotFoundError as error:
        raise CorpusError(
            f"a corpus exists; there is no file {path}; correct the path in the study"
        ) from error
    except IsADirectoryError as error:
        raise CorpusError(f"a corpus is a file; {path} is a folder; name the files in it") from error
    except EOFError as error:
        raise CorpusError(f"{path} ends in the middle of its compressed data; copy it again") from error
    except (OSError, lzma.LZMAError, zlib.error) as error:
        what = getattr(error, "strerror", None) or str(error)
        raise CorpusError(
            f"{path} cannot be read: {what}; is it damaged, or not what its suffix says?"
        ) from error


def lines(path: Path) -> Iterator[str]:
    r"""Yield the lines of a UTF-8 text file, without their ends; what is no text is a CorpusError.

    Only \n ends a line (and \r\n): other characters that Unicode calls line ends occur inside sentences, and
    parallel files would fall out of step.
    """
    with opened(path) as stream:
        for number, line in enumerate(stream, 1):
            if b"\0" in line:
                raise CorpusError(
                    f"a corpus is text; {path} has a zero byte in line {number} and is probably binary; "
                    "name a text file"
                )
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise CorpusError(
                    f"a corpus is UTF-8; line {number} of {path} has the byte 0x{line[error.start]:02x} at "
                    f"place {error.start + 1}; convert it, for instance with iconv -t utf-8"
                ) from error
            yield text.rstrip("\r\n")


def fingerprint(path: Path) -> dict[str, str | int]:
    """Return name, size and SHA-256 of a file as it lies on disk."""
    try:
        with path.open("rb") as stream:
            checksum = hashlib.file_digest(stream, "sha256").hexdigest()
            return {"name": path.name, "bytes": stream.tell(), "sha256": checksum}
    except OSError as error:
        raise CorpusError(
            f"{path} cannot be read: {error.strerror}; correct the path in the study"
        ) from error
