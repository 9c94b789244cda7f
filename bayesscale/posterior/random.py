"""Random numbers that depend on names."""

from __future__ import annotations

from zlib import crc32

import numpy as np


def keyed_rng(seed: int, *names: str) -> np.random.Generator:
    """Return a generator that depends on names only: no answer depends on what else is asked."""
    return np.random.default_rng([seed, *(crc32(name.encode()) for name in names)])
