"""`bayesscale doctor`: versions, cores, caches, what is installed, and a test of the whole in seconds."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import typer

from bayesscale import __version__
from bayesscale.cli.options import CsvOption, JsonOption
from bayesscale.cli.output import Answer, print_answer
from bayesscale.engine import processors

_NEEDED = ("numpy", "scipy", "pandas", "pymc", "arviz", "numba", "xarray", "netCDF4", "matplotlib", "jinja2")
_OPTIONAL = {"torch": "bayesscale harness", "sacrebleu": "scores in the harness", "ray": "clusters"}


def doctor(as_json: JsonOption = False, as_csv: CsvOption = False) -> None:
    """Check the installation: versions, cores, the cache of compiled code, and a small test of each step.

    Exit code 1 if something that is needed is missing or fails.
    """
    import pandas as pd

    rows = [*_about(), *_packages(), *_tests()]
    table = pd.DataFrame(rows, columns=["what", "state", "detail"])
    bad = table[table["state"] == "FAILED"]
    told = "Everything that is needed works." if bad.empty else f"{len(bad)} of {len(table)} checks failed."
    document = {"ok": bool(bad.empty), "checks": table.to_dict("records")}
    print_answer(Answer(table, document, [told, ""], texts=True), as_json=as_json, as_csv=as_csv)
    if len(bad):
        raise typer.Exit(1)


def _about() -> Iterator[tuple[str, str, str]]:
    """Yield what the machine is."""
    yield "bayesscale", "ok", __version__
    yield "Python", "ok", f"{platform.python_version()}, {platform.system()} {platform.machine()}"
    yield "cores", "ok", f"{processors()} usable; a fit runs one chain on each"


def _packages() -> Iterator[tuple[str, str, str]]:
    """Yield what is installed, and what lacks without that which is not."""
    for name in (*_NEEDED, *_OPTIONAL):
        try:
            yield name, "ok", metadata.version(name)
        except metadata.PackageNotFoundError:
            missing = "FAILED" if name in _NEEDED else "absent"
            yield name, missing, "pip install bayesscale" if name in _NEEDED else f"for {_OPTIONAL[name]}"


def _tests() -> Iterator[tuple[str, str, str]]:
    """Yield small tests of each step; what fails is said with its reason."""
    tests: dict[str, Callable[[], str]] = {
        "read a table": _read,
        "compiled sampler": _cache,
        "draw a picture": _draw,
        "write a file": _write,
    }
    for name, test in tests.items():
        started = time.perf_counter()
        try:
            detail = test()
        # Whatever it is, it belongs into the table and must not hide the others.
        except Exception as error:
            yield name, "FAILED", f"{type(error).__name__}: {error}"
            continue
        yield name, "ok", f"{detail}, {time.perf_counter() - started:.1f} s"


def _read() -> str:
    """Read a bundled table."""
    from bayesscale.metrics.examples import example_path
    from bayesscale.metrics.read import read_metrics

    return f"{len(read_metrics(example_path('isik-simulated')).frame)} rows"


def _cache() -> str:
    """Say whether compiled code is there."""
    from bayesscale.inference.compiling import is_compiled

    return "on disk" if is_compiled() else "not compiled: the first fit takes one to two minutes more"


def _draw() -> str:
    """Draw a small picture and throw it away."""
    import pandas as pd

    from bayesscale.figures.drawing import Frame
    from bayesscale.figures.rows import draw_rows

    row: dict[str, Any] = {"panel": "", "label": "a", "note": "", "unit": "points"}
    table = pd.DataFrame([row | {"median": 1.0, "lower": 0.0, "upper": 2.0}])
    (svg,) = draw_rows(table, Frame("title", "caption")).svgs("test")
    return f"{len(svg):,} bytes"


def _write() -> str:
    """Write a NetCDF file and read it."""
    from tempfile import TemporaryDirectory

    import xarray as xr

    with TemporaryDirectory() as folder:
        path = Path(folder) / "test.nc"
        xr.Dataset({"x": ("n", [1.0, 2.0])}).to_netcdf(path, engine="netcdf4")
        with xr.open_dataset(path, engine="netcdf4") as found:
            return f"{float(found['x'].sum()):g} read back"
