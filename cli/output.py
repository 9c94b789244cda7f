"""Answers on stdout: a table for people, or one JSON document or CSV table for programs."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bayesscale.tables import WIDTH, table_text
from bayesscale.text import printable

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Answer:
    """What a command has to say: numbers, for the table and for `--csv`, sentences above and notes below.

    The document is the same for `--json`; it may hold NumPy numbers, and NaN for what is not known (null in
    JSON). `sizes` are columns besides the usual ones whose numbers are written as 130B. A list of texts is
    printed as wide as it is, whereas the names in a table of numbers are cut where it is too wide.
    """

    frame: pd.DataFrame
    document: Mapping[str, Any]
    sentences: Sequence[str] = ()
    sizes: Sequence[str] = ()
    texts: bool = False
    notes: Sequence[str] = ()


def print_answer(answer: Answer, *, as_json: bool = False, as_csv: bool = False) -> None:
    """Write an answer to stdout; numbers are rounded only in the table for people."""
    if as_json:
        print(json.dumps(_plain_values(answer.document), indent=2, allow_nan=False))
    elif as_csv:
        sys.stdout.write(answer.frame.to_csv(index=False, lineterminator="\n"))
    else:
        for sentence in answer.sentences:
            print(printable(sentence))
        if not answer.frame.empty:
            print(table_text(answer.frame, sizes=answer.sizes, width=None if answer.texts else WIDTH))
        for note in answer.notes:
            print(f"\nnote: {printable(note)}")


def _plain_values(value: Any) -> Any:
    """Return a value that JSON has: no NumPy types, null for numbers that are not finite."""
    if isinstance(value, Mapping):
        return {str(key): _plain_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_values(item) for item in value]
    if hasattr(value, "tolist"):  # NumPy scalars and arrays
        return _plain_values(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
