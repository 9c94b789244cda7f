"""Artificial languages: the same concepts, expressed by stems that are shared or private.

How many stems two languages have in common is exact: `round(relatedness * stems)`. Which ones is the same for
all languages, and spread evenly over frequent and rare concepts, so the share of running words in common is
close to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesscale.harness.study.data import ArtificialConfig

# Words that build sentences; they are part of the inventory, so relatedness 0 shares nothing at all.
DETERMINERS, PREPOSITIONS, CONJUNCTIONS, SUFFIXES = 2, 4, 1, 2
_CONTENT = {"noun": 0.5, "verb": 0.25, "adjective": 0.15, "adverb": 0.1}
# Uses in a clause, roughly; they only decide which concepts count as frequent.
_USES = {"noun": 2.4, "verb": 1.0, "adjective": 0.7, "adverb": 0.3}
_GOLDEN = (5**0.5 - 1) / 2
_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"


@dataclass(frozen=True)
class Inventory:
    """The concepts: where each word class begins and ends in the list of stems.

    Parameters
    ----------
    stems : int
        Concepts in all.
    """

    stems: int

    @property
    def classes(self) -> dict[str, range]:
        """Places of each word class."""
        sizes = {
            "determiner": DETERMINERS,
            "preposition": PREPOSITIONS,
            "conjunction": CONJUNCTIONS,
            "suffix": SUFFIXES,
        }
        content = self.stems - sum(sizes.values())
        sizes |= {name: int(content * share) for name, share in _CONTENT.items()}
        sizes["noun"] += self.stems - sum(sizes.values())
        ends = np.cumsum(list(sizes.values())).tolist()
        return {name: range(end - size, end) for (name, size), end in zip(sizes.items(), ends, strict=True)}

    def sharing_order(self) -> NDArray[np.int64]:
        """Return the places in the order in which related languages share them."""
        uses = np.empty(self.stems)
        for name, places in self.classes.items():
            weight = zipf(len(places)) if name in _USES else np.full(len(places), 1 / len(places))
            uses[places.start : places.stop] = _USES.get(name, 1.5) * weight
        by_frequency = np.argsort(-uses, kind="stable")
        # The golden ratio spreads any prefix evenly, here over the ranks of frequency.
        spread = np.argsort(np.modf((np.arange(self.stems) + 1) * _GOLDEN)[0], kind="stable")
        return by_frequency[spread]


@dataclass(frozen=True)
class Language:
    """A language that was made up.

    Parameters
    ----------
    name : str
        Its name.
    stems : tuple of str
        How it expresses each concept of the inventory.
    order : str
        Order of subject, verb and object, such as 'svo'.
    adjective_first : bool
        Whether adjectives stand before their noun.
    """

    name: str
    stems: tuple[str, ...]
    order: str
    adjective_first: bool


def zipf(count: int) -> NDArray[np.float64]:
    """Return probabilities that fall as 1 / (rank + 1)."""
    weights = 1 / (np.arange(count) + 2.0)
    normed: NDArray[np.float64] = weights / weights.sum()
    return normed


def languages(config: ArtificialConfig) -> dict[str, Language]:
    """Return the languages of a study.

    Parameters
    ----------
    config : ArtificialConfig
        Names, relatedness, orders, number of stems, seed.
    """
    inventory = Inventory(config.stems)
    shared_first = inventory.sharing_order()
    used: set[str] = set()
    made: dict[str, Language] = {}
    for name, spec in config.languages.items():
        stems = _own_stems(inventory, f"{config.seed} {name}", used)
        if made:
            parent = made[spec.like or next(iter(made))]
            for place in shared_first[: round(spec.relatedness * config.stems)].tolist():
                stems[place] = parent.stems[place]
        made[name] = Language(name, tuple(stems), spec.order, spec.adjective == "before")
    return made


def relatedness(one: Language, other: Language) -> float:
    """Return the share of concepts that two languages express by the same stem.

    Parameters
    ----------
    one, other : Language
        Languages of one study.
    """
    same = sum(a == b for a, b in zip(one.stems, other.stems, strict=True))
    return same / len(one.stems)


def _own_stems(inventory: Inventory, key: str, used: set[str]) -> list[str]:
    """Return a new stem for each concept, none of which is used anywhere else."""
    random = np.random.default_rng(np.frombuffer(key.encode(), dtype=np.uint8))
    stems = []
    for name, places in inventory.classes.items():
        for _ in places:
            syllables, trial = (2 if name in _USES else 1), 0
            while (stem := _stem(random, name, syllables + trial // 20)) in used:
                trial += 1
            used.add(stem)
            stems.append(stem)
    return stems


def _stem(random: np.random.Generator, name: str, syllables: int) -> str:
    """Return a pronounceable stem: a suffix begins with a vowel, anything else with a consonant."""

    def pick(letters: str) -> str:
        return letters[int(random.random() * len(letters))]

    if name == "suffix":
        return "".join(pick(_VOWELS) + pick(_CONSONANTS) for _ in range(syllables))
    stem = "".join(pick(_CONSONANTS) + pick(_VOWELS) for _ in range(syllables))
    return stem + pick(_CONSONANTS) if random.random() < 0.4 else stem
