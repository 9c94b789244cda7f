"""Parallel text as tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
        return sum(map(len, self.source)) + sum(map(len, self.target))


@dataclass(frozen=True)
class Task:
    """The three parts of a translation task."""

    train: Parallel
    dev: Parallel
    test: Parallel
