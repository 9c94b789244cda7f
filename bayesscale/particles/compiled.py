"""How the sampler's functions are compiled: once per installation, without the interpreter's lock."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])
_ROOMS = ("laws", "models", "particles")


def _stamp() -> tuple[str, int]:
    """Return what changes with any source that compiled code is made from."""
    root = Path(__file__).resolve().parents[1]
    files = sorted(path for room in _ROOMS for path in (root / room).glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest(), len(files)


_STAMP = _stamp()


def compiled(function: Function) -> Function:
    """Return a function compiled by Numba.

    Strict arithmetic: the same seed gives the same draws on every run. Division by zero gives an infinite
    number as in NumPy, and the sampler rejects what is not finite.
    """
    made = njit(cache=True, nogil=True, error_model="numpy")(function)
    # Numba keeps code until the function's own file changes, though it holds that of others as well.
    made._cache._cache_file._source_stamp = _STAMP
    return made
