"""ARCHITECTURE.md lists what is there: every package and top-level folder, each with one sentence."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

# | `bayesscale/laws/` | One sentence. |
ROW = re.compile(r"^\| `(?P<folder>[^`]+)/` \| (?P<sentence>.+) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def rows(root: Path) -> list[tuple[str, str]]:
    """Return the folders that ARCHITECTURE.md lists and what it says of them."""
    text = (root / "ARCHITECTURE.md").read_text()
    return [(row["folder"], row["sentence"]) for row in ROW.finditer(text)]


def _folders(root: Path) -> set[str]:
    """Return the packages and top-level folders that git knows; without git there is nothing to compare."""
    if not (root / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True)
    files = [Path(line) for line in listed.stdout.splitlines()]
    packages = {file.parent.as_posix() for file in files if file.name == "__init__.py"}
    return packages | {file.parts[0] for file in files if len(file.parts) > 1}


def test_every_folder_is_listed_once_and_none_that_is_missing(
    root: Path, rows: list[tuple[str, str]]
) -> None:
    assert sorted(folder for folder, _ in rows) == sorted(_folders(root))


def test_each_folder_has_one_sentence(rows: list[tuple[str, str]]) -> None:
    assert [
        sentence for _, sentence in rows if not re.fullmatch(r"[A-Z`][^.]*(\.\S[^.]*)*\.", sentence)
    ] == []


def test_every_module_file_named_in_the_text_exists(root: Path) -> None:
    named = re.findall(r"`([\w/.-]+\.(?:py|toml|md|txt|yml|yaml))`", (root / "ARCHITECTURE.md").read_text())
    assert named
    assert [name for name in named if not (root / name).is_file()] == []
