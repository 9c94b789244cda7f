"""Relative positions of T5: buckets of distances, and the bias of every pair of positions from them."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor


@lru_cache(maxsize=64)
def distance_buckets(
    positions: int, *, both_ways: bool, buckets: int, max_distance: int, device: torch.device
) -> Tensor:
    """Return the bucket of every distance key - query, from -(positions - 1) to positions - 1.

    Half of the buckets hold one distance each, the others grow logarithmically up to `max_distance`, as in
    Raffel et al. 2020 (arXiv 1910.10683), section 2.1. Looking both ways, either side has half of them;
    otherwise keys behind the query are all in bucket 0.
    """
    distance = torch.arange(2 * positions - 1) - (positions - 1)
    side = buckets // 2 if both_ways else buckets
    offset = (distance > 0).long() * side if both_ways else torch.zeros_like(distance)
    distance = distance.abs() if both_ways else (-distance).clamp_min(0)
    exact = side // 2
    far = exact + (
        torch.log(distance.float().clamp_min(1) / exact) / math.log(max_distance / exact) * (side - exact)
    ).to(torch.int64)
    return (offset + torch.where(distance < exact, distance, far.clamp_max(side - 1))).to(device)


def pair_bias(weight: Tensor, bucket: Tensor, positions: int) -> Tensor:
    """Return the bias of every pair of positions, (1, heads, queries, keys), from that of every bucket."""
    # One row a distance instead of one a pair: the gradient then sums over diagonals and not over hundreds of
    # thousands of lookups in a table of 32. Rows that are one longer than their view slide by one a query;
    # unlike unfold, this compiles once for all lengths.
    diagonals = weight[bucket].t()
    heads, distances = diagonals.shape
    rows = F.pad(diagonals[:, None].expand(heads, positions, distances), (0, 1))
    slid = rows.flatten(1)[:, : positions * distances].view(heads, positions, distances)
    return slid[None, :, :, positions - 1 :]


@lru_cache(maxsize=64)
def causal_mask(positions: int, device: torch.device) -> Tensor:
    """Return -inf where a key lies behind its query and 0 elsewhere, (1, 1, positions, positions)."""
    full = torch.full((positions, positions), -torch.inf)
    return torch.triu(full, diagonal=1)[None, None].to(device)
