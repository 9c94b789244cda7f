from __future__ import annotations

import stat
from pathlib import Path

import pytest

from bayesscale.errors import OutputExistsError, UsageError
from bayesscale.files import write_files


def test_files_are_written_with_their_folders_and_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.csv"
    write_files({path: "é\n"})
    assert path.read_bytes() == b"\xc3\xa9\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["b.csv"]


def test_others_may_read_what_is_written(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    write_files({tmp_path / "written": ""})
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "written")}
    assert len(modes) == 1


def test_if_one_file_exists_none_is_written(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("mine")
    with pytest.raises(OutputExistsError, match=r"--force .*old exists already"):
        write_files({new: "", old: ""})
    assert not new.exists()
    assert old.read_text() == "mine"
    write_files({new: "1", old: "2"}, force=True)
    assert (new.read_text(), old.read_text()) == ("1", "2")


def test_a_place_that_cannot_be_written_is_named_and_left_clean(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="file/new cannot be written: "):
        write_files({tmp_path / "file" / "new": ""})
    with pytest.raises(UsageError, match="folder cannot be written: Is a directory"):
        write_files({tmp_path / "folder": ""}, force=True)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder"]
