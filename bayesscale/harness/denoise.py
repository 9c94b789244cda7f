"""Span corruption on the device: a seed and the position of a block decide which spans are masked.

The random numbers come from a counter and not from a state, so a block is masked in the same way after a
resume, in any micro-batch, on any number of devices, on the CPU and on a GPU. In a block of fixed length the
number of spans is constant, and with it every shape.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from bayesscale.errors import StudyError
from bayesscale.harness.model.config import EOS, PAD, Vocabulary, span_counts

_GOLDEN = -0x61C8864680B583EB
_MIX = (-0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15)


class Denoising(NamedTuple):
    """One training example a row: encoder input, decoder input and labels."""

    source: Tensor
    target_in: Tensor
    labels: Tensor


def corrupt(
    blocks: Tensor,
    positions: Tensor,
    *,
    seed: int,
    vocabulary: Vocabulary,
    corruption: float = 0.15,
    span: float = 3.0,
) -> Denoising:
    """Mask random spans of blocks (batch, length) as T5 does (arXiv 1910.10683, section 3.1.4).

    A block is cut into spans that are kept and spans that are masked, in turns, beginning with one that is
    kept; every cut into so many spans is equally likely. In the source, each masked span becomes one
    sentinel. The target has each sentinel followed by what it stands for. Both end with EOS.

    `positions` are those of the blocks in the run; with `seed` they decide the spans. `corruption` is the
    share of tokens that is masked, `span` the mean length of a masked span.
    """
    batch, length = blocks.shape
    counts = span_counts(length, corruption, span)
    if counts.spans > vocabulary.sentinels:
        raise StudyError(
            f"every masked span needs a sentinel of its own; a block of {length} tokens has {counts.spans} "
            f"spans and the tokenizer {vocabulary.sentinels} sentinels; use shorter blocks or longer spans"
        )
    masked = _lengths(positions, 2 * seed, counts.masked, counts.spans)
    kept = _lengths(positions, 2 * seed + 1, length - counts.masked, counts.spans)
    starts = torch.stack([kept, masked], dim=-1).flatten(1).cumsum(1).roll(1, 1)
    starts[:, 0] = 0
    # How many spans of either kind have begun at a position: odd inside a kept span, even inside a masked
    # one.
    begun = torch.zeros_like(blocks).scatter_(1, starts, 1).cumsum(1)
    inside, number = begun % 2 == 0, torch.div(begun + 1, 2, rounding_mode="floor") - 1
    first = torch.zeros_like(inside).scatter_(1, starts[:, 1::2], True)
    sentinel = vocabulary.first_sentinel - number
    eos = torch.full((batch, 1), EOS, dtype=blocks.dtype, device=blocks.device)

    source = _gather(torch.where(first, sentinel, blocks), ~inside | first, counts.source - 1)
    labels = torch.empty(batch, counts.target, dtype=blocks.dtype, device=blocks.device)
    spare = counts.target - 1
    rank = inside.cumsum(1) - 1 + number
    labels.scatter_(1, torch.where(inside, rank + 1, spare), blocks)
    labels.scatter_(1, torch.where(first, rank, spare), sentinel)
    labels[:, -1:] = eos
    start = torch.full_like(eos, PAD)
    return Denoising(torch.cat([source, eos], 1), torch.cat([start, labels[:, :-1]], 1), labels)


def counter_bits(positions: Tensor, seed: int, count: int) -> Tensor:
    """Return random 63-bit integers that depend on seed, position and column only, (positions, count).

    The finaliser of SplitMix64 (doi:10.1145/2660193.2660195), applied once to seed and position and once more
    with the column. Products of 64-bit integers wrap around in the same way on every device.
    """
    column = torch.arange(1, count + 1, device=positions.device)
    key = _mix(_mix(positions + _wrap(seed * _GOLDEN)) + _wrap((seed ^ 0x5DEECE66D) * _MIX[0]))
    return _mix(key[:, None] + column * _GOLDEN) & 0x7FFF_FFFF_FFFF_FFFF


def _mix(x: Tensor) -> Tensor:
    """Return a permutation of 64-bit integers without structure."""
    x = (x ^ _shift(x, 30)) * _MIX[0]
    x = (x ^ _shift(x, 27)) * _MIX[1]
    return x ^ _shift(x, 31)


def _shift(x: Tensor, bits: int) -> Tensor:
    """Shift right without copying the sign, which torch has no operation for."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _wrap(value: int) -> int:
    """Return a Python integer modulo 2**64, signed."""
    return (value + 2**63) % 2**64 - 2**63


def _lengths(positions: Tensor, seed: int, total: int, parts: int) -> Tensor:
    """Cut `total` into so many positive lengths, every way equally likely, (positions, parts)."""
    edges = torch.full((len(positions), parts + 1), total, device=positions.device)
    edges[:, 0] = 0
    if parts > 1:
        order = counter_bits(positions, seed, total - 1).argsort(dim=1, stable=True)
        edges[:, 1:-1] = order[:, : parts - 1].sort(dim=1).values + 1
    return edges.diff(dim=1)


def _gather(values: Tensor, chosen: Tensor, count: int) -> Tensor:
    """Return the `count` chosen values of every row, without asking the device how many there are."""
    place = torch.where(chosen, chosen.cumsum(1) - 1, count)
    return torch.empty(len(values), count + 1, dtype=values.dtype, device=values.device).scatter_(
        1, place, values
    )[:, :-1]
