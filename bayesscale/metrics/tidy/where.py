"""Rows that the user wants: conditions such as `model=r50|r101` and `finetune_tokens>=31M`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence

import pandas as pd

from bayesscale.errors import UsageError, valid_names
from bayesscale.metrics.tidy.numbers import decimal_marks, is_text, to_numbers, without_placeholders

_CONDITION = re.compile(r"\s*(.+?)\s*(!=|>=|<=|==|=|<|>)\s*(.*?)\s*", re.DOTALL)
_ORDERS: dict[str, Callable[[pd.Series, float], pd.Series]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


def select_rows(cells: pd.DataFrame, where: Sequence[str], decimal: str | None = None) -> pd.DataFrame:
    """Return the rows that meet every condition; UsageError for one that cannot be read or leaves no row.

    A condition is `column=value`, with `!=`, `>=`, `<=`, `>` or `<` for `=`. Several values are separated by
    `|`; with nothing after the sign, empty cells are meant. A column of numbers is compared as numbers, by
    the decimal mark that is given or that the file shows; its cells that are empty or `nan` are one.
    """
    has_comma = (
        where and decimal is None and decimal_marks(c for name in cells for c in cells[name].unique())[0]
    )
    for condition in where:
        kept = cells[_holds(cells, condition, decimal or ("," if has_comma else ""))]
        if kept.empty:
            raise UsageError(
                f"--where must leave at least one row; received {condition!r}{_values(cells, condition)}"
            )
        cells = kept
    return cells


def condition_column(condition: str) -> str:
    """Return the column of a condition; nothing where it cannot be read."""
    match = _CONDITION.fullmatch(condition)
    return match.group(1) if match else ""


def _parse(condition: str, cells: pd.DataFrame) -> tuple[str, str, list[str]]:
    """Return column, operator and values of a condition."""
    match = _CONDITION.fullmatch(condition)
    if not match:
        raise UsageError(
            f"--where is column=value, with = != >= <= > or <; received {condition!r}; "
            f"write for instance --where 'model=r50|r101'"
        )
    column, sign, values = match.groups()
    if column not in cells.columns:
        raise UsageError(
            f"--where needs a column of the file; received {column!r}; {valid_names(column, cells.columns)}"
        )
    # A value may have a bar itself.
    whole = cells[column].eq(values).any()
    return column, sign, [values] if whole else [value.strip() for value in values.split("|")]


def _holds(cells: pd.DataFrame, condition: str, decimal: str) -> pd.Series:
    """Return where a condition is met; a column with decimal points has no decimal commas."""
    column, sign, values = _parse(condition, cells)
    texts = without_placeholders(cells[column])
    decimal = "" if decimal == "," and decimal_marks(texts.unique())[1] else decimal
    numbers = to_numbers(texts, sizes=True, decimal=decimal)
    numeric = bool(numbers.notna().any() and not is_text(texts, numbers).any())
    if sign in _ORDERS:
        compare = _ORDERS[sign]
        return compare(numbers, _bound(condition, values, numeric))
    equal = _is_one_of(texts, numbers, values) if numeric else cells[column].isin(values)
    return ~equal if sign == "!=" else equal


def _bound(condition: str, values: list[str], numeric: bool) -> float:
    """Return the number on the right of an order; refuse anything else."""
    bound = to_numbers(pd.Series(values, dtype=object), sizes=True)
    if not numeric or len(bound) != 1 or bound.isna().any():
        raise UsageError(
            f"--where with > < >= or <= needs a column of numbers and one number; received {condition!r}; "
            f"use = with a list of values for text"
        )
    return float(bound.iloc[0])


def _is_one_of(texts: pd.Series, numbers: pd.Series, values: list[str]) -> pd.Series:
    """Return where a column of numbers has one of the values, or is empty if an empty value is among them."""
    wanted = to_numbers(pd.Series(values, dtype=object), sizes=True).dropna()
    empty = not {"", "nan"}.isdisjoint(value.lower() for value in values)
    return numbers.isin(wanted) | (texts.eq("") & empty)


def _values(cells: pd.DataFrame, condition: str) -> str:
    """Return the end of a message: some values that the column has in the rows that are left."""
    column, _, _ = _parse(condition, cells)
    values = sorted(cells[column].unique())
    more = f" and {len(values) - 10} more" if len(values) > 10 else ""
    return f"; column {column!r} has {', '.join(map(repr, values[:10]))}{more}"
