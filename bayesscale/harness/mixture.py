"""Which block comes when: exact shares, one pass, and a run that is a prefix of every longer one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


class Mixture:
    """The order in which the blocks of several languages are seen.

    Parameters
    ----------
    shares : mapping of str to float
        Share of each language; they sum to 1.
    available : mapping of str to int
        Number of blocks that there are of each language.
    seed : int
        Decides the order of the blocks of each language.
    """

    languages: tuple[str, ...]
    limit: int

    def __init__(self, shares: Mapping[str, float], available: Mapping[str, int], seed: int) -> None:
        raise NotImplementedError

    def take(self, start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the blocks at positions `start` to `stop`, a pure function of the position.

        Returns
        -------
        languages : array of int, (stop - start,)
            Indices into `languages`.
        blocks : array of int, (stop - start,)
            Indices of blocks within the language.

        Raises
        ------
        CorpusError
            A position is past `limit`, so that a block would be seen twice.
        """
        raise NotImplementedError
