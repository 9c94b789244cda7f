"""A prepared folder as training sees it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from bayesscale.errors import CorpusError, valid_names
from bayesscale.harness.mixture import Mixture
from bayesscale.harness.tokens.parallel import Task
from bayesscale.harness.tokens.store import TOKENIZER, read_ids, read_manifest, read_pairs
from bayesscale.harness.tokens.tokenizer import Tokenizer


class Prepared:
    """The data of a study in a prepared folder; a CorpusError if it is none, or damaged.

    `hash` changes with the tokenizer, the text of a language or the pairs of a task, and with nothing else.
    `counts` are tokens of each language, EOS included. `manifest` is all that is known: input files, what was
    dropped and why, tokens, checksums.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder)
        self.hash: str = self.manifest["hash"]
        self.counts: dict[str, int] = {
            language: entry["tokens"] for language, entry in self.manifest["languages"].items()
        }
        self.tokenizer = Tokenizer.load(folder / TOKENIZER)
        self._ids = {
            language: read_ids(ids_path(folder, language), tokens, self.manifest["dtype"])
            for language, tokens in self.counts.items()
        }
        self._tasks: dict[str, Task] = {}

    def blocks(self, language: str, length: int) -> NDArray[Any]:
        """Return the text of a language in blocks, (n, length), mapped from the file; the rest is cut."""
        if language not in self._ids:
            raise CorpusError(
                f"{self.folder} has no text of {language!r}; {valid_names(language, self._ids)}; prepare it "
                "again"
            )
        ids = self._ids[language]
        count = len(ids) // length
        return ids[: count * length].reshape(count, length)

    def task(self, name: str) -> Task:
        """Return a task; it is read when it is first asked for."""
        entries = self.manifest["tasks"]
        if name not in entries:
            raise CorpusError(
                f"{self.folder} has no task {name!r}; {valid_names(name, entries)}; prepare it again"
            )
        if name not in self._tasks:
            parts = {
                part: read_pairs(pairs_path(self.folder, name, part), said, self.manifest["dtype"])
                for part, said in entries[name]["parts"].items()
            }
            self._tasks[name] = Task(**parts)
        return self._tasks[name]

    def mixture(self, shares: Mapping[str, float], length: int, seed: int) -> Mixture:
        """Return the order in which a mixture draws from these blocks."""
        blocks = {language: tokens // length for language, tokens in self.counts.items()}
        return Mixture(shares, blocks, seed)


def ids_path(folder: Path, language: str) -> Path:
    """Return the file with the token ids of a language."""
    return folder / "languages" / f"{language}.ids"


def pairs_path(folder: Path, task: str, part: str) -> Path:
    """Return the file with the pairs of a part of a task."""
    return folder / "tasks" / f"{task}.{part}.jsonl"
