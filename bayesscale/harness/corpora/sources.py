"""Where the text of a study comes from, files or artificial languages, behind one face."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bayesscale.errors import CorpusError
from bayesscale.harness.corpora.artificial import Artificial
from bayesscale.harness.corpora.documents import documents
from bayesscale.harness.corpora.files import fingerprint
from bayesscale.harness.corpora.pairs import Pair, pairs
from bayesscale.harness.study.config import Study
from bayesscale.harness.study.data import PARTS, ArtificialConfig, TaskConfig

# Documents that are in a dev or test set are dropped after they were made; this many more are made.
_SPARE = 1.03


class Files:
    """Text in the files of a study, not cleaned yet."""

    def __init__(self, study: Study) -> None:
        self._study = study

    def documents(self, language: str) -> Iterator[str]:
        """Yield the documents of a language."""
        return documents(self._study.corpora[language], self._study.folder)

    def pairs(self, task: TaskConfig, part: str) -> Iterator[Pair]:
        """Yield the pairs of a part of a task."""
        domains = task.domains.get(part)  # type: ignore[call-overload]
        files = [self._study.path(name) for name in getattr(task, part)]
        return pairs(files, self._study.path(domains) if domains else None)

    def inputs(self) -> dict[str, dict[str, Any]]:
        """Return the fingerprint of every file that is read; say at once which are missing or empty."""
        files = {name: self._study.path(name) for name in self._names()}
        problems = [f"there is no file {path}" for path in files.values() if not path.is_file()]
        problems += [
            f"{path} is empty" for path in files.values() if path.is_file() and not path.stat().st_size
        ]
        if problems:
            raise CorpusError(
                f"every file of a study exists and has text; {'; '.join(problems)}; correct the paths in the "
                f"study (they begin at {self._study.folder.resolve()})"
            )
        return {name: fingerprint(path) for name, path in files.items()}

    def _names(self) -> list[str]:
        """Return the paths of the study, each once."""
        study = self._study
        names = [name for corpus in study.corpora.values() for name in corpus.files]
        for task in study.tasks:
            names += [name for part in PARTS for name in getattr(task, part)]
            names += task.domains.values()
        if study.tokenizer.path:
            names.append(study.tokenizer.path)
        return list(dict.fromkeys(names))


class MadeUp:
    """Text in artificial languages, so many words in each."""

    def __init__(self, config: ArtificialConfig, words: dict[str, int]) -> None:
        self._text, self._words = Artificial(config), words

    def documents(self, language: str) -> Iterator[str]:
        """Yield the documents of a language."""
        return self._text.documents(language, self._words[language])

    def pairs(self, task: TaskConfig, part: str) -> Iterator[Pair]:
        """Yield the pairs of a part of a task."""
        return self._text.pairs(part, task.source, task.target)

    def inputs(self) -> dict[str, dict[str, Any]]:
        """Return nothing: no file is read."""
        return {}


Source = Files | MadeUp


def source_of(study: Study) -> Source:
    """Return the text of a study."""
    if study.artificial is None:
        return Files(study)
    return MadeUp(study.artificial, words_needed(study))


def words_needed(study: Study) -> dict[str, int]:
    """Return how many words are made up in each artificial language.

    As many as the study says; otherwise what the largest checkpoint of any mixture sees of the language,
    since there are at least as many tokens as words.
    """
    if study.artificial is None:
        return {}
    if study.artificial.words is not None:
        return dict.fromkeys(study.languages, study.artificial.words)
    block = study.pretraining.length
    # A block more, because the last one is cut off, and one because the pattern rounds up.
    return {language: int(tokens * _SPARE) + 2 * block for language, tokens in study.largest_tokens().items()}
