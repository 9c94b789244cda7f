"""Read parallel text: a Moses pair of files, or a table with tabs; a label for each pair if there is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from bayesscale.errors import CorpusError
from bayesscale.harness.corpora.files import lines

_END = object()


@dataclass(frozen=True)
class Pair:
    """A sentence and its translation, with a label that is empty where there are none."""

    source: str
    target: str
    domain: str = ""


def pairs(files: Sequence[Path], domains: Path | None = None) -> Iterator[Pair]:
    """Yield the pairs of a Moses pair of files, or of one TSV file; labels are its third column, or a file.

    Files of different length, rows of another number of columns and empty files are a CorpusError.
    """
    names = [*files, *([domains] if domains else [])]
    count = 0
    rows = _rows_of_table(files[0]) if len(files) == 1 else _rows_in_step(files)
    if domains:
        rows = _labelled(rows, files[0], domains)
    for count, row in enumerate(rows, 1):  # noqa: B007 - the last count is used
        yield Pair(*row)
    if count == 0:
        raise CorpusError(f"parallel text has at least one pair; {' and '.join(map(str, names))} have none")


def _rows_in_step(files: Sequence[Path]) -> Iterator[tuple[str, ...]]:
    """Yield the lines of files side by side, and refuse files of different length."""
    readers = [lines(path) for path in files]
    for number, row in enumerate(zip_longest(*readers, fillvalue=_END)):
        if any(line is _END for line in row):
            ends = zip(row, readers, strict=True)
            lengths = [number + (line is not _END) + sum(1 for _ in reader) for line, reader in ends]
            told = ", ".join(f"{path} has {length}" for path, length in zip(files, lengths, strict=True))
            raise CorpusError(
                f"parallel files have the same number of lines; {told}; pair them again: from the first line "
                "that is missing on, every pair is wrong"
            )
        yield tuple(str(line) for line in row)


def _rows_of_table(path: Path) -> Iterator[tuple[str, ...]]:
    """Yield the columns of a TSV file, and refuse rows that have another number than the first one."""
    columns = 0
    for number, line in enumerate(lines(path), 1):
        row = tuple(line.split("\t"))
        columns = columns or len(row)
        if not 2 <= len(row) <= 3 or len(row) != columns:
            raise CorpusError(
                "each line has a source and a target, and a domain in all lines or none, with a tab between "
                f"them; line {number} of {path} has {len(row)} columns; is it a table of another number of "
                "languages?"
            )
        yield row


def _labelled(rows: Iterator[tuple[str, ...]], file: Path, domains: Path) -> Iterator[tuple[str, ...]]:
    """Add the labels of a file to pairs."""
    labels = lines(domains)
    count = 0
    for count, row in enumerate(rows, 1):
        label = next(labels, None)
        if label is None:
            raise CorpusError(
                f"there is a label for each pair; {domains} has {count - 1}, {file} has more lines; pair "
                "them again"
            )
        yield (*row[:2], label.strip())
    if (more := sum(1 for _ in labels)) > 0:
        raise CorpusError(
            f"there is a label for each pair; {domains} has {count + more}, {file} has {count} lines"
        )
