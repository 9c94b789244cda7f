"""A random order of n things that is computed place by place, without ever holding the order in memory.

A Feistel network over the next power of four, followed until it lands below n (cycle walking: Black and
Rogaway 2002, doi:10.1007/3-540-45760-7_9). The state of a pass over data is then one integer, on every
machine and NumPy alike.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import ArrayLike, NDArray

_ROUNDS = 6
_FACTOR_1 = np.uint64(0xBF58476D1CE4E5B9)
_FACTOR_2 = np.uint64(0x94D049BB133111EB)


class Shuffle:
    """A permutation of the numbers below `count` that a key determines."""

    def __init__(self, count: int, key: str) -> None:
        self.count = count
        self._half = max(1, (max(count - 1, 1).bit_length() + 1) // 2)
        seed = hashlib.sha256(key.encode()).digest() + hashlib.sha256(b"more " + key.encode()).digest()
        self._keys = np.frombuffer(seed, dtype="<u8")[:_ROUNDS].astype(np.uint64)

    def __call__(self, places: ArrayLike) -> NDArray[np.int64]:
        """Return the numbers at some places of the order, from 0 to `count` - 1."""
        values = self._rounds(np.asarray(places, dtype=np.uint64).ravel())
        outside = values >= self.count
        while outside.any():
            values[outside] = self._rounds(values[outside])
            outside = values >= self.count
        return values.astype(np.int64)

    def _rounds(self, values: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Permute the numbers below a power of four."""
        half, mask = np.uint64(self._half), np.uint64((1 << self._half) - 1)
        left, right = values >> half, values & mask
        for key in self._keys:
            left, right = right, left ^ (_mix(right + key) & mask)
        return (left << half) | right


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the finaliser of SplitMix64, which spreads every bit over all others."""
    values = (values ^ (values >> np.uint64(30))) * _FACTOR_1
    values = (values ^ (values >> np.uint64(27))) * _FACTOR_2
    return values ^ (values >> np.uint64(31))
