"""Rules that each cell of a metrics table must keep, as a pandera schema."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pandera.pandas as pa

from bayesscale.errors import valid_names
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.names import SIZES
from bayesscale.metrics.problems import RULES, Problem
from bayesscale.metrics.tidy.draft import Draft
from bayesscale.metrics.tidy.numbers import is_text

_MAY_BE_EMPTY = ("se", "alignment", "run", "seed", "signature")
_LIMITS = {
    "pretrain_tokens": pa.Check.ge(0, error="size-not-negative"),
    "finetune_tokens": pa.Check.gt(0, error="size-positive"),
    "model_params": pa.Check.gt(0, error="size-positive"),
    "se": pa.Check.gt(0, error="se-positive"),
    "alignment": pa.Check.in_range(0, 2, error="alignment-in-range"),
}
_SHARE = pa.Check.in_range(0, 1, error="share-in-range")
_FINITE = pa.Check(np.isfinite, error="finite")
_KNOWN = pa.Check.isin(CATALOGUE, error="known-metric")
_HINTS = {
    "finite": "leave the row out if the run failed or was not scored",
    "size-not-negative": "write the number of tokens; 0 stands for the model that was not pretrained",
    "size-positive": "write a size above 0, or leave these rows out with --where '{column}>0'",
    "se-positive": "leave the cell empty if the standard error is not known",
    "alignment-in-range": "see the score in arXiv 2402.04177; leave the cell empty if it is not known",
    "share-in-range": "a share is a fraction; divide percentages by 100",
}


def cell_problems(draft: Draft) -> tuple[list[Problem], pd.DataFrame]:
    """Return every violation by a single cell, and the cells in columns `index`, `column` and `rule`."""
    try:
        _schema(draft).validate(draft.data, lazy=True)
    except pa.errors.SchemaErrors as errors:
        cells = _one_rule_a_cell(draft, errors.failure_cases)
    else:
        return [], pd.DataFrame({"index": [], "column": [], "rule": []})
    problems = [
        draft.problem(row, column, rule, cell_hint(draft, row, column, rule))
        for row, column, rule in cells.itertuples(index=False)
    ]
    return problems, cells


def _schema(draft: Draft) -> pa.DataFrameSchema:
    """Return the schema of the columns that this table has."""
    columns = {
        name: pa.Column(checks=_checks(draft, str(name)), nullable=_may_be_empty(draft, str(name)))
        for name in draft.data.columns
    }
    return pa.DataFrameSchema(columns)


def _may_be_empty(draft: Draft, column: str) -> bool:
    """Return whether cells of a column may be empty."""
    return column not in draft.curve and column.startswith((*_MAY_BE_EMPTY, "share_"))


def _checks(draft: Draft, column: str) -> list[pa.Check]:
    """Return what a cell of a column must keep when it is not empty."""
    if column == "metric":
        return [_KNOWN]
    if not pd.api.types.is_float_dtype(draft.data[column]):
        return []
    text = draft.text[column]
    number = pa.Check(lambda numbers: ~is_text(text, numbers), error="number", ignore_na=False)
    if column == "value":
        return [number, _FINITE, _range(draft.data["metric"])]
    return [number, _FINITE, _SHARE if column.startswith("share_") else _LIMITS[column]]


def _range(metrics: pd.Series) -> pa.Check:
    """Return the check of values against the ranges of their metrics."""
    low = metrics.map({name: spec.low for name, spec in CATALOGUE.items()}).fillna(-np.inf)
    high = metrics.map({name: spec.high for name, spec in CATALOGUE.items()}).fillna(np.inf)
    return pa.Check(
        lambda values: values.between(low[values.index], high[values.index]), error="value-in-range"
    )


def _one_rule_a_cell(draft: Draft, cases: pd.DataFrame) -> pd.DataFrame:
    """Return the cells that break rules, each with the first rule in the order of `RULES`."""
    rules = cases["check"].mask(cases["check"].eq("not_nullable"), "not-missing")
    cells = pd.DataFrame({"index": cases["index"], "column": cases["column"], "rule": rules})
    empty = [draft.text.at[row, column] == "" for row, column, _ in cells.itertuples(index=False)]
    text_is_nan = cells["rule"].eq("not-missing") & ~pd.Series(empty, index=cells.index, dtype=bool)
    # pandas sees nan as missing, people see it as the score of a run that diverged.
    cells["rule"] = cells["rule"].mask(text_is_nan, "finite")
    order = cells["rule"].map({rule: position for position, rule in enumerate(RULES)})
    # A cell that is no number is missing as well; the rule that says more comes first.
    order = order.mask(cells["rule"].eq("number"), -1)
    return (
        cells.assign(order=order)
        .sort_values("order")
        .drop_duplicates(["index", "column"])[["index", "column", "rule"]]
    )


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
