"""Where lines in D_f cross: from which D_f a gain is too small, and which D_f replaces pretraining."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def limit(sizes: FloatArray, gain: FloatArray, delta: float, last: float) -> FloatArray:
    """Return draws of the size beyond which a gain stays below `delta`.

    Up to the size `last` this is the last crossing; a gain that is still there at `last` is followed to its
    first crossing beyond, so that a line that wavers far from the data cannot bring it back.

    Parameters
    ----------
    sizes : array, shape (sizes,)
        Increasing; the first one is the smallest of interest.
    gain : array, shape (sizes, draws)
        Between two sizes the gain is linear in log size.
    delta : float
        The smallest gain that counts.
    last : float
        One of `sizes`: the end of the data.

    Returns
    -------
    array, shape (draws,)
        0 if the gain is below `delta` from the first size on, infinite if it is not at the end.
    """
    end = int(np.searchsorted(sizes, last))
    falls = (gain[:-1] >= delta) & (gain[1:] < delta)
    within = end - 1 - np.argmax(falls[:end][::-1], axis=0) if end else 0
    beyond = end + np.argmax(falls[end:], axis=0) if falls[end:].size else end
    still = gain[end] >= delta
    place = np.where(still, beyond, within)
    found = np.where(still, falls[end:].any(axis=0), falls[:end].any(axis=0))
    crossing = _crossing(sizes, gain - delta, np.where(found, place, 0))
    return np.where(found, crossing, np.where(still, np.inf, 0.0))


def equivalent(sizes: FloatArray, line: FloatArray, wanted: FloatArray) -> FloatArray:
    """Return draws of the smallest size at which a line reaches a value.

    Parameters
    ----------
    sizes : array, shape (sizes,)
        Increasing.
    line : array, shape (sizes, draws)
        Linear in log size between two sizes; larger is better.
    wanted : array, shape (draws,)
        The value.

    Returns
    -------
    array, shape (draws,)
        0 if the value is reached at the first size already, infinite if it is not reached at the last.
    """
    reached = line >= wanted
    place = np.argmax(reached, axis=0)
    crossing = _crossing(sizes, line - wanted, np.maximum(place - 1, 0))
    return np.where(reached.any(axis=0), np.where(place == 0, 0.0, crossing), np.inf)


def never_falling(line: FloatArray, measured: NDArray[np.bool_]) -> FloatArray:
    """Return a line, (sizes, draws), that is never worse at a larger size; measured values stay as they are.

    An unmeasured value lies between the best measured one before it and the worst one after it, and is no
    less than those before it.
    """
    outside = np.full(line.shape, np.inf)
    low = np.maximum.accumulate(np.where(measured[:, None], line, -outside), axis=0)
    high = np.minimum.accumulate(np.where(measured[:, None], line, outside)[::-1], axis=0)[::-1]
    inside = np.minimum(np.maximum(line, low), np.maximum(low, high))
    return np.where(measured[:, None], line, np.maximum.accumulate(inside, axis=0))


def _crossing(sizes: FloatArray, line: FloatArray, place: NDArray[np.int64]) -> FloatArray:
    """Return where each draw's line, (sizes, draws), is zero on the stretch that begins at a place."""
    if len(sizes) < 2:
        return np.full(line.shape[1], sizes[0])
    before, after = (np.take_along_axis(line, row[None], axis=0)[0] for row in (place, place + 1))
    rise = after - before
    # Where nothing crosses, the result is not used, but must not be a division by zero.
    share = np.clip(-before / np.where(rise == 0, 1.0, rise), 0.0, 1.0)
    return np.asarray(np.exp(np.log(sizes)[place] + share * np.log(sizes[place + 1] / sizes[place])))
