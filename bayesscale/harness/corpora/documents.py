"""Read monolingual documents: text, JSON lines or Parquet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from bayesscale.errors import CorpusError, valid_names
from bayesscale.harness.corpora.files import kind, lines
from bayesscale.harness.study.data import CorpusConfig

_JSON = {".jsonl", ".ndjson", ".json"}


def documents(config: CorpusConfig, folder: Path) -> Iterator[str]:
    """Yield the documents of a corpus, as they are.

    A file that is missing, empty, damaged or binary, or has no such field, is a CorpusError.
    """
    return islice(_every_document(config, folder), config.documents)


def _every_document(config: CorpusConfig, folder: Path) -> Iterator[str]:
    """Yield all documents, file by file."""
    for name in config.files:
        path, count = folder / name, 0
        for count, document in enumerate(_of_file(path, config), 1):  # noqa: B007 - the last count is used
            yield document
        if count == 0:
            raise CorpusError(f"a corpus has text; {path} is empty; remove it from the study, or fill it")


def _of_file(path: Path, config: CorpusConfig) -> Iterator[str]:
    """Yield the documents of one file."""
    suffix = kind(path)
    if config.format == "jsonl" or (config.format == "auto" and suffix in _JSON):
        return _of_json_lines(path, config.field)
    if config.format == "parquet" or (config.format == "auto" and suffix == ".parquet"):
        return _of_parquet(path, config.field)
    return lines(path)


def _of_json_lines(path: Path, field: str) -> Iterator[str]:
    """Yield a field of each JSON line; empty lines are passed over."""
    for number, line in enumerate(lines(path), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise CorpusError(
                f"each line is a JSON object; line {number} of {path} is not ({error}); mend it, or set "
                "format"
            ) from error
        yield _text(record, field, f"line {number} of {path}")


def _text(record: Any, field: str, where: str) -> str:
    """Return the text in a field of a record."""
    if not isinstance(record, dict) or field not in record:
        have = valid_names(field, record) if isinstance(record, dict) and record else "it is no JSON object"
        raise CorpusError(f"each document has the field {field!r}; {where} does not; {have}; set field")
    if not isinstance(record[field], str):
        kind_of = type(record[field]).__name__
        raise CorpusError(f"the field {field!r} is text; in {where} it is {kind_of}; set another field")
    return str(record[field])


def _of_parquet(path: Path, field: str) -> Iterator[str]:
    """Yield a column of a Parquet file, row group by row group."""
    from pyarrow import ArrowException, parquet

    if not path.is_file():
        raise CorpusError(f"a corpus exists; there is no file {path}; correct the path in the study")
    try:
        table = parquet.ParquetFile(path)
        names = table.schema_arrow.names
        if field not in names:
            raise CorpusError(
                f"each document has the column {field!r}; {path} has not; {valid_names(field, names)}"
            )
        for batch in table.iter_batches(columns=[field]):
            for number, value in enumerate(batch.column(0).to_pylist(), 1):
                if value is not None:
                    yield _text({field: value}, field, f"row {number} of a group of {path}")
    except (OSError, ArrowException) as error:
        raise CorpusError(f"{path} is not a Parquet file that can be read: {error}") from error
