"""Finetuning sets of a size D_f, each contained in every larger one."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bayesscale.errors import CorpusError
from bayesscale.harness.shuffle import Shuffle
from bayesscale.harness.tokens.parallel import Parallel, lengths


def nested_subset(
    parallel: Parallel, tokens: int | Literal["full"], seed: int, *, length: int | None = None
) -> tuple[NDArray[np.int64], int]:
    """Return the longest prefix of one random order of the pairs that has at most so many tokens, and these.

    `tokens` is D_f: source and target tokens, EOS included, counted as cut to `length`. More than there are,
    or less than one pair, is a CorpusError.
    """
    order = Shuffle(len(parallel), f"pairs {seed}")(np.arange(len(parallel)))
    running = np.cumsum(pair_tokens(parallel, length)[order])
    total = int(running[-1]) if len(running) else 0
    if tokens == "full":
        tokens = total
    if tokens > total:
        raise CorpusError(
            f"D_f is at most the tokens that there are; {tokens} were asked for and the {len(parallel)} "
            f"pairs have {total} (source and target, EOS included); ask for fewer, or for 'full'"
        )
    pairs = int(np.searchsorted(running, tokens, side="right"))
    if pairs == 0:
        needed = f"the first one has {int(running[0])}" if total else "there are no pairs"
        raise CorpusError(
            f"D_f holds at least one pair; {tokens} tokens were asked for and {needed}; ask for more"
        )
    return order[:pairs], int(running[pairs - 1])


def pair_tokens(parallel: Parallel, length: int | None = None) -> NDArray[np.int64]:
    """Return the source and target tokens of each pair, each side cut to a length."""
    source, target = lengths(parallel.source), lengths(parallel.target)
    return source + target if length is None else source.clip(max=length) + target.clip(max=length)
