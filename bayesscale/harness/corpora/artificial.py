"""Artificial languages in one small grammar, so that it is known what two languages have in common.

All languages talk about one world: a topic has its nouns and verbs, a verb its objects, a noun its
adjectives. A language says a concept with a stem. Stems are shared with a relative or its own; among the
shared ones some may be false friends, which mean something else. Word order differs. So a mixture can help a
task, help it little, or mislead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesscale.harness.corpora.pairs import Pair
from bayesscale.harness.study.data import ArtificialConfig

# Word classes: how many there are of the small ones, the share of the others, and uses in a sentence.
_FUNCTION = {"determiner": 2, "preposition": 4, "suffix": 2}
_CONTENT = {"noun": 0.5, "verb": 0.3, "adjective": 0.2}
_USES = {"noun": 2.3, "verb": 1.0, "adjective": 0.7}
_GOLDEN = (5**0.5 - 1) / 2
# Consonants and vowels of each script.
_LETTERS = {
    "latin": ("bdfgklmnprstvz", "aeiou"),
    "greek": ("βγδζθκλμνξπρστφχψ", "αεηιο"),
    "cyrillic": ("бвгджзклмнпрстфхцш", "аеиоу"),
}
# How much more likely a word is in its topic, and where it goes with another.
_GROUPS, _TOPICAL, _FITTING = 5, 40.0, 20.0
_AT_ONCE, _SENTENCES_IN_DOCUMENT = 2048, 6
# Sentences are drawn until enough differ; a small world has only so many.
_TRIALS = 200

# Columns of a sentence: concepts as numbers within their class, -1 where there is none.
TOPIC, VERB, PAST, PREPOSITION = range(4)
SUBJECT, OBJECT, PLACE = 4, 8, 12
NOUN, DETERMINER, PLURAL, ADJECTIVE = range(4)
_COLUMNS = 16
# A sentence that agrees in these with a held-out one contains it word for word, or nearly so.
_CORE = [VERB, PAST, *(phrase + part for phrase in (SUBJECT, OBJECT) for part in (NOUN, DETERMINER, PLURAL))]
Sentences = NDArray[np.int64]


def word_classes(stems: int) -> dict[str, range]:
    """Return where each word class begins and ends in a list of so many concepts."""
    content = stems - sum(_FUNCTION.values())
    sizes = _FUNCTION | {name: int(content * share) for name, share in _CONTENT.items()}
    sizes["noun"] += stems - sum(sizes.values())
    ends = np.cumsum(list(sizes.values())).tolist()
    return {name: range(end - size, end) for (name, size), end in zip(sizes.items(), ends, strict=True)}


@dataclass(frozen=True)
class Language:
    """A language that was made up: a stem for each concept, and where words stand.

    Where the verb is last in `order`, such as 'sov', prepositions follow.
    """

    stems: tuple[str, ...]
    order: str
    adjective_first: bool

    def say(self, sentences: Sentences) -> list[str]:
        """Return sentences as text."""
        words = {
            name: self.stems[places.start : places.stop]
            for name, places in word_classes(len(self.stems)).items()
        }
        return [self._sentence(sentence, words) for sentence in sentences.tolist()]

    def _sentence(self, sentence: list[int], words: dict[str, tuple[str, ...]]) -> str:
        """Return one sentence as text."""
        verb = words["verb"][sentence[VERB]] + (words["suffix"][1] if sentence[PAST] else "")
        subject, thing = (self._phrase(sentence, start, words) for start in (SUBJECT, OBJECT))
        parts = {"s": subject, "v": verb, "o": thing}
        said = [parts[role] for role in self.order]
        if sentence[PREPOSITION] >= 0:
            place = [words["preposition"][sentence[PREPOSITION]], self._phrase(sentence, PLACE, words)]
            said += place[::-1] if self.order.endswith("v") else place
        return " ".join([*said, "."])

    def _phrase(self, sentence: list[int], start: int, words: dict[str, tuple[str, ...]]) -> str:
        """Return determiner, adjective and noun."""
        noun, determiner, plural, adjective = sentence[start : start + 4]
        said = [words["noun"][noun] + (words["suffix"][0] if plural else "")]
        if adjective >= 0:
            said.insert(0 if self.adjective_first else 1, words["adjective"][adjective])
        return " ".join([words["determiner"][determiner], *said])


def languages(config: ArtificialConfig) -> dict[str, Language]:
    """Return the languages of a study.

    How many stems two languages have in common is exact: `round(relatedness * stems)`. Which ones is the same
    for all languages and spread evenly over frequent and rare concepts, so their share of running words is
    close to it. The false friends are `round(false_friends * shared)` of the shared nouns, verbs and
    adjectives, which change meanings in a circle, so that none keeps its own.
    """
    shared_first = _sharing_order(config.stems)
    content = word_classes(config.stems)["noun"].start
    used: set[str] = set()
    made: dict[str, Language] = {}
    for name, spec in config.languages.items():
        stems = _own_stems(config.stems, f"{config.seed} {name}", spec.script, used)
        if made:
            parent = made[spec.like or next(iter(made))]
            shared = shared_first[: round(spec.relatedness * config.stems)]
            for place in shared:
                stems[place] = parent.stems[place]
            words = [place for place in shared if place >= content]
            false = words[: round(spec.false_friends * len(words))]
            circle = _random(config.seed, f"false friends {name}").permutation(np.array(false, np.int64))
            for place, other in zip(circle.tolist(), np.roll(circle, 1).tolist(), strict=True):
                stems[place] = parent.stems[other]
        made[name] = Language(tuple(stems), spec.order, spec.adjective == "before")
    return made


class Artificial:
    """The text of the artificial languages of a study, the same for the same configuration."""

    def __init__(self, config: ArtificialConfig) -> None:
        self.config = config
        self.languages = languages(config)
        self._world = _World(config.stems, config.topics)
        random = _random(config.seed, "pairs")
        seen: set[bytes] = set()
        # Test first, so that it is the same for any number of training pairs.
        self._parts = {
            part: self._new(getattr(config, part), seen, random) for part in ("test", "dev", "train")
        }
        self._held_out = {core for part in ("dev", "test") for core in _cores(self._parts[part])}

    def pairs(self, part: str, source: str, target: str) -> Iterator[Pair]:
        """Yield the pairs of a part of a task; the domain is the topic.

        What is said does not depend on the languages.
        """
        said = self._parts[part]
        sides = (self.languages[name].say(said) for name in (source, target))
        for topic, one, other in zip(said[:, TOPIC].tolist(), *sides, strict=True):
            yield Pair(one, other, f"topic{topic}")

    def documents(self, language: str, words: int) -> Iterator[str]:
        """Yield documents of at least so many words in all, none of which says what a dev or test pair says.

        Full stops count as words, so there are never more words than tokens.
        """
        random = _random(self.config.seed, f"documents {language}")
        length, said = _SENTENCES_IN_DOCUMENT, 0
        while said < words:
            topics = np.repeat(random.integers(self.config.topics, size=_AT_ONCE // length), length)
            sentences = self._world.draw(topics, random)
            fresh = [core not in self._held_out for core in _cores(sentences)]
            texts = self.languages[language].say(sentences)
            for start in range(0, len(texts), length):
                kept = zip(texts[start : start + length], fresh[start : start + length], strict=True)
                document = " ".join(text for text, new in kept if new)
                if document and said < words:
                    said += document.count(" ") + 1
                    yield document

    def _new(self, count: int, seen: set[bytes], random: np.random.Generator) -> Sentences:
        """Return sentences that say something new; fewer than asked for where nothing new is left."""
        found: list[Sentences] = []
        missing = count
        for _ in range(_TRIALS):
            sentences = self._world.draw(random.integers(self.config.topics, size=_AT_ONCE), random)
            new: list[int] = []
            for place, core in enumerate(_cores(sentences)):
                if core not in seen and len(new) < missing:
                    seen.add(core)
                    new.append(place)
            found.append(sentences[new])
            missing -= len(new)
            if missing == 0:
                break
        return np.concatenate(found)


class _World:
    """Draws what is said, apart from any language."""

    def __init__(self, stems: int, topics: int) -> None:
        self._topics = topics
        sizes = {name: len(places) for name, places in word_classes(stems).items()}
        nouns, verbs, adjectives = (np.arange(sizes[name]) for name in ("noun", "verb", "adjective"))
        topic, group = np.arange(topics)[:, None], np.arange(_GROUPS)[:, None]
        of_topic = np.where(nouns % topics == topic, _TOPICAL, 1.0) * _zipf(len(nouns))
        fitting = np.where(nouns // topics % _GROUPS == group, _FITTING, 1.0)
        self._nouns = _cumulative(of_topic)
        self._verbs = _cumulative(np.where(verbs % topics == topic, _TOPICAL, 1.0) * _zipf(len(verbs)))
        self._objects = _cumulative((of_topic[:, None] * fitting).reshape(-1, len(nouns)))
        fitting = np.where(adjectives % _GROUPS == group, _FITTING, 1.0)
        self._adjectives = _cumulative(fitting * _zipf(len(adjectives)))

    def draw(self, topics: NDArray[np.int64], random: np.random.Generator) -> Sentences:
        """Return a sentence about each of some topics, (topics, columns)."""
        count = len(topics)
        said = np.full((count, _COLUMNS), -1, dtype=np.int64)
        said[:, TOPIC], said[:, VERB] = topics, _draw(self._verbs, topics, random)
        said[:, PAST] = random.random(count) < 0.4
        liked = topics * _GROUPS + said[:, VERB] // self._topics % _GROUPS
        for start, table, rows in (
            (SUBJECT, self._nouns, topics), (OBJECT, self._objects, liked), (PLACE, self._nouns, topics)
        ):  # fmt: skip
            noun = said[:, start + NOUN] = _draw(table, rows, random)
            adjective = _draw(self._adjectives, noun % _GROUPS, random)
            said[:, start + DETERMINER] = random.integers(_FUNCTION["determiner"], size=count)
            said[:, start + PLURAL] = random.random(count) < 0.3
            said[:, start + ADJECTIVE] = np.where(random.random(count) < 0.3, adjective, -1)
        preposition = random.integers(_FUNCTION["preposition"], size=count)
        said[:, PREPOSITION] = np.where(random.random(count) < 0.3, preposition, -1)
        return said


def _cores(sentences: Sentences) -> list[bytes]:
    """Return for each sentence what it says at heart."""
    return [core.tobytes() for core in np.ascontiguousarray(sentences[:, _CORE], dtype=np.int16)]


def _sharing_order(stems: int) -> list[int]:
    """Return the concepts in the order in which related languages share them."""
    uses = np.empty(stems)
    for name, places in word_classes(stems).items():
        weight = _zipf(len(places)) if name in _USES else np.full(len(places), 1 / len(places))
        uses[places.start : places.stop] = _USES.get(name, 1.5) * weight
    by_frequency = np.argsort(-uses, kind="stable")
    # The golden ratio spreads any prefix evenly, here over the ranks of frequency.
    spread = np.argsort(np.modf((np.arange(stems) + 1) * _GOLDEN)[0], kind="stable")
    return [int(place) for place in by_frequency[spread]]


def _own_stems(stems: int, key: str, script: str, used: set[str]) -> list[str]:
    """Return a new stem for each concept, none of which is used anywhere else."""
    random = np.random.default_rng(np.frombuffer(key.encode(), dtype=np.uint8))
    made: list[str] = []
    for name, places in word_classes(stems).items():
        for _ in places:
            syllables, trial = (1 if name in _FUNCTION else 2), 0
            while (stem := _stem(random, script, name == "suffix", syllables + trial // 20)) in used:
                trial += 1
            used.add(stem)
            made.append(stem)
    return made


def _stem(random: np.random.Generator, script: str, suffix: bool, syllables: int) -> str:
    """Return a pronounceable stem: a suffix begins with a vowel, anything else with a consonant."""
    consonants, vowels = _LETTERS[script]
    first, second = (vowels, consonants) if suffix else (consonants, vowels)

    def pick(some: str) -> str:
        return some[int(random.random() * len(some))]

    stem = "".join(pick(first) + pick(second) for _ in range(syllables))
    return stem + pick(consonants) if not suffix and random.random() < 0.4 else stem


def _zipf(count: int) -> NDArray[np.float64]:
    """Return probabilities that fall as 1 / (rank + 2)."""
    weights = 1 / (np.arange(count) + 2.0)
    return np.asarray(weights / weights.sum())


def _cumulative(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distribution function of each row."""
    sums = np.cumsum(weights, axis=1)
    return sums / sums[:, -1:]


def _draw(
    cumulative: NDArray[np.float64], rows: NDArray[np.int64], random: np.random.Generator
) -> NDArray[np.int64]:
    """Return a draw from the distribution in each of some rows."""
    return np.asarray((cumulative[rows] <= random.random(len(rows))[:, None]).sum(axis=1))


def _random(seed: int, purpose: str) -> np.random.Generator:
    """Return a source of chance of its own for each purpose."""
    return np.random.default_rng([seed, *purpose.encode()])
