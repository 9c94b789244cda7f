"""Reading lines: every compression, what ends a line, and every way in which a file can be no text."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from bayesscale.errors import CorpusError
from bayesscale.harness.corpora.files import fingerprint, kind, lines

TEXT = "eins\nzwei drei\n\nvier"
LINES = ["eins", "zwei drei", "", "vier"]


def _zstd(data: bytes) -> bytes:
    """Compress with Zstandard."""
    compressed: bytes = pa.compress(data, codec="zstd", asbytes=True)
    return compressed


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".txt": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": _zstd,
}


@pytest.mark.parametrize("suffix", COMPRESS)
def test_every_compression_gives_the_same_lines(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(COMPRESS[suffix](TEXT.encode()))
    assert list(lines(path)) == LINES


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    # All of these are line ends for str.splitlines, and occur within sentences of real corpora.
    text = "a\x0bb\x0cc\x1cd\x85e\u2028f\u2029g\rh\nzweite\r\n"
    (tmp_path / "a").write_bytes(text.encode())
    assert list(lines(tmp_path / "a")) == ["a\x0bb\x0cc\x1cd\x85e\u2028f\u2029g\rh", "zweite"]


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfeins\n")
    assert list(lines(tmp_path / "a")) == ["eins"]


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
def test_a_file_that_ends_too_early(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(COMPRESS[suffix](bytes(range(1, 128)) * 1000 + b"\n")[:-20])
    with pytest.raises(CorpusError, match=r"ends in the middle|cannot be read"):
        list(lines(path))


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
def test_a_file_that_is_not_what_its_suffix_says(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(TEXT.encode() * 10)
    with pytest.raises(CorpusError, match=r"cannot be read.*what its suffix says"):
        list(lines(path))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"gut\nschl\xe4cht\n", r"a corpus is UTF-8; line 2 of .* has the byte 0xe4 at place 5; convert it"),
        (b"gut\n\x00\x01\x02\n", "zero byte in line 2 and is probably binary"),
        (b"\x89PNG\r\n\x1a\n\x00", "UTF-8; line 1"),
        ("hallo".encode("utf-16"), "zero byte in line 1|UTF-8; line 1"),
    ],
)
def test_what_is_not_text_is_refused_with_its_place(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(CorpusError, match=told):
        list(lines(tmp_path / "a"))


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"there is no file .*a\.txt; correct the path"):
        list(lines(tmp_path / "a.txt"))
    with pytest.raises(CorpusError, match="is a folder; name the files in it"):
        list(lines(tmp_path))
    with pytest.raises(CorpusError, match="cannot be read: No such file"):
        fingerprint(tmp_path / "a.txt")


def test_the_suffix_of_a_compressed_file_is_that_of_its_content() -> None:
    names = ("a.jsonl.gz", "a.parquet", "a.txt.xz", "a.gz", "a.JSONL")
    assert [kind(Path(name)) for name in names] == [".jsonl", ".parquet", ".txt", "", ".jsonl"]


def test_a_fingerprint_changes_with_the_content(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("x")
    first = fingerprint(path)
    path.write_text("y")
    assert first != fingerprint(path)
    assert (first["name"], first["bytes"]) == ("a", 1)
