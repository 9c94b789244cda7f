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
    """Return a function compiled by Numba, which may neither make arrays nor be given new ones.

    Numba counts references to an array at every use of it, which took a fifth of a sweep. The caller holds
    what such a function works on, so nothing is counted here. One that makes an array does not compile: it is
    `allocating`, and so has to be what calls a function that returns a new array.
    """
    return _compiled(function, counted=False)


def allocating(function: Function) -> Function:
    """Return a function compiled by Numba that may make arrays."""
    return _compiled(function, counted=True)


def _compiled(function: Function, counted: bool) -> Function:
    """Compile with strict arithmetic: the same seed gives the same draws on every run.

    Division by zero gives an infinite number as in NumPy, and the sampler rejects what is not finite.
    """
    made = njit(cache=True, nogil=True, error_model="numpy", _nrt=counted)(function)
    # Numba keeps code until the function's own file changes, though it holds that of others as well: so the
    # names of the cache's files tell all sources.
    cache = made._cache
    name = f"{cache._impl.filename_base}-{_DIGEST}"
    cache._cache_file = IndexDataCacheFile(cache._cache_path, name, cache._impl.locator.get_source_stamp())
    return made


def on_disk(function: Any) -> bool:
    """Return whether the code of a compiled function lies on disk, from this process or another."""
    return Path(function._cache._cache_file._index_path).exists()
