"""What to do about a cell that breaks a rule."""

from __future__ import annotations

import re

from bayesscale.errors import valid_names
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.draft import Draft
from bayesscale.metrics.names import SIZES

_HINTS = {
    "finite": "leave the row out if the run failed or was not scored",
    "size-not-negative": "write the number of tokens; 0 stands for the model that was not pretrained",
    "size-positive": "write a size above 0, or leave these rows out with --where '{column}>0'",
    "se-positive": "leave the cell empty if the standard error is not known",
    "alignment-in-range": "see the score in arXiv 2402.04177; leave the cell empty if it is not known",
    "share-in-range": "a share is a fraction; divide percentages by 100",
}


def cell_hint(draft: Draft, row: int, column: str, rule: str) -> str:
    """Return the remedy for one cell.

    Parameters
    ----------
    draft : Draft
        The table.
    row, column : int, str
        The cell.
    rule : str
        The rule it breaks, a key of `RULES`.
    """
    text = str(draft.text.at[row, column])
    if rule == "not-missing":
        return _missing_hint(draft, column)
    if rule == "number":
        return _number_hint(text, column)
    if rule == "known-metric":
        return f"use a metric of the catalogue; {valid_names(text, CATALOGUE)}"
    if rule == "value-in-range":
        return _range_hint(str(draft.data.at[row, "metric"]), draft.data["value"][row])
    if rule == "finite" and column not in (*SIZES, "value"):
        return "leave the cell empty if the number is not known"
    return _HINTS[rule].format(column=draft.named.in_file(column))


def _missing_hint(draft: Draft, column: str) -> str:
    """Return the remedy for an empty cell."""
    if column == "pretrain_tokens":
        return "write the number of tokens; 0 stands for the model that was not pretrained"
    if column == "mixture" and draft.axis == "pretrain_tokens":
        return "name the mixture; only the baseline (pretrain_tokens 0) goes without"
    if column == "value":
        return "write the score, or leave the row out"
    return "fill the cell, or leave the row out"


def _number_hint(text: str, column: str) -> str:
    """Return the remedy for a cell that holds text where a number belongs."""
    if re.fullmatch(r"[+-]?\d+,\d+([eE][+-]?\d+)?\s*[kKmMbBgGtT]?", text):
        return "write a decimal point instead of the comma"
    if text.endswith("%"):
        return "write the number without the sign %, on the metric's own scale"
    if column in (*SIZES, "model_params"):
        return "write a number such as 31000000, 31M, 1.5B or 3e9"
    return "write a number such as 27.3; leave units and remarks to other columns"


def _range_hint(metric: str, value: float) -> str:
    """Return the remedy for a value outside the range of its metric."""
    spec = CATALOGUE[metric]
    hint = f"{metric} ({spec.unit}) lies within {spec.low:g} and {spec.high:g}"
    if spec.high == 1 and 1 < value <= 100:
        hint += "; divide by 100 if these are percentages"
    return hint
