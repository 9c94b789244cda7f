"""How the sampler's functions are compiled: once per installation, without the interpreter's lock."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from numba import njit
from numba.core.caching import IndexDataCacheFile

Function = TypeVar("Function", bound=Callable[..., Any])
_SOURCES = ("laws/*.py", "models/breaks.py", "models/discrepancy.py", "models/scale.py", "particles/*.py")


def _digest() -> str:
    """Return what changes with any source that compiled code is made from."""
    root = Path(__file__).resolve().parents[1]
    files = sorted(path for source in _SOURCES for path in root.glob(source))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]


_DIGEST = _digest()


def compiled(function: Function) -> Function:
    """Return a function compiled by Numba.

    Strict arithmetic: the same seed gives the same draws on every run. Division by zero gives an infinite
    number as in NumPy, and the sampler rejects what is not finite.
    """
    made = njit(cache=True, nogil=True, error_model="numpy")(function)
    # Numba keeps code until the function's own file changes, though it holds that of others as well: so the
    # names of the cache's files tell all sources.
    cache = made._cache
    name = f"{cache._impl.filename_base}-{_DIGEST}"
    cache._cache_file = IndexDataCacheFile(cache._cache_path, name, cache._impl.locator.get_source_stamp())
    return made
