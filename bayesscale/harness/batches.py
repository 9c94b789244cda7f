"""Batches of sentence pairs of similar length, padded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bayesscale.harness.model.config import EOS, PAD
from bayesscale.harness.model.t5 import IGNORED

if TYPE_CHECKING:
    from bayesscale.harness.tokens.parallel import Parallel

_POOL = 16
"""Batches that are sorted together: enough for little padding, and few enough for batches to stay mixed."""


class PairBatch(NamedTuple):
    """Sources, what the decoder reads, what it is to say, and where sources are no padding."""

    source: Tensor
    target_in: Tensor
    labels: Tensor
    mask: Tensor


def plan_batches(lengths: NDArray[Any], *, tokens: int, steps: int, seed: int) -> list[NDArray[np.int64]]:
    """Return the pairs of every step: passes in random order, in batches of similar length.

    A step has so many tokens on average; it must be at least twice the longest pair.
    """
    random = np.random.default_rng([seed, 0x6261])
    passes = -(-steps * tokens // int(lengths.sum()))
    stream = np.concatenate([random.permutation(len(lengths)) for _ in range(passes)])
    ends = np.cumsum(lengths[stream])
    planned: list[NDArray[np.int64]] = []
    for start in range(0, steps, _POOL):
        count = min(_POOL, steps - start)
        first, last = np.searchsorted(ends, [start * tokens, (start + count) * tokens])
        pool = stream[first:last] if first < last else stream[last : last + 1]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        middle = np.cumsum(lengths[pool]) - lengths[pool] / 2
        cuts = np.searchsorted(middle, np.arange(1, count) * lengths[pool].sum() / count)
        parts = np.split(pool, cuts)
        planned += [parts[index] for index in random.permutation(len(parts))]
    return planned


def sorted_batches(lengths: NDArray[Any], batch: int) -> list[NDArray[np.int64]]:
    """Return all items in batches, the longest first: the first batch shows whether memory suffices."""
    order = np.argsort(-lengths, kind="stable")
    return np.split(order, range(batch, len(order), batch)) if len(order) else []


def pad(sequences: Sequence[NDArray[Any]], *, longest: int | None = None, multiple: int = 1) -> Tensor:
    """Return sequences side by side, (sequences, longest), filled up with IGNORED.

    Those that are cut still end with EOS. The length is rounded up to a multiple, so that few shapes occur.
    """
    lengths = [len(sequence) if longest is None else min(len(sequence), longest) for sequence in sequences]
    width = -(-max(lengths) // multiple) * multiple
    filled = np.full((len(sequences), width), IGNORED, dtype=np.int64)
    for row, (sequence, length) in enumerate(zip(sequences, lengths, strict=True)):
        filled[row, :length] = sequence[:length]
        if length < len(sequence):
            filled[row, length - 1] = EOS
    return torch.from_numpy(filled)


def collate(
    pairs: Parallel,
    rows: NDArray[np.int64],
    device: torch.device,
    *,
    longest: int | None = None,
    multiple: int = 1,
) -> PairBatch:
    """Return some pairs as tensors on a device; sides that are cut still end with EOS."""
    source, labels = (
        pad([side[row] for row in rows], longest=longest, multiple=multiple)
        for side in (pairs.source, pairs.target)
    )
    mask = source != IGNORED
    before = torch.cat([torch.full((len(rows), 1), PAD), labels[:, :-1]], 1)
    source, target_in = (ids.masked_fill(ids == IGNORED, PAD) for ids in (source, before))
    return PairBatch(*(tensor.to(device, non_blocking=True) for tensor in (source, target_in, labels, mask)))
