"""Many arrays in two: the compiled model takes seconds less for every array that it is not given by itself."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
import pymc as pm
from numpy.typing import NDArray

REALS, INTEGERS = "data_reals", "data_integers"


def pack(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return all floating-point arrays end to end, and all integer arrays.

    Parameters
    ----------
    arrays : mapping of str to array
        Arrays of any shape. The two results refit a compiled model to data of the same shapes.
    """
    kinds = {REALS: ("f", np.float64), INTEGERS: ("i", np.int64)}
    return {
        name: np.concatenate([np.ravel(a) for a in arrays.values() if a.dtype.kind == kind] or [[]]).astype(
            dtype
        )
        for name, (kind, dtype) in kinds.items()
    }


def shared(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Register packed arrays as data of the model being built and return symbolic views of each.

    Parameters
    ----------
    arrays : mapping of str to array
        Arrays of any shape.
    """
    whole = {name: pm.Data(name, packed) for name, packed in pack(arrays).items()}
    start, views = dict.fromkeys(whole, 0), {}
    for name, array in arrays.items():
        source = REALS if array.dtype.kind == "f" else INTEGERS
        stop = start[source] + prod(array.shape)
        views[name] = whole[source][start[source] : stop].reshape(array.shape)
        start[source] = stop
    return views
