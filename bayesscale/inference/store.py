"""Fits in files: NetCDF that ArviZ opens, written whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from bayesscale.errors import FitFileError, OutputExistsError, UsageError
from bayesscale.inference.fit import Fit
from bayesscale.inference.status import Status
from bayesscale.metrics.curves import build_curves
from bayesscale.metrics.table import Metrics, data_hash
from bayesscale.models.priors import Priors

FORMAT = 8
_ENGINE: Final = "netcdf4"
_SMALL = {"zlib": True, "complevel": 1}


def save(fit: Fit, path: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Write a fit as NetCDF, atomically.

    Parameters
    ----------
    fit : Fit
        The fit.
    path : path
        Where to.
    force : bool
        Replace an existing file.

    Raises
    ------
    OutputExistsError
        The file exists and `force` is not given, or the folder does not.
    UsageError
        The file cannot be written, for instance because the disk is full.
    """
    target = Path(path)
    check_target(target, force=force)
    tree = fit.tree.copy(deep=False)
    tree.attrs = {"bayesscale": json.dumps(_description(fit))}
    try:
        _write_whole(tree, target, force)
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error}; choose another place") from error
    return target


def _write_whole(tree: xr.DataTree, target: Path, force: bool) -> None:
    """Write a temporary file in the same folder, then put it into place."""
    with NamedTemporaryFile(dir=target.parent, prefix=".", suffix=".part", delete=False) as part:
        temporary = Path(part.name)
    try:
        tree.to_netcdf(temporary, engine=_ENGINE, encoding=_encoding(tree))
        os.chmod(temporary, 0o666 & ~_umask())
        _replace(temporary, target, force)
    finally:
        temporary.unlink(missing_ok=True)


def check_target(target: Path, *, force: bool) -> None:
    """Raise if a file cannot be written there; called before hours of sampling as well as after."""
    if target.is_dir():
        raise OutputExistsError(f"the output must be a file; {target} is a directory; name a file in it")
    if target.exists() and not force:
        raise OutputExistsError(f"{target} exists; choose another name, or --force to replace it")
    if not target.parent.is_dir():
        raise OutputExistsError(
            f"the folder of the output must exist; {target.parent} does not; create it first"
        )
    if not os.access(target.parent, os.W_OK):
        raise OutputExistsError(f"the folder of the output must be writable; {target.parent} is not")


def _replace(temporary: Path, target: Path, force: bool) -> None:
    """Put a finished file in its place; without force never over one that has come into being meanwhile."""
    if force:
        os.replace(temporary, target)
        return
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise OutputExistsError(f"{target} has come into being meanwhile; choose another name") from None
    except OSError:  # a file system without hard links
        check_target(target, force=False)
        os.replace(temporary, target)


def _umask() -> int:
    """Return the process's umask, which temporary files do not follow."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _encoding(tree: xr.DataTree) -> dict[str, dict[str, Any]]:
    """Return compression for all numeric arrays of all groups."""
    return {
        node.path: {str(name): _SMALL for name, array in node.data_vars.items() if array.dtype.kind in "fiu"}
        for node in tree.subtree
        if node.data_vars
    }


def _description(fit: Fit) -> dict[str, Any]:
    """Return all of a fit that is no array, for one JSON text: NetCDF attributes hold no bool or dict."""
    return {
        "format": FORMAT,
        "axis": fit.metrics.axis,
        "curve_columns": list(fit.metrics.curve_columns),
        "notes": list(fit.metrics.notes),
        "status": {"problems": list(fit.status.problems), "remedy": fit.status.remedy},
        "priors": fit.priors.model_dump(),
        "provenance": fit.provenance,
    }


def load(path: str | os.PathLike[str]) -> Fit:
    """Read a fit.

    Parameters
    ----------
    path : path
        A file written by `save`.

    Raises
    ------
    FitFileError
        The file is missing, is no fit, is damaged, or has a format that this version does not know.
    """
    source = Path(path)
    if not source.is_file():
        raise FitFileError(
            f"a fit is read from a file; {source} is {'a directory' if source.is_dir() else 'missing'}"
        )
    try:
        with xr.open_datatree(source, engine=_ENGINE) as opened:
            tree = opened.load()
    except Exception as error:  # netCDF4 and xarray raise many kinds on damaged files
        raise FitFileError(
            f"{source} is no fit or is damaged ({error}); fit again with `bayesscale fit`"
        ) from error
    return _rebuilt(tree, source)


def _rebuilt(tree: xr.DataTree, source: Path) -> Fit:
    """Return the fit that a tree holds."""
    try:
        stored = json.loads(tree.attrs["bayesscale"])
        if stored["format"] != FORMAT:
            raise FitFileError(
                f"{source} has format {stored['format']}, this version reads format {FORMAT}; "
                f"use bayesscale {stored['provenance']['versions']['bayesscale']} or fit again"
            )
        if missing := {"posterior", "metrics_table"} - set(tree.children):
            raise ValueError(f"without {' and '.join(sorted(missing))}")
        metrics = _metrics(tree["metrics_table"].to_dataset(), stored)
        return Fit(
            tree=tree,
            metrics=metrics,
            curves=build_curves(metrics),
            priors=Priors.model_validate(stored["priors"]),
            status=Status(tuple(stored["status"]["problems"]), stored["status"]["remedy"]),
            provenance=stored["provenance"],
        )
    except (KeyError, ValueError, TypeError) as error:
        raise FitFileError(
            f"{source} is a NetCDF file but no complete fit of bayesscale ({error!r}); "
            "fit again with `bayesscale fit`"
        ) from error


def _metrics(table: xr.Dataset, stored: dict[str, Any]) -> Metrics:
    """Return the metrics table that a fit was made from."""
    frame = pd.DataFrame({str(name): column.to_numpy() for name, column in table.data_vars.items()})
    for name in frame.columns:
        frame[name] = frame[name].astype(float if frame[name].dtype.kind in "fiu" else str)
    if "line" in frame:
        frame["line"] = frame["line"].astype(np.int64)
    metrics = Metrics(
        frame, stored["axis"], tuple(stored["curve_columns"]), stored["provenance"]["source"],
        data_hash(frame), tuple(stored["notes"]),
    )  # fmt: skip
    if metrics.data_hash != stored["provenance"]["data_hash"]:
        raise ValueError("the stored data do not match their hash")
    return metrics
