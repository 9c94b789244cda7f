"""`import bayesscale`: light, with a short list of public names."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys

import pytest

import bayesscale
from bayesscale.inference.run import fit
from bayesscale.questions.forecast import forecast

SAMPLING = {"arviz", "numba", "pymc", "pytensor"}
LARGE = {"numpy", "pandas", "scipy", "xarray", "pydantic", "matplotlib", *SAMPLING}


def _loaded(code: str) -> set[str]:
    """Return the top-level modules that a new process has loaded after some code."""
    code += "\nimport json, sys; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_importing_bayesscale_imports_no_library() -> None:
    loaded = _loaded("import bayesscale; dir(bayesscale); bayesscale.__version__")
    assert "bayesscale" in loaded
    assert loaded & LARGE == set()


def test_reading_a_table_and_a_fit_need_no_pymc() -> None:
    loaded = _loaded("import bayesscale; bayesscale.read_metrics, bayesscale.load, bayesscale.forecast")
    assert {"pandas", "xarray"} <= loaded
    assert loaded & (SAMPLING | {"matplotlib"}) == set()


def test_every_public_name_is_there_and_documented() -> None:
    names = set(bayesscale.__all__) - {"__version__"}
    assert names <= set(dir(bayesscale))
    assert {name for name in names if not inspect.getdoc(getattr(bayesscale, name))} == set()


def test_public_names_are_those_of_the_packages() -> None:
    assert bayesscale.fit is fit
    assert bayesscale.forecast is forecast
    with pytest.raises(AttributeError, match="'bayesscale' has no attribute 'fits'"):
        bayesscale.fits  # type: ignore[attr-defined]  # noqa: B018
