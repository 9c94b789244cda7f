"""Make a prepared folder: clean the text, train the tokenizer, write tokens, and report how they came about.

The manifest is written last and makes the folder valid, so a run that was killed leaves nothing that could be
mistaken for data. The same study and text give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.errors import CorpusError, OutputExistsError
from bayesscale.harness.corpora.clean import Counts
from bayesscale.harness.corpora.cleaned import TaskText, clean_documents, clean_pairs, held_out_sentences
from bayesscale.harness.corpora.contamination import HeldOut
from bayesscale.harness.corpora.files import lines
from bayesscale.harness.corpora.sources import Source, source_of, words_needed
from bayesscale.harness.locks import locked
from bayesscale.harness.model.config import EOS
from bayesscale.harness.study.config import Study
from bayesscale.harness.study.data import PARTS
from bayesscale.harness.study.values import digest
from bayesscale.harness.tokens.prepared import Prepared, ids_path, pairs_path
from bayesscale.harness.tokens.store import (
    FORMAT,
    MANIFEST,
    TOKENIZER,
    read_manifest,
    token_type,
    write_ids,
    write_pairs,
)
from bayesscale.harness.tokens.tokenizer import Tokenizer, train_tokenizer
from bayesscale.harness.tokens.writing import writing

_AT_ONCE = 2000
_SECTIONS = {"corpora", "artificial", "cleaning", "tokenizer", "tasks"}


def prepare(
    study: Study, folder: Path, *, report: Callable[[str], None] | None = None, force: bool = False
) -> Prepared:
    """Write everything that training needs into a folder; if it is there already, only open it.

    Text that cannot be used is a CorpusError. A folder that was prepared for another study or from other text
    is an OutputExistsError, unless `force` replaces it.
    """
    say = report or (lambda line: None)
    source = source_of(study)
    identity = {
        "study": digest([study.model_dump(mode="json", include=_SECTIONS), words_needed(study)]),
        "inputs": source.inputs(),
    }
    with locked(folder, folder=True):
        if (folder / MANIFEST).exists():
            if _same(folder, identity):
                say(f"{folder} is prepared already")
                return Prepared(folder)
            if not force:
                raise OutputExistsError(
                    f"{folder} was prepared for another study, or its text has changed since; choose another "
                    "folder, or replace it with --force (force=True)"
                )
            (folder / MANIFEST).unlink()
        for left_behind in folder.rglob(".*"):  # by a process that was killed
            left_behind.unlink()
        return _Preparation(study, source, folder, say).run(identity)


def _same(folder: Path, identity: dict[str, Any]) -> bool:
    """Return whether a folder was prepared for this study from these files."""
    with suppress(CorpusError):  # a damaged one is another one
        manifest = read_manifest(folder)
        return all(manifest.get(name) == value for name, value in identity.items())
    return False


class _Preparation:
    """One run of `prepare`."""

    def __init__(self, study: Study, source: Source, folder: Path, say: Callable[[str], None]) -> None:
        self._study, self._source, self._folder, self._say = study, source, folder, say
        self._counts: dict[str, Counts] = {}

    def run(self, identity: dict[str, Any]) -> Prepared:
        """Prepare, and open what was made."""
        try:
            tasks = self._clean_pairs()
            self._clean_languages(tasks)
            tokenizer = self._tokenizer(tasks)
            with writing(self._folder / TOKENIZER) as sink:
                sink.write(tokenizer.model)
            content = {
                "dtype": token_type(tokenizer.vocab_size),
                "tokenizer": {
                    "vocab_size": tokenizer.vocab_size,
                    "sha256": hashlib.sha256(tokenizer.model).hexdigest(),
                },
                "languages": {name: self._write_language(name, tokenizer) for name in self._study.languages},
                "tasks": {text.task.name: self._write_task(text, tokenizer) for text in tasks},
            }
        finally:
            for language in self._study.languages:
                with suppress(OSError):  # such as the one that made an end of it
                    self._text(language).unlink()
        manifest = {"format": FORMAT, "hash": _content_hash(content), **identity, **content}
        with writing(self._folder / MANIFEST) as sink:
            sink.write(json.dumps(manifest, indent=2, ensure_ascii=False).encode())
        return Prepared(self._folder)

    def _clean_pairs(self) -> list[TaskText]:
        """Return the pairs of all tasks."""
        tasks = []
        for task in self._study.tasks:
            text = clean_pairs(partial(self._source.pairs, task), task, self._study.cleaning)
            kept = ", ".join(f"{part} {text.counts[part].kept:,}" for part in PARTS)
            self._say(f"{task.name}: {kept} pairs")
            tasks.append(text)
        return tasks

    def _clean_languages(self, tasks: list[TaskText]) -> None:
        """Write the clean text of each language beside the tokens, for the two passes over it."""
        config = self._study.cleaning
        held_out = held_out_sentences(tasks, config)
        for language in self._study.languages:
            counts = self._counts[language] = Counts()
            texts, unseen = self._source.documents(language), held_out.get(language, HeldOut(()))
            with writing(self._text(language)) as sink:
                for group in clean_documents(texts, counts, config, unseen):
                    sink.write("".join(f"{text}\n" for text in group).encode())
            if counts.kept == 0:
                raise CorpusError(
                    f"a corpus has text; of the {counts.read} documents of {language}, {counts.empty} are "
                    f"empty, {counts.duplicate} occur twice and {counts.contaminated} are in a held-out set; "
                    "look at the files"
                )
            self._say(
                f"{language}: {counts.kept:,} documents, {counts.bytes:,} bytes; dropped {counts.empty:,} "
                f"empty, {counts.duplicate:,} duplicate, {counts.contaminated:,} contaminated"
            )

    def _text(self, language: str) -> Path:
        """Return where the clean text of a language lies while it is needed."""
        return self._folder / "languages" / f"{language}.txt"

    def _tokenizer(self, tasks: list[TaskText]) -> Tokenizer:
        """Return the tokenizer of the study, trained if none is given."""
        config = self._study.tokenizer
        if config.path is not None:
            return Tokenizer.load(self._study.path(config.path))
        tokenizer = train_tokenizer(self._sample(tasks), config)
        self._say(f"tokenizer: {tokenizer.vocab_size:,} ids")
        return tokenizer

    def _sample(self, tasks: list[TaskText]) -> Iterator[str]:
        """Yield text to train the tokenizer on: of each language the same, from everywhere in it."""
        limit = self._study.tokenizer.megabytes * 1e6
        for language in self._study.languages:
            yield from _every_so_often(lines(self._text(language)), self._counts[language].bytes, limit)
        for task in tasks:
            for side in ("source", "target"):
                texts = [getattr(pair, side) for pair in task.parts["train"]]
                share = limit / 4 if getattr(task.task, side) in self._study.languages else limit
                yield from _every_so_often(iter(texts), sum(len(each.encode()) for each in texts), share)

    def _write_language(self, language: str, tokenizer: Tokenizer) -> dict[str, Any]:
        """Write the tokens of a language, and return what is known of them."""
        groups = _encoded(lines(self._text(language)), tokenizer)
        entry = write_ids(ids_path(self._folder, language), groups, token_type(tokenizer.vocab_size))
        self._say(f"{language}: {entry['tokens']:,} tokens")
        return {**entry, "text": asdict(self._counts[language])}

    def _write_task(self, text: TaskText, tokenizer: Tokenizer) -> dict[str, Any]:
        """Write the pairs of a task, and return what is known of them."""
        task, parts = text.task, {}
        for part in PARTS:
            pairs = text.parts[part]
            source = _with_eos(tokenizer, [pair.source for pair in pairs])
            target = _with_eos(tokenizer, [pair.target for pair in pairs])
            entry = write_pairs(pairs_path(self._folder, task.name, part), pairs, source, target)
            labels = dict(sorted(Counter(pair.domain for pair in pairs).items()))
            parts[part] = {**entry, "domains": labels, "text": asdict(text.counts[part])}
        return {"source": task.source, "target": task.target, "parts": parts}


def _every_so_often(texts: Iterator[str], available: int, wanted: float) -> Iterator[str]:
    """Yield texts at equal distances, so many bytes in all."""
    step, due = max(1.0, available / wanted), 0.0
    read = 0
    for text in texts:
        if read >= due:
            yield text
            due += step * (len(text.encode()) + 1)
        read += len(text.encode()) + 1


def _encoded(texts: Iterator[str], tokenizer: Tokenizer) -> Iterator[NDArray[Any]]:
    """Yield the ids of documents, joined with EOS, in groups."""
    while group := list(islice(texts, _AT_ONCE)):
        yield np.concatenate(_with_eos(tokenizer, group))


def _with_eos(tokenizer: Tokenizer, texts: list[str]) -> list[NDArray[Any]]:
    """Return the ids of each text with EOS at the end."""
    return [np.array([*ids, EOS], dtype=np.int64) for ids in tokenizer.encode(texts)]


def _content_hash(content: dict[str, Any]) -> str:
    """Return a hash of what training sees."""
    languages = {language: entry["sha256"] for language, entry in content["languages"].items()}
    tasks = {
        name: [task["source"], task["target"], {part: said["sha256"] for part, said in task["parts"].items()}]
        for name, task in content["tasks"].items()
    }
    return digest([content["tokenizer"]["sha256"], languages, tasks])
