"""Parallel text as tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Parallel:
    """Pairs of sentences as token ids, each ending with EOS, and as text; all lists have the same length.

    `domain` is a label for each pair; empty strings where there are none.
    """

    source: list[NDArray[Any]]
    target: list[NDArray[Any]]
    source_text: list[str]
    target_text: list[str]
    domain: list[str]

    def __len__(self) -> int:
        return len(self.source)

    @property
    def tokens(self) -> int:
        """Source and target tokens, EOS included."""
        return int(lengths(self.source).sum() + lengths(self.target).sum())

    def chosen(self, rows: Iterable[int]) -> Parallel:
        """Return some of the pairs."""
        picked = list(rows)
        return Parallel(**{name: [values[row] for row in picked] for name, values in vars(self).items()})


@dataclass(frozen=True)
class Task:
    """The three parts of a translation task."""

    train: Parallel
    dev: Parallel
    test: Parallel


def lengths(sequences: Sequence[Sequence[Any] | NDArray[Any]]) -> NDArray[np.int64]:
    """Return the length of every sequence."""
    return np.array([len(sequence) for sequence in sequences], dtype=np.int64)
