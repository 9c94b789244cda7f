"""Tell which training text holds sentences of dev and test sets.

Words are numbered by a hash, runs of words by a polynomial of their numbers; all runs of one length in a
batch of documents are compared with those of the held-out sentences at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from bayesscale.harness.corpora.clean import words

_BASE = np.uint64(0x9E3779B97F4A7C15)
# No run contains it: it stands between documents.
_BETWEEN = 0


class HeldOut:
    """Dev and test sentences of one language, which training must not see.

    A document is contaminated if it holds a whole sentence of at least `shortest` words, or shares a run of
    `run` words with one.
    """

    def __init__(self, sentences: Iterable[str], *, shortest: int = 4, run: int = 9) -> None:
        self._numbers: dict[str, int] = {}
        by_length: dict[int, list[list[str]]] = {}
        for sentence in sentences:
            parts = words(sentence)
            if shortest <= len(parts):
                by_length.setdefault(min(len(parts), run), []).append(parts)
        self._runs = {
            length: np.unique(_runs(self._sequence(group), length)[0]) for length, group in by_length.items()
        }

    def contaminated(self, documents: Sequence[str]) -> NDArray[np.bool_]:
        """Return which documents are contaminated; a few thousand at a time are fastest."""
        if not self._runs:
            return np.zeros(len(documents), dtype=bool)
        split = [words(document) for document in documents]
        sequence = self._sequence(split)
        # Each document is followed by one separator, so word i of the sequence is in the document owner[i].
        owner = np.repeat(np.arange(len(split)), [len(parts) + 1 for parts in split])
        found = np.zeros(len(split), dtype=bool)
        for length, known in self._runs.items():
            runs, starts = _runs(sequence, length)
            found[owner[starts[_among(runs, known)]]] = True
        return found

    def _sequence(self, texts: Sequence[Sequence[str]]) -> NDArray[np.uint64]:
        """Return the numbers of the words of texts, with a separator after each text."""
        numbers = self._numbers
        if len(numbers) > 2_000_000:  # names and misprints never end
            numbers.clear()
        sequence = []
        for parts in texts:
            for word in parts:
                number = numbers.get(word)
                if number is None:
                    number = numbers[word] = _number(word)
                sequence.append(number)
            sequence.append(_BETWEEN)
        return np.array(sequence, dtype=np.uint64)


def _number(word: str) -> int:
    """Return a number other than the separator's for a word, the same in every process."""
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little") | 1


def _runs(sequence: NDArray[np.uint64], length: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return a number for every run of so many words that stays within a document, and where it starts."""
    count = len(sequence) - length + 1
    if count <= 0:
        return np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.int64)
    numbers = np.zeros(count, dtype=np.uint64)
    whole = np.ones(count, dtype=bool)
    for offset in range(length):
        part = sequence[offset : offset + count]
        numbers = numbers * _BASE + part
        whole &= part != _BETWEEN
    starts = np.flatnonzero(whole)
    return numbers[starts], starts


def _among(values: NDArray[np.uint64], known: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Return which values are among sorted known ones."""
    if not len(known):
        return np.zeros(len(values), dtype=bool)
    places = np.minimum(np.searchsorted(known, values), len(known) - 1)
    found: NDArray[np.bool_] = known[places] == values
    return found
