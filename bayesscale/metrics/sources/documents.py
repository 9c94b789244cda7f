"""One JSON document as cells: what evaluation harnesses and trainers write, and tables of other shapes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

import pandas as pd

from bayesscale.metrics.names.columns import meaning
from bayesscale.metrics.options import option
from bayesscale.metrics.problems import MetricsError, Problem
from bayesscale.metrics.sources.cells import TextTable
from bayesscale.metrics.sources.nested import (
    Record,
    beside,
    flat,
    has_list,
    has_score,
    is_number,
    is_records,
    leaves,
    of_columns,
    rows_within,
    said_of_all,
)
from bayesscale.metrics.sources.records import has_quoted_numbers, json_text, unique_members

_SIZE = re.compile(
    r"(?:(?:global_)?(?:step|checkpoint|ckpt|iter|update)s?[-_= ]?)?\d[\d.]*(?:e\+?\d+)?[kmbgt]?",
    re.IGNORECASE,
)
_LONGEST = 12


def read_document(text: str, name: str) -> TextTable | None:
    """Return the cells of one JSON document; None where the text is none, but perhaps one a line.

    MetricsError where it has no rows that could be scores.
    """
    try:
        document = json.loads(
            text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=unique_members
        )
        one_line = "\n" not in text.strip() and isinstance(document, dict) and _is_flat(document)
        if one_line and not _sacrebleu(document):
            return None  # one row of JSONL, which looks the same
        for read in _SHAPES:
            if found := read(document):
                records, note, made_up = found
                return _table(records, name, note, made_up, typed=not has_quoted_numbers(text))
    except RecursionError:
        return None if "\n" not in text.strip() else _refuse(name, "the document is nested too deeply")
    except json.JSONDecodeError as error:
        if text.split(maxsplit=1)[0] not in ("{", "[") and text.lstrip()[0] != "[":
            return None
        what = f"this is one JSON document that is broken ({error.msg} at character {error.colno})"
        return _refuse(name, what, error.lineno)
    except ValueError as error:  # also half a surrogate pair
        if "\n" not in text.strip():
            return None
        reason = "it holds half a surrogate pair" if isinstance(error, UnicodeError) else str(error)
        return _refuse(name, f"this is one JSON document; {reason}")
    return _refuse(name, _what_it_is(document))


def _refuse(name: str, what: str, line: int | None = None) -> NoReturn:
    """Raise the problem of a document without rows of scores."""
    hint = (
        f"{what}; write one JSON object a line with the size and the scores, for instance in Python: "
        "print(json.dumps({'pretrain_tokens': tokens, **scores}), file=file)"
    )
    raise MetricsError(name, [Problem(line, None, "format", None, hint)])


def _what_it_is(document: Any) -> str:
    """Return which keys a document has."""
    if not isinstance(document, dict):
        return "this is one JSON document without objects in it"
    keys = ", ".join(list(document)[:_LONGEST]) or "none"
    return f"this is one JSON document, not a table; its keys: {keys}"


def _table(
    records: Iterable[Record], name: str, note: str, made_up: tuple[str, ...], *, typed: bool
) -> TextTable:
    """Return records as cells; the index counts them."""
    cells = pd.DataFrame(list(records), dtype=object).fillna("").astype(object)
    cells.index = pd.RangeIndex(1, len(cells) + 1)
    notes = (note,) if note else ()
    return TextTable(name, cells, "record", notes=notes, typed=typed, made_up=made_up)


Found = tuple[list[Record], str, tuple[str, ...]] | None


def _harness_results(document: Any) -> Found:
    """Return a row for each task and filter of results of the lm-evaluation-harness, 0.3 and 0.4."""
    results = document.get("results") if isinstance(document, dict) else None
    if not (isinstance(results, dict) and results and all(isinstance(v, dict) for v in results.values())):
        return None
    if not any(is_number(value) for scores in results.values() for value in scores.values()):
        return None
    about = {key: text for key, text in leaves(document.get("config") or {}, "config.") if meaning(key)}
    about |= {key: json_text(document[key]) for key in ("model_name",) if key in document}
    about = {key: text for key, text in about.items() if "batch" not in key}  # which changes no score
    if limit := json_text((document.get("config") or {}).get("limit")):
        about["config.limit"] = limit
    shots, shots_of = about.pop("config.num_fewshot", ""), document.get("n-shot") or {}
    records = []
    for task, scores in results.items():
        own = {**about, "num_fewshot": json_text(shots_of.get(task)) or shots}
        rows: dict[str, Record] = {}
        for key, value in scores.items():
            metric, _, kind = key.partition(",")
            if key != "alias" and not isinstance(value, dict | list):
                rows.setdefault("" if kind == "none" else kind, {})[metric.strip()] = json_text(value)
        records += [{**own, "task": task.strip(), "filter": kind, **row} for kind, row in rows.items()]
    note = (
        "results of the lm-evaluation-harness: task, metrics and standard errors were taken; the results do "
        "not say at which size or of which mixture they are"
    )
    groups = [
        name for name, parts in (document.get("group_subtasks") or {}).items() if name in results and parts
    ]
    if groups:
        leave = option("where", f"task!={'|'.join(groups)}")
        note += f"; {', '.join(groups)} are means of other tasks, which count twice: {leave}"
    records = _without_empty(_without_empty(records, "filter"), "num_fewshot")
    return records, note, ("filter", "num_fewshot", *about)


def _trainer_state(document: Any) -> Found:
    """Return a row for each entry in the history of a Hugging Face Trainer."""
    history = document.get("log_history") if isinstance(document, dict) else None
    if not (isinstance(history, list) and history and all(isinstance(row, dict) for row in history)):
        return None
    records = [flat(row) for row in history if "train_runtime" not in row]
    note = (
        "log_history of a trainer_state.json: step and scores were taken; it does not say how many tokens a "
        "step has, nor the task or mixture"
    )
    return records, note, ()


def _sacrebleu(document: Any) -> Found:
    """Return one row of the metrics that `sacrebleu -f json` writes, one object or a list of them."""
    scores = document if isinstance(document, list) else [document]
    if not scores or not all(
        isinstance(s, dict) and {"name", "score", "signature"} <= set(s) for s in scores
    ):
        return None
    record: Record = {}
    for score in scores:
        metric = json_text(score["name"])
        record[metric] = json_text(score["score"])
        record[f"{metric}_signature"] = json_text(score["signature"])
        if is_number(score.get("confidence")):
            record[f"{metric}_ci95"] = json_text(score["confidence"])
    note = (
        "scores of sacreBLEU with their signatures; they do not say at which size, of which task or mixture"
    )
    return [record], note, ()


def _records(document: Any) -> Found:
    """Return the rows of a list of objects, at the top or in the only member that is such a list."""
    if is_records(document):
        return [row for record in document for row in rows_within(record)], "", ()
    lists = (
        [key for key, value in document.items() if is_records(value)] if isinstance(document, dict) else []
    )
    return _of_member(document, lists[0], _records(document[lists[0]])) if len(lists) == 1 else None


def _within(document: Any) -> Found:
    """Return the rows of the only member that is an object, which has lists."""
    objects = [k for k, v in document.items() if isinstance(v, dict)] if isinstance(document, dict) else []
    if len(objects) != 1 or has_score(document) or not has_list(document[objects[0]]):
        return None
    found = (read(document[objects[0]]) for read in (_trainer_state, _records, _columns, _groups, _within))
    return _of_member(document, objects[0], next(filter(None, found), None))


def _of_member(document: Any, key: str, found: Found) -> Found:
    """Return the rows of a member, with what the document says of all of them."""
    if found is None:
        return None
    records, note, made_up = found
    about = said_of_all(document, key)
    return beside(about, records), note or f"rows from {key!r} of one JSON document", (*made_up, *about)


def _columns(document: Any) -> Found:
    """Return the rows of a document that holds columns, as pandas writes it."""
    if not isinstance(document, dict) or not document:
        return None
    if isinstance(document.get("columns"), list) and isinstance(document.get("data"), list):
        names = [json_text(name) for name in document["columns"]]
        if not all(isinstance(row, list) and len(row) == len(names) for row in document["data"]):
            return None
        rows = [dict(zip(names, map(json_text, row), strict=True)) for row in document["data"]]
        return (rows, "", ()) if rows else None
    columns = list(document.values())
    if any(map(is_records, columns)):
        return None
    if rows := of_columns(document):
        return list(map(flat, rows)), "", ()
    same = all(isinstance(c, dict) and list(c) == list(columns[0]) for c in columns)
    if same and columns[0] and [*columns[0]] == [str(n) for n in range(len(columns[0]))]:
        return [flat({key: c[row] for key, c in document.items()}) for row in columns[0]], "", ()
    return None


def _groups(document: Any) -> Found:
    """Return the rows of named lists of objects or columns, or of named objects with a number in common."""
    if not isinstance(document, dict) or len(document) < 2:
        return None
    if all(map(is_records, document.values())):
        lists = document
    elif all(parts := [of_columns(value) for value in document.values()]):
        lists = dict(zip(document, parts, strict=True))
    elif all(isinstance(v, dict) and (_is_flat(v) or len(rows_within(v)) > 1) for v in document.values()):
        lists = {name: rows_within(row) for name, row in document.items()}
    else:
        return None
    rows = [row for found in lists.values() for row in found]
    common = set.intersection(*map(set, rows))
    if not any(is_number(row[name]) for row in rows for name in common):
        return None
    column = "size" if all(map(_SIZE.fullmatch, document)) else "run"
    if [*document] == [str(number) for number in range(len(document))]:
        return list(map(flat, rows)), "", ()
    if any(column in row for row in rows):
        return None
    note = f"the names of {len(document):,} parts of one JSON document are the column {column!r}"
    made_up = () if column == "size" else (column,)
    return [flat({column: name, **row}) for name, found in lists.items() for row in found], note, made_up


def _one_row(document: Any) -> Found:
    """Return the one row that a flat object is, such as all_results.json."""
    if not isinstance(document, dict) or not any(is_number(value) for value in document.values()):
        return None
    return [flat(document)], "one JSON object was taken for one row", ()


_SHAPES: tuple[Callable[[Any], Found], ...] = (
    _harness_results, _trainer_state, _sacrebleu, _records, _columns, _groups, _within, _one_row,
)  # fmt: skip


def _is_flat(document: Mapping[str, Any]) -> bool:
    """Return whether no member of an object has members itself."""
    return not any(isinstance(value, dict | list) for value in document.values())


def _without_empty(records: list[Record], column: str) -> list[Record]:
    """Return records without a column that is empty everywhere; elsewhere, what is empty is `none`."""
    if any(record[column] for record in records):
        return [{**record, column: record[column] or "none"} for record in records]
    return [{key: value for key, value in record.items() if key != column} for record in records]
