"""Fits in files: whole or not at all, the same when they come back, and refused when they are not whole."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesscale.errors import FitFileError, OutputExistsError, UsageError
from bayesscale.inference import Fit, load, save
from bayesscale.inference.status import Status
from bayesscale.models.plain import plain_model
from bayesscale.questions import forecast
from tests.models.evaluate import log_density, points


@pytest.fixture(scope="module")
def stored(made: Fit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of the made-up fit; not to be changed."""
    return save(made, tmp_path_factory.mktemp("fits") / "fit.nc")


@pytest.fixture
def copied(stored: Path, tmp_path: Path) -> Path:
    """Return a copy of the file that a test may spoil."""
    path = tmp_path / "copy.nc"
    path.write_bytes(stored.read_bytes())
    return path


def test_everything_comes_back(made: Fit, stored: Path) -> None:
    again = load(stored)
    assert set(again.tree.children) == set(made.tree.children)
    for name, group in made.tree.children.items():
        if name != "metrics_table":
            xr.testing.assert_identical(again.tree[name].to_dataset(), group.to_dataset())
    pd.testing.assert_frame_equal(again.metrics.frame, made.metrics.frame, check_column_type=False)
    for name in ("axis", "curve_columns", "source", "data_hash", "notes"):
        assert getattr(again.metrics, name) == getattr(made.metrics, name)
    assert again.curves.labels == made.curves.labels
    assert (again.priors, again.status, again.provenance) == (made.priors, made.status, made.provenance)
    assert str(again) == str(made)


def test_answers_from_the_file_are_those_from_the_fit(made: Fit, stored: Path) -> None:
    expected, found = (forecast(fit, [0.0, 1e12]).frame() for fit in (made, load(stored)))
    pd.testing.assert_frame_equal(found, expected)


def test_the_model_that_a_file_rebuilds_has_the_same_density(made: Fit, stored: Path) -> None:
    again = load(stored)
    assert again.model == made.model
    first, second = (plain_model(fit.curves, fit.model) for fit in (made, again))
    (point,) = points(first, 1)
    assert log_density(second)(point) == log_density(first)(point)


def test_arviz_opens_the_file(stored: Path) -> None:
    import arviz as az

    opened = az.from_netcdf(str(stored))
    assert opened["posterior"]["level"].dims == ("chain", "draw", "curve", "metric")
    assert opened["posterior"]["task"].to_numpy().tolist() == ["en-fr", "en→日本語"]
    ess = az.ess(opened, var_names=["noise_mean"])
    assert np.isfinite(np.asarray(ess["noise_mean"])).all()


def test_attributes_and_types_are_plain(stored: Path) -> None:
    kinds: set[str] = set()

    def visit(_: str, node: h5py.Group | h5py.Dataset) -> None:
        kinds.update(type(value).__name__ for key, value in node.attrs.items() if not key.isupper())

    with h5py.File(stored) as file:
        assert list(json.loads(file.attrs["bayesscale"])) == [
            *("format", "axis", "curve_columns", "notes", "status", "priors", "provenance")
        ]
        file.visititems(visit)
    assert kinds <= {"bytes_", "str", "float64", "int64", "int32", "ndarray"}


def test_loading_imports_no_sampler(stored: Path) -> None:
    code = f"import sys, bayesscale; str(bayesscale.load({str(stored)!r})); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) & {"pymc", "pytensor", "numba", "arviz", "matplotlib"} == set()


def test_an_existing_file_is_replaced_only_with_force(made: Fit, copied: Path) -> None:
    before = copied.read_bytes()
    with pytest.raises(OutputExistsError, match="exists; choose another name, or --force"):
        save(made, copied)
    assert copied.read_bytes() == before
    other = replace(made, status=Status(("a problem",), "Remedy: none."))
    assert save(other, copied, force=True) == copied
    assert load(copied).status.problems == ("a problem",)
    assert [path.name for path in copied.parent.iterdir()] == ["copy.nc"]


def test_files_have_the_rights_that_new_files_have(made: Fit, tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    path = save(made, tmp_path / "fit.nc")
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_places_where_no_file_can_be_are_refused(
    made: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OutputExistsError, match="is a directory; name a file in it"):
        save(made, tmp_path, force=True)
    with pytest.raises(OutputExistsError, match="none does not; create it first"):
        save(made, tmp_path / "none" / "fit.nc")
    # The superuser may write anywhere, so that the rights are made up.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(OutputExistsError, match="must be writable"):
        save(made, tmp_path / "fit.nc")
    assert list(tmp_path.iterdir()) == []


def _full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_the_old_file_and_no_other(
    made: Fit, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = copied.read_bytes()
    monkeypatch.setattr(xr.DataTree, "to_netcdf", _full)
    with pytest.raises(UsageError, match="No space left on device; choose another place"):
        save(made, copied, force=True)
    assert copied.read_bytes() == before
    assert [path.name for path in copied.parent.iterdir()] == ["copy.nc"]


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_came_into_being_meanwhile_is_kept(
    made: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    path, write = tmp_path / "fit.nc", xr.DataTree.to_netcdf

    def write_late(*arguments: Any, **options: Any) -> Any:
        path.write_text("somebody else's")
        return write(*arguments, **options)

    monkeypatch.setattr(xr.DataTree, "to_netcdf", write_late)
    if not links:
        monkeypatch.setattr(os, "link", _full)
    with pytest.raises(OutputExistsError):
        save(made, path)
    assert path.read_text() == "somebody else's"
    assert [path.name for path in tmp_path.iterdir()] == ["fit.nc"]


KILLED = """
import os, signal, sys, xarray as xr
from bayesscale.inference import load, save
write = xr.DataTree.to_netcdf
def half(tree, path, **options):
    write(tree, path, **options)
    os.truncate(path, os.path.getsize(path) // 2)
    os.kill(os.getpid(), signal.SIGKILL)
xr.DataTree.to_netcdf = half
save(load(sys.argv[1]), sys.argv[2], force=True)
"""


@pytest.mark.parametrize("exists", [True, False])
def test_a_process_killed_while_writing_leaves_what_was_there(
    stored: Path, tmp_path: Path, exists: bool
) -> None:
    target = tmp_path / "fit.nc"
    if exists:
        target.write_bytes(stored.read_bytes())
    done = subprocess.run([sys.executable, "-c", KILLED, str(stored), str(target)], capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert target.exists() == exists
    if exists:
        assert target.read_bytes() == stored.read_bytes()
    (part,) = set(tmp_path.iterdir()) - {target}  # what is left does not look like a fit
    assert part.name.startswith(".")
    assert part.suffix == ".part"


def _refused(path: Path) -> str:
    """Return why a file is refused."""
    with pytest.raises(FitFileError) as caught:
        load(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_off_is_refused(copied: Path, share: float) -> None:
    os.truncate(copied, int(share * copied.stat().st_size))
    assert "is no fit or is damaged" in _refused(copied)


@pytest.mark.parametrize("content", [b"task,mixture\n", b"\x89PNG\r\n\x1a\n" + bytes(64), b"CDF\x01"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fit.nc"
    path.write_bytes(content)
    assert "is no fit or is damaged" in _refused(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    assert "is a directory" in _refused(tmp_path)
    assert "is missing" in _refused(tmp_path / "none.nc")


def test_netcdf_and_hdf5_of_others_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.nc"
    for version in ("NETCDF4", "NETCDF3_CLASSIC"):
        xr.Dataset({"x": ("a", [1.0])}).to_netcdf(path, engine="netcdf4", format=version)
        assert "no complete fit of bayesscale" in _refused(path)
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(3)
    _refused(path)


def _without(group: str) -> Callable[[h5py.File], None]:
    def spoil(file: h5py.File) -> None:
        del file[group]

    return spoil


def _description(**changes: Any) -> Callable[[h5py.File], None]:
    def spoil(file: h5py.File) -> None:
        file.attrs["bayesscale"] = json.dumps(json.loads(file.attrs["bayesscale"]) | changes)

    return spoil


def _text(text: str) -> Callable[[h5py.File], None]:
    def spoil(file: h5py.File) -> None:
        file.attrs["bayesscale"] = text

    return spoil


def _other_value(file: h5py.File) -> None:
    values = file["metrics_table/value"][:]
    values[3] += 0.1
    file["metrics_table/value"][:] = values


SPOILT = {
    "no posterior": (_without("posterior"), "without posterior"),
    "no data": (_without("metrics_table"), "without metrics_table"),
    "other data": (_other_value, "do not match their hash"),
    "later format": (_description(format=9), "has format 9, this version reads format 8"),
    "old format": (_description(format=1), "has format 1, this version reads format 8; use bayesscale 0.1.0"),
    "no json": (_text("{"), "no complete fit"),
    "another json": (_text("[1]"), "no complete fit"),
    "unknown prior": (_description(priors={"gain": 1}), "no complete fit"),
    "no status": (_description(status=None), "no complete fit"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_fit_that_is_not_complete_is_refused(copied: Path, name: str) -> None:
    spoil, said = SPOILT[name]
    with h5py.File(copied, "r+") as file:
        spoil(file)
    assert said in _refused(copied)
