"""JSON objects as records, and the rows that lie in lists within them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bayesscale.metrics.names.columns import meaning
from bayesscale.metrics.names.scores import score_name
from bayesscale.metrics.sources.records import json_text

Record = dict[str, str]
Json = dict[str, Any]
_ALONG = ("tokens", "examples", "steps", "epochs", "finetune")


def rows_within(record: Json) -> list[Record]:
    """Return the rows in the only list of objects of a record, or in lists that are columns; else the record.

    What the record says besides stands in each of its rows.
    """
    keys, rows = _inner(record)
    if not rows or not _lie_within(rows, record):
        return [flat(record)]
    rest = flat({key: value for key, value in record.items() if key not in keys})
    about = {name: text for name, text in rest.items() if not _is_score(name)}
    return beside(about, [found for row in rows for found in rows_within(row)])


def beside(about: Mapping[str, str], rows: Iterable[Record]) -> list[Record]:
    """Return rows with what is said of all of them; a name that they have as well is `outer.NAME`."""
    found = list(rows)
    names = set().union(*found)
    more = {f"outer.{name}" if name in names else name: text for name, text in about.items()}
    return [{**more, **row} for row in found]


def said_of_all(document: Json, key: str) -> Record:
    """Return what a document says of all rows in its member `key`: known names that are no scores."""
    texts = flat({name: value for name, value in document.items() if name != key})
    return {k: t for k, t in texts.items() if meaning(k) not in ("", "score", "passes") and not score_name(k)}


def _inner(record: Json) -> tuple[list[str], list[Json]]:
    """Return the members of a record that are rows, and the rows.

    They are the only list of objects, lists as columns, or the only object that has lists as columns.
    """
    lists = [key for key, value in record.items() if is_records(value)]
    if len(lists) == 1:
        return lists, record[lists[0]]
    columns = {key: value for key, value in record.items() if isinstance(value, list)}
    if len(columns) > 1:
        return [*columns], of_columns(columns)
    objects = [key for key, value in record.items() if isinstance(value, dict) and has_list(value)]
    return objects, of_columns(record[objects[0]]) if len(objects) == 1 else []


def _lie_within(rows: list[Json], record: Json) -> bool:
    """Return whether rows are what a record is about: it has no score, and they have, or it has no number."""
    if has_score(record):
        return False
    names = {name for row in rows for name in row}
    known = any(_is_score(name) or meaning(name) in _ALONG for name in names)
    deeper = any(isinstance(value, list) for row in rows for value in row.values())
    return known or deeper or not any(map(is_number, record.values()))


def has_score(record: Json) -> bool:
    """Return whether a record has a score outside lists."""
    return any(_is_score(name) and is_number(text) for name, text in leaves(record, ""))


def _is_score(name: str) -> bool:
    """Return whether a name is that of a score, and not of its spread or the best so far."""
    found = score_name(name)
    return found is not None and found.beside is None


def of_columns(document: Any) -> list[Json]:
    """Return the rows of an object whose members are lists of one length; none for any other."""
    columns = list(document.values()) if isinstance(document, dict) else []
    if not columns or not all(isinstance(c, list) and len(c) == len(columns[0]) for c in columns):
        return []
    return [dict(zip(document, row, strict=True)) for row in zip(*columns, strict=True)]


def has_list(value: Any) -> bool:
    """Return whether a JSON value is a list or has one within."""
    return isinstance(value, list) or (isinstance(value, dict) and any(map(has_list, value.values())))


def is_records(value: Any) -> bool:
    """Return whether a value is a list of objects."""
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def is_number(value: Any) -> bool:
    """Return whether a member is a number; the decoder leaves numbers as text."""
    try:
        return isinstance(value, str) and float(value) == float(value)
    except ValueError:
        return False


def flat(record: Mapping[str, Any]) -> Record:
    """Return an object's members as text, nested ones under names with a dot; lists are left out."""
    return dict(leaves(record, ""))


def leaves(record: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    """Yield the names and texts of all members that have none themselves."""
    for key, value in record.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key.strip()}.")
        elif not isinstance(value, list):
            yield f"{prefix}{key.strip()}", json_text(value)
