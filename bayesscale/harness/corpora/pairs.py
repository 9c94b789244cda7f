"""Read parallel text: a Moses pair of files, or a table with tabs; a label for each pair if there is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path

from bayesscale.errors import CorpusError
from bayesscale.harness.corpora.files import lines

_Row = tuple[str, ...]


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
    readers = [_rows_of_table(files[0])] if len(files) == 1 else [_rows(path) for path in files]
    if domains:
        readers.append(_rows(domains))
    count = 0
    for count, row in enumerate(_in_step(names, readers), 1):  # noqa: B007 - the last count is used
        yield Pair(row[0], row[1], row[-1].strip()) if domains else Pair(*row)
    if count == 0:
        raise CorpusError(f"parallel text has at least one pair; {' and '.join(map(str, names))} have none")


def _in_step(files: Sequence[Path], readers: Sequence[Iterator[_Row]]) -> Iterator[_Row]:
    """Yield the rows of files side by side, and refuse files of different length."""
    for number, rows in enumerate(zip_longest(*readers)):
        if None in rows:
            ends = zip(rows, readers, strict=True)
            lengths = [number + (row is not None) + sum(1 for _ in reader) for row, reader in ends]
            told = ", ".join(f"{path} has {length}" for path, length in zip(files, lengths, strict=True))
            raise CorpusError(
                f"parallel files have the same number of lines; {told}; pair them again: from the first line "
                "that is missing on, every pair is wrong"
            )
        yield tuple(chain.from_iterable(rows))


def _rows(path: Path) -> Iterator[_Row]:
    """Yield the lines of a file as rows of one column."""
    return ((line,) for line in lines(path))


def _rows_of_table(path: Path) -> Iterator[_Row]:
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
