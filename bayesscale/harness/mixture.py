"""Which block comes when: exact shares, one pass, and a run that is a prefix of every longer one.

The languages take turns in a pattern that repeats. Within it, and so at any position, no language is a whole
block away from its share: the pattern is Tijdeman's solution of the chairman assignment problem
(doi:10.1016/0012-365X(80)90269-1). The blocks of a language come in a random order that depends on the seed
and the language only, so mixtures that share a language see the same of it first.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import lcm

import numpy as np
from numpy.typing import NDArray

from bayesscale.errors import CorpusError, StudyError
from bayesscale.harness.shuffle import Shuffle

LONGEST_PATTERN = 100_000
_TOLERANCE = 1e-6


class Mixture:
    """The order in which the blocks of several languages are seen.

    Shares are kept exactly where they are multiples of 1/100,000 or fractions such as 1/3, and to within
    1/100,000 otherwise. `available` are blocks of each language; the seed decides their order.

    `languages` are those with a share above 0, sorted; `limit` is how many blocks can be seen before one
    would be seen twice.

    Shares that are none are a StudyError, a language without text is a CorpusError.
    """

    def __init__(self, shares: Mapping[str, float], available: Mapping[str, int], seed: int) -> None:
        counts = pattern_counts(shares)
        missing = [language for language in counts if available.get(language, 0) < 1]
        if missing:
            have = ", ".join(f"{language} {number}" for language, number in sorted(available.items()))
            raise CorpusError(
                f"every language of a mixture has at least one block of text; there is none of "
                f"{', '.join(missing)}; blocks: {have or 'none'}; add text or use shorter blocks"
            )
        self.languages = tuple(counts)
        self._available = tuple(int(available[language]) for language in counts)
        self._counts = np.array(list(counts.values()), dtype=np.int64)
        self._pattern, self._turn = _pattern(self._counts)
        self._orders = [
            Shuffle(number, f"blocks {seed} {language}")
            for language, number in zip(counts, self._available, strict=True)
        ]
        self.limit = self._first_repeat()

    @property
    def shares(self) -> dict[str, float]:
        """Shares as they are kept."""
        return dict(zip(self.languages, (self._counts / len(self._pattern)).tolist(), strict=True))

    def take(self, start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the blocks at positions `start` to `stop`, a pure function of the position.

        Two arrays (stop - start,): indices into `languages`, and of blocks within the language. A position
        past `limit` is a CorpusError.
        """
        if not 0 <= start <= stop:
            raise ValueError(f"start and stop are in order and not negative; received {start} and {stop}")
        if stop > self.limit:
            raise CorpusError(self._too_many(stop))
        cycles, places = np.divmod(np.arange(start, stop, dtype=np.int64), len(self._pattern))
        languages = self._pattern[places]
        turns = cycles * self._counts[languages] + self._turn[places]
        blocks = np.empty_like(turns)
        for index, order in enumerate(self._orders):
            here = languages == index
            blocks[here] = order(turns[here])
        return languages, blocks

    def _first_repeat(self) -> int:
        """Return the first position whose language has no block left."""
        cycles = min(
            number // int(count) for number, count in zip(self._available, self._counts, strict=True)
        )
        left = np.array(self._available) - cycles * self._counts
        # At least one language has less than a whole pattern left, so the pass ends within the next one.
        ends = np.flatnonzero(self._turn >= left[self._pattern])
        return cycles * len(self._pattern) + int(ends[0])

    def _too_many(self, wanted: int) -> str:
        """Return the message that says how much there is."""
        parts = zip(self.languages, self.shares.values(), self._available, strict=True)
        have = ", ".join(f"{language} {number} (share {share:.4g})" for language, share, number in parts)
        return (
            f"a block is seen once; {wanted} blocks were asked for and {self.limit} can be drawn in one "
            f"pass; blocks: {have}; ask for fewer tokens or add text"
        )


def pattern_counts(shares: Mapping[str, float]) -> dict[str, int]:
    """Return how often each language with a share above 0 occurs in the pattern that repeats.

    Shares that are negative or do not sum to 1 are a StudyError.
    """
    total = sum(shares.values())
    if not (all(share >= 0 for share in shares.values()) and abs(total - 1) <= _TOLERANCE):
        given = ", ".join(f"{language} {share:g}" for language, share in shares.items())
        raise StudyError(f"shares are not negative and sum to 1; received {given or 'none'}; sum {total:g}")
    exact = {
        language: Fraction(share).limit_denominator(LONGEST_PATTERN)
        for language, share in sorted(shares.items())
        if share > 0
    }
    whole = sum(exact.values(), Fraction(0))
    exact = {language: share / whole for language, share in exact.items()}
    length = lcm(*(share.denominator for share in exact.values()))
    if length > LONGEST_PATTERN:
        return _rounded(exact)
    counts = {language: int(share * length) for language, share in exact.items()}
    return {language: count for language, count in counts.items() if count}


def _rounded(shares: Mapping[str, Fraction]) -> dict[str, int]:
    """Return counts in the longest pattern by largest remainder, at least one for each language."""
    ideal = {language: share * LONGEST_PATTERN for language, share in shares.items()}
    counts = {language: max(1, int(number)) for language, number in ideal.items()}
    order = sorted(ideal, key=lambda language: counts[language] - ideal[language])
    for place in range(LONGEST_PATTERN - sum(counts.values())):
        counts[order[place]] += 1
    return counts


def _pattern(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return for every place of the pattern its language, and how often that came before.

    It is the language that would be late first, among those that may come.
    """
    length, kinds = int(counts.sum()), len(counts)
    if kinds == 1:
        return np.zeros(length, dtype=np.int64), np.arange(length)
    wanted: list[int] = counts.tolist()
    # Lateness in units of 1 / (length * spread), so that everything is a whole number.
    spread = 2 * kinds - 2
    late, came = [0] * kinds, [0] * kinds
    pattern, turns = np.empty((2, length), dtype=np.int64)
    for place in range(length):
        for index, count in enumerate(wanted):
            late[index] += count * spread
        may = [index for index in range(kinds) if late[index] >= length]
        chosen = min(may, key=lambda index: ((length * (spread - 1) - late[index]) / wanted[index], index))
        late[chosen] -= length * spread
        pattern[place], turns[place] = chosen, came[chosen]
        came[chosen] += 1
    return pattern, turns
