"""The prepared folder: tokenizer, tokens of each language, tasks, and the report of how they came about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from bayesscale.harness.study.config import Study
from bayesscale.harness.tokens.parallel import Task
from bayesscale.harness.tokens.tokenizer import Tokenizer


class Prepared:
    """The data of a study as models see them.

    Parameters
    ----------
    folder : Path
        Where they are.
    """

    folder: Path
    hash: str
    counts: Mapping[str, int]
    tokenizer: Tokenizer

    def blocks(self, language: str, length: int) -> NDArray[Any]:
        """Return the text of a language in blocks, (n, length), mapped from the file."""
        raise NotImplementedError

    def task(self, name: str) -> Task:
        """Return a task."""
        raise NotImplementedError


def prepare(
    study: Study, folder: Path, *, report: Callable[[str], None] | None = None, force: bool = False
) -> Prepared:
    """Write everything that training needs into a folder; if it is there already, only open it.

    Parameters
    ----------
    study : Study
        What is to be prepared.
    folder : Path
        Where it goes.
    report : callable, optional
        Receives a line for each phase.
    force : bool
        Whether what was prepared for another study is replaced.
    """
    raise NotImplementedError


def load_prepared(folder: Path) -> Prepared:
    """Open a prepared folder.

    Raises
    ------
    CorpusError
        It is not one, or it is damaged.
    """
    raise NotImplementedError
