"""Text cells as numbers."""

from __future__ import annotations

import pandas as pd

from bayesscale.errors import UsageError
from bayesscale.units import parse_tokens

_MISSING = {"", "na", "n/a", "null", "none"}


def without_placeholders(cells: pd.Series) -> pd.Series:
    """Return cells of a number column, empty where they hold a placeholder such as `NA` or `null`."""
    return cells.mask(cells.str.lower().isin(_MISSING), "")


def to_numbers(cells: pd.Series, *, sizes: bool) -> pd.Series:
    """Return text cells as float64; NaN where a cell is empty, `nan` or no number.

    Parameters
    ----------
    cells : pandas.Series
        Text.
    sizes : bool
        Whether suffixes such as `6M` are read.
    """
    parse = _size if sizes else _number
    return cells.map({text: parse(text) for text in cells.unique()}).astype("float64")


def is_text(cells: pd.Series, numbers: pd.Series) -> pd.Series:
    """Return where a cell holds something that is no number, and not `nan` either."""
    return numbers.isna() & cells.ne("") & cells.str.lower().str.lstrip("+-").ne("nan")


def _number(text: str) -> float:
    """Return a number as Python reads it; negative zero is zero."""
    try:
        return float(text) + 0.0
    except ValueError:
        return float("nan")


def _size(text: str) -> float:
    """Return a size; negative and infinite ones are numbers too, to be judged by the schema."""
    sign = -1.0 if text.startswith("-") else 1.0
    try:
        return sign * parse_tokens(text.removeprefix("-")) + 0.0
    except UsageError:
        return _number(text)
