"""Finetuning sets of a size D_f, each contained in every larger one."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bayesscale.harness.tokens.parallel import Parallel


def nested_subset(
    parallel: Parallel, tokens: int | Literal["full"], seed: int, *, length: int | None = None
) -> tuple[NDArray[np.int64], int]:
    """Return the longest prefix of one random order of the pairs that has at most so many tokens.

    Parameters
    ----------
    parallel : Parallel
        The training pairs.
    tokens : int or 'full'
        D_f: source and target tokens, EOS included.
    seed : int
        Decides the order.
    length : int, optional
        Sources and targets are counted as cut to this length.

    Returns
    -------
    indices : array of int
        The pairs, in random order.
    counted : int
        Their tokens.

    Raises
    ------
    CorpusError
        There are fewer tokens than that, or not even one pair fits.
    """
    raise NotImplementedError
