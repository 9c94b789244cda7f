"""Text in artificial languages: documents of each language, and pairs of which every task says the same."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bayesscale.harness.corpora.lexicon import Inventory, languages
from bayesscale.harness.corpora.meaning import Grammar, Sentences, Speaker
from bayesscale.harness.corpora.pairs import Pair
from bayesscale.harness.study.data import ArtificialConfig

_AT_ONCE = 2048
_SENTENCES_IN_DOCUMENT = 6
# Sentences are drawn until enough differ; a small inventory has only so many.
_TRIALS = 200


class Artificial:
    """The text of the artificial languages of a study, the same for the same configuration.

    Parameters
    ----------
    config : ArtificialConfig
        Languages, stems, topics, numbers of pairs, seed.
    """

    def __init__(self, config: ArtificialConfig) -> None:
        self.config = config
        inventory = Inventory(config.stems)
        self.languages = languages(config)
        self._speaker = Speaker(inventory, config.topics)
        self._grammars = {name: Grammar(made, inventory) for name, made in self.languages.items()}
        self._parts = self._sentences_of_pairs()
        held_out = (self._parts[part] for part in ("dev", "test"))
        self._held_out = frozenset().union(*(key for sentences in held_out for key in sentences.cores()))

    def pairs(self, part: str, source: str, target: str) -> Iterator[Pair]:
        """Yield the pairs of a task; the domain is the topic.

        Parameters
        ----------
        part : str
            'train', 'dev' or 'test'.
        source, target : str
            Languages; what is said does not depend on them.
        """
        said = self._parts[part]
        sides = (self._grammars[name].put(said) for name in (source, target))
        for topic, one, other in zip(said.topic.tolist(), *sides, strict=True):
            yield Pair(one, other, f"topic{topic}")

    def documents(self, language: str, words: int) -> Iterator[str]:
        """Yield documents of at least so many words in all, none of which says what a dev or test pair says.

        Parameters
        ----------
        language : str
            Name of the language.
        words : int
            Words, full stops included; there are never more words than tokens.
        """
        random = _random(self.config.seed, f"documents {language}")
        grammar, said = self._grammars[language], 0
        while said < words:
            topics = np.repeat(
                self._topics(_AT_ONCE // _SENTENCES_IN_DOCUMENT, random), _SENTENCES_IN_DOCUMENT
            )
            sentences = self._speaker.say(topics, random)
            texts = grammar.put(sentences)
            fresh = [self._held_out.isdisjoint(key) for key in sentences.cores()]
            for start in range(0, len(texts), _SENTENCES_IN_DOCUMENT):
                end = start + _SENTENCES_IN_DOCUMENT
                document = " ".join(
                    text for text, kept in zip(texts[start:end], fresh[start:end], strict=True) if kept
                )
                if document and said < words:
                    said += document.count(" ") + 1
                    yield document

    def _topics(self, count: int, random: np.random.Generator) -> NDArray[np.int64]:
        """Return random topics."""
        return (random.random(count) * self.config.topics).astype(np.int64)

    def _sentences_of_pairs(self) -> dict[str, Sentences]:
        """Return what the pairs say: test first, so that it is the same for any number of train pairs."""
        random = _random(self.config.seed, "pairs")
        seen: set[frozenset[bytes]] = set()
        return {
            part: self._fresh(getattr(self.config, part), seen, random) for part in ("test", "dev", "train")
        }

    def _fresh(self, count: int, seen: set[frozenset[bytes]], random: np.random.Generator) -> Sentences:
        """Return sentences that say something new; if there is nothing new any more, fewer than asked for."""
        found: list[Sentences] = []
        missing = count
        for _ in range(_TRIALS):
            batch = self._speaker.say(self._topics(_AT_ONCE, random), random)
            new: list[int] = []
            for place, key in enumerate(batch.cores()):
                if key not in seen and len(new) < missing:
                    seen.add(key)
                    new.append(place)
            found.append(batch.select(np.array(new, dtype=np.int64)))
            missing -= len(new)
            if missing == 0:
                break
        return Sentences(
            np.concatenate([part.topic for part in found]),
            np.concatenate([part.clauses for part in found]),
            np.concatenate([part.double for part in found]),
        )


def _random(seed: int, purpose: str) -> np.random.Generator:
    """Return a source of chance of its own for each purpose."""
    return np.random.default_rng([seed, *purpose.encode()])
