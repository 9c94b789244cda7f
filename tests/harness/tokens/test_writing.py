"""Writing: whole or not at all, on a full disk, in a folder that may not be written, and when killed."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bayesscale.errors import UsageError
from bayesscale.harness.tokens.writing import writing

FULL_DISK = """\
import resource, signal, sys
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
from bayesscale.cli.main import main
main(["harness", "tokenize", {study!r}, "-o", {folder!r}])
"""
KILLED = """\
import os, signal
from pathlib import Path
from bayesscale.harness.tokens.writing import writing
with writing(Path({path!r})) as sink:
    sink.write(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_pieces_become_a_file_with_a_checksum(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    with writing(path) as sink:
        for piece in (b"ab", b"", b"cd"):
            sink.write(piece)
        assert not path.exists()
    assert path.read_bytes() == b"abcd"
    assert (sink.bytes, sink.sha256) == (4, hashlib.sha256(b"abcd").hexdigest())
    assert list(path.parent.iterdir()) == [path]


def _fail(path: Path, error: Exception) -> None:
    """Fail after five bytes."""
    with writing(path) as sink:
        sink.write(b"12345")
        raise error


def test_an_error_on_the_way_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError):
        _fail(path, ZeroDivisionError())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(UsageError) as caught:
        _fail(path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert str(caught.value) == (
        f"{path} cannot be written: No space left on device after 5 bytes; make room or choose another "
        "folder, and run the same command again"
    )
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"cannot be written: (Not a directory|File exists)"):
        _fail(tmp_path / "file" / "in", ZeroDivisionError())


def test_a_process_that_is_killed_leaves_no_file(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "file"
    done = subprocess.run([sys.executable, "-c", KILLED.format(path=str(path))], cwd=root, check=False)
    assert done.returncode == -9
    assert not path.exists()


@pytest.mark.parametrize("limit", [1_000, 20_000])
def test_tokenize_on_a_disk_that_is_full_ends_with_a_message_and_without_data(
    tmp_path: Path, root: Path, small_text: str, limit: int
) -> None:
    pytest.importorskip("sentencepiece", reason="sentencepiece is not installed (extra train)")
    pytest.importorskip("resource", reason="this system has no limits of file sizes")
    from bayesscale.harness.study.load import load_study
    from bayesscale.harness.tokens.prepare import prepare

    (tmp_path / "study.toml").write_text(small_text)
    folder = tmp_path / "prepared"
    code = FULL_DISK.format(limit=limit, study=str(tmp_path / "study.toml"), folder=str(folder))
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    last = done.stderr.splitlines()[-1]
    assert (done.returncode, done.stdout) == (2, "")
    assert last.startswith(f"error: {folder}/")
    assert "cannot be written: File too large" in last
    assert last.endswith("run the same command again")
    assert not (folder / "prepared.json").exists()
    assert [
        path.name for path in folder.rglob("*") if path.name.startswith(".") or path.suffix == ".txt"
    ] == []
    # The same again, once there is room.
    assert prepare(load_study(tmp_path / "study.toml"), folder).hash
