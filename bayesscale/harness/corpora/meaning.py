"""What artificial sentences say, apart from any language: clauses of concepts, and how a language puts them.

Concepts go together: a topic has its nouns and verbs, a verb its objects, a noun its adjectives. That is what
a model can learn from text, and what it can carry over to translation where languages share stems.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesscale.harness.corpora.lexicon import Inventory, Language, zipf

_GROUPS = 5
_TOPICAL, _FITTING = 8.0, 6.0
_NONE = -1

# Columns of a clause.
VERB, PAST = 0, 1
SUBJECT, OBJECT, PLACE = 2, 6, 10
NOUN, DETERMINER, PLURAL, ADJECTIVE = range(4)
PREPOSITION, ADVERB = 14, 15
COLUMNS = 16
# A sentence that agrees in these with a held-out one contains it word for word, or nearly so.
_CORE = [VERB, PAST, *(np_ + part for np_ in (SUBJECT, OBJECT) for part in (NOUN, DETERMINER, PLURAL))]


@dataclass(frozen=True)
class Sentences:
    """Sentences of one or two clauses.

    Parameters
    ----------
    topic : array of int, (n,)
        What each is about.
    clauses : array of int, (n, 2, COLUMNS)
        Concepts, as numbers within their word class; -1 is absent.
    double : array of bool, (n,)
        Whether the second clause is there.
    """

    topic: NDArray[np.int64]
    clauses: NDArray[np.int64]
    double: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.topic)

    def select(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> Sentences:
        """Return some of the sentences."""
        return Sentences(self.topic[which], self.clauses[which], self.double[which])

    def cores(self) -> list[frozenset[bytes]]:
        """Return for each sentence what its clauses say at heart."""
        cores = np.ascontiguousarray(self.clauses[:, :, _CORE].astype(np.int16))
        return [
            frozenset(core.tobytes() for core in pair[: 1 + two])
            for pair, two in zip(cores, self.double.tolist(), strict=True)
        ]


class Speaker:
    """Draws sentences.

    Parameters
    ----------
    inventory : Inventory
        The concepts.
    topics : int
        How many topics there are.
    """

    def __init__(self, inventory: Inventory, topics: int) -> None:
        sizes = {name: len(places) for name, places in inventory.classes.items()}
        self._topics = topics
        self._sizes = sizes
        nouns, verbs, adjectives = (np.arange(sizes[name]) for name in ("noun", "verb", "adjective"))
        topic = np.arange(topics)[:, None]
        group = np.arange(_GROUPS)
        of_topic = np.where(nouns % topics == topic, _TOPICAL, 1.0) * zipf(len(nouns))
        self._subjects = _cumulative(of_topic)
        self._verbs = _cumulative(np.where(verbs % topics == topic, _TOPICAL, 1.0) * zipf(len(verbs)))
        fits = np.where(nouns // topics % _GROUPS == group[:, None], _FITTING, 1.0)
        self._objects = _cumulative((of_topic[:, None, :] * fits).reshape(-1, len(nouns)))
        fits = np.where(adjectives % _GROUPS == group[:, None], _FITTING, 1.0)
        self._adjectives = _cumulative(fits * zipf(len(adjectives)))
        self._adverbs = _cumulative(zipf(sizes["adverb"])[None])

    def say(self, topics: NDArray[np.int64], random: np.random.Generator) -> Sentences:
        """Return a sentence about each of some topics.

        Parameters
        ----------
        topics : array of int, (n,)
            From 0.
        random : numpy.random.Generator
            Where chance comes from.
        """
        clauses = np.stack([self._clauses(topics, random) for _ in range(2)], axis=1)
        return Sentences(topics, clauses, random.random(len(topics)) < 0.25)

    def _clauses(self, topics: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
        """Return a clause about each topic."""
        count = len(topics)
        clauses = np.empty((count, COLUMNS), dtype=np.int64)
        clauses[:, VERB] = _draw(self._verbs, topics, random)
        clauses[:, PAST] = random.random(count) < 0.4
        liked = clauses[:, VERB] // self._topics % _GROUPS
        rows = {SUBJECT: topics, PLACE: topics, OBJECT: topics * _GROUPS + liked}
        for start, row in rows.items():
            noun = _draw(self._objects if start == OBJECT else self._subjects, row, random)
            adjective = _draw(self._adjectives, noun % _GROUPS, random)
            clauses[:, start + NOUN] = noun
            clauses[:, start + DETERMINER] = random.random(count) * self._sizes["determiner"]
            clauses[:, start + PLURAL] = random.random(count) < 0.3
            clauses[:, start + ADJECTIVE] = np.where(random.random(count) < 0.3, adjective, _NONE)
        preposition = (random.random(count) * self._sizes["preposition"]).astype(np.int64)
        clauses[:, PREPOSITION] = np.where(random.random(count) < 0.3, preposition, _NONE)
        adverb = _draw(self._adverbs, np.zeros(count, dtype=np.int64), random)
        clauses[:, ADVERB] = np.where(random.random(count) < 0.25, adverb, _NONE)
        return clauses


class Grammar:
    """Puts sentences into the words of a language.

    Parameters
    ----------
    language : Language
        Stems, word order and place of adjectives. Where the verb comes last, prepositions follow their noun.
    inventory : Inventory
        The concepts.
    """

    def __init__(self, language: Language, inventory: Inventory) -> None:
        stems = {
            name: language.stems[places.start : places.stop] for name, places in inventory.classes.items()
        }
        plural, past = stems["suffix"]
        self._nouns = (stems["noun"], tuple(noun + plural for noun in stems["noun"]))
        self._verbs = (stems["verb"], tuple(verb + past for verb in stems["verb"]))
        self._stems = stems
        self._language = language

    def put(self, sentences: Sentences) -> list[str]:
        """Return the sentences as text."""
        joined = f" {self._stems['conjunction'][0]} "
        return [
            joined.join(map(self._clause, pair[: 1 + two])) + " ."
            for pair, two in zip(sentences.clauses.tolist(), sentences.double.tolist(), strict=True)
        ]

    def _clause(self, clause: list[int]) -> str:
        """Return a clause as text."""
        parts = {
            "s": self._phrase(clause, SUBJECT),
            "v": self._verbs[clause[PAST]][clause[VERB]],
            "o": self._phrase(clause, OBJECT),
        }
        said = [parts[role] for role in self._language.order]
        if clause[PREPOSITION] != _NONE:
            place = [self._stems["preposition"][clause[PREPOSITION]], self._phrase(clause, PLACE)]
            said += place[::-1] if self._language.order.endswith("v") else place
        if clause[ADVERB] != _NONE:
            said.append(self._stems["adverb"][clause[ADVERB]])
        return " ".join(said)

    def _phrase(self, clause: list[int], start: int) -> str:
        """Return determiner, adjective and noun."""
        noun = self._nouns[clause[start + PLURAL]][clause[start + NOUN]]
        determiner = self._stems["determiner"][clause[start + DETERMINER]]
        if clause[start + ADJECTIVE] == _NONE:
            return f"{determiner} {noun}"
        adjective = self._stems["adjective"][clause[start + ADJECTIVE]]
        pair = (adjective, noun) if self._language.adjective_first else (noun, adjective)
        return f"{determiner} {pair[0]} {pair[1]}"


def _cumulative(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distribution function of each row."""
    sums = np.cumsum(weights, axis=1)
    return sums / sums[:, -1:]


def _draw(
    cumulative: NDArray[np.float64], rows: NDArray[np.int64], random: np.random.Generator
) -> NDArray[np.int64]:
    """Return a draw from the distribution in each of some rows."""
    chance = random.random(len(rows))
    found: NDArray[np.int64] = (cumulative[rows] <= chance[:, None]).sum(axis=1)
    return found
