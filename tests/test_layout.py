"""models/ and cli/ lie at the top level of the repository and are installed below bayesscale only."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

LINKS = {"bayesscale/models": "../models", "bayesscale/cli": "../cli"}
SOURCES = ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "bayesscale", "models", "cli")


def _run(*command: str, cwd: Path, path: Path | None = None) -> str:
    """Run a command and return what it printed; its errors become the test's."""
    environment = {**os.environ, "PYTHONPATH": str(path or "")}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _packages(root: Path) -> set[str]:
    """Return the packages on disk under the names they are imported by."""
    folders = {
        init.parent.relative_to(root)
        for top in ("bayesscale", "models", "cli")
        for init in (root / top).rglob("__init__.py")
    }
    names = {".".join(folder.parts) for folder in folders}
    return {name if name.startswith("bayesscale") else f"bayesscale.{name}" for name in names}


def _data_files(root: Path) -> set[str]:
    """Return the files other than Python that belong to the package."""
    paths = (path for path in (root / "bayesscale").rglob("*") if path.suffix not in {".py", ".pyc"})
    kept = (path for path in paths if "__pycache__" not in path.parts)  # Numba's cache is there as well
    return {path.relative_to(root).as_posix() for path in kept if path.is_file() and not path.is_symlink()}


def test_the_list_of_packages_is_what_lies_on_disk(root: Path) -> None:
    listed = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    assert listed == sorted(listed)
    assert set(listed) == _packages(root)


@pytest.mark.parametrize(("link", "target"), LINKS.items())
def test_links_are_relative_and_lead_to_the_folder(root: Path, link: str, target: str) -> None:
    assert (root / link).is_symlink()
    assert (root / link).readlink() == Path(target)
    assert (root / link / "__init__.py").is_file()


def test_git_stores_the_links_as_links(root: Path) -> None:
    if not (root / ".git").exists():
        pytest.skip("not a git checkout")
    entries = _run("git", "ls-files", "--stage", "--", *LINKS, cwd=root).splitlines()
    assert {entry.split("\t")[1]: entry.split()[0] for entry in entries} == dict.fromkeys(LINKS, "120000")


@pytest.fixture(scope="module")
def distributions(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the source distribution and the wheel from a copy of the tree, without a network."""
    tree, dist = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("dist")
    for name in SOURCES:
        source = root / name
        if source.is_dir():
            leave = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, tree / name, symlinks=True, ignore=leave)
        else:
            shutil.copy(source, tree / name)
    for hook in ("build_sdist", "build_wheel"):
        build = f"import setuptools.build_meta as b; b.{hook}({str(dist)!r})"
        _run(sys.executable, "-c", build, cwd=tree)
    return dist


def _wheel_contents(folder: Path) -> set[str]:
    """Return the names of the files in the one wheel of a folder, without its metadata."""
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_the_wheel_has_every_package_and_nothing_else_at_its_top(root: Path, distributions: Path) -> None:
    names = _wheel_contents(distributions)
    assert {name.split("/")[0] for name in names} == {"bayesscale"}
    built = {Path(name).parent.as_posix().replace("/", ".") for name in names if name.endswith("__init__.py")}
    assert built == _packages(root)


def test_the_wheel_has_the_data_files(root: Path, distributions: Path) -> None:
    assert _wheel_contents(distributions) >= _data_files(root)


def test_the_source_distribution_holds_real_files(root: Path, distributions: Path) -> None:
    (sdist,) = distributions.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        members = {member.name.split("/", 1)[-1]: member for member in archive.getmembers()}
    assert not [name for name, member in members.items() if member.issym() or member.islnk()]
    assert {"models/__init__.py", "cli/__init__.py", *_data_files(root)} <= set(members)
    assert not [name for name in members if name.startswith(tuple(LINKS))]


def test_a_wheel_built_from_the_source_distribution_is_the_same(distributions: Path, tmp_path: Path) -> None:
    (sdist,) = distributions.glob("*.tar.gz")
    _run(*_pip("wheel"), "--no-build-isolation", "-w", str(tmp_path), str(sdist), cwd=tmp_path)
    assert _wheel_contents(tmp_path) == _wheel_contents(distributions)


def test_the_installed_wheel_imports_without_the_repository(distributions: Path, tmp_path: Path) -> None:
    (wheel,) = distributions.glob("*.whl")
    target = tmp_path / "site"
    _run(*_pip("install"), "--target", str(target), str(wheel), cwd=tmp_path)
    where = "import bayesscale.models as m, bayesscale.cli as c; print(m.__file__); print(c.__file__)"
    printed = _run(sys.executable, "-c", where, cwd=tmp_path, path=target).splitlines()
    assert [Path(line) for line in printed] == [
        target / "bayesscale" / folder / "__init__.py" for folder in ("models", "cli")
    ]


def _pip(verb: str) -> tuple[str, ...]:
    """Return the beginning of a pip command that fetches nothing."""
    return (sys.executable, "-m", "pip", "--disable-pip-version-check", verb, "-q", "--no-deps", "--no-index")
