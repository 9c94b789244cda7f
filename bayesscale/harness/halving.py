"""Successive halving: many candidates for a few steps, the better half for more, one to the end."""

from __future__ import annotations


def stretches(candidates: int, steps: int) -> list[tuple[int, int]]:
    """Return how many candidates take how many more steps, round by round.

    The number is halved and the steps are doubled from round to round (Jamieson and Talwalkar 2016, arXiv
    1502.07943). The last one takes all of them: four candidates cost as much as two full runs.
    """
    counts = [candidates]
    while counts[-1] > 1:
        counts.append((counts[-1] + 1) // 2)
    ends = [max(steps >> (len(counts) - 1 - turn), 1) for turn in range(len(counts))]
    return [(count, end - start) for count, start, end in zip(counts, [0, *ends[:-1]], ends, strict=True)]
