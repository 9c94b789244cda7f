"""From the cells of a file to a draft: which columns define a curve, and cells as numbers and labels."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bayesscale.errors import UsageError, valid_names
from bayesscale.metrics.baseline import NO_MIXTURE
from bayesscale.metrics.catalogue import find_metric
from bayesscale.metrics.draft import Draft
from bayesscale.metrics.names import COLUMNS, SIZES, NamedCells
from bayesscale.metrics.numbers import to_numbers, without_placeholders
from bayesscale.metrics.wide import to_long

_WITH_SUFFIX = (*SIZES, "model_params")
_NUMBERS = (*_WITH_SUFFIX, "value", "se", "alignment")
_OF_A_SCORE = ("metric", "value", "se")
_MAY_BE_EMPTY = ("run", "seed", "signature")
# Columns of the frame and the draft that are not the file's.
_RESERVED = ("line", "value_column", "se_column")


def make_draft(
    named: NamedCells, axis: str, curve: Sequence[str] | None, unit: str
) -> tuple[Draft, tuple[str, ...]]:
    """Return the draft of a table whose header is right, and notes on columns that are not read.

    Parameters
    ----------
    named : NamedCells
        Text cells under their new names.
    axis : str
        The size along a curve.
    curve : sequence of str or None
        Columns that define a curve; None for task, mixture, the other size, and the model size if it varies.
    unit : str
        What the index of the cells counts.
    """
    chosen = _chosen_curve(named, axis, curve)
    text, notes = to_long(named, _columns_to_keep(named, axis, chosen))
    numbers = [name for name in text.columns if name in _NUMBERS or str(name).startswith("share_")]
    text[numbers] = text[numbers].apply(without_placeholders)
    data = _typed(text, numbers, chosen)
    _fill_labels(text, data)
    return Draft(text, data, axis, chosen or _default_curve(data, axis), named, unit), notes


def _chosen_curve(named: NamedCells, axis: str, curve: Sequence[str] | None) -> tuple[str, ...]:
    """Return the columns that the user chose, none if he left it to us; refuse what cannot define a curve."""
    if curve is None:
        return ()
    possible = set(named.cells.columns) - {axis, *_OF_A_SCORE, *_RESERVED}
    possible |= {"task", "mixture"}
    for name in curve:
        if name not in possible:
            raise UsageError(
                f"--curve needs columns of the file other than the size on the axis and the score; "
                f"received {name!r}; {valid_names(name, possible)}"
            )
    if not curve:
        raise UsageError(
            "--curve needs at least one column, for instance --curve task,mixture; received none"
        )
    return tuple(dict.fromkeys(curve))


def _columns_to_keep(named: NamedCells, axis: str, curve: tuple[str, ...]) -> list[str]:
    """Return the columns that say what a score is of; known ones only if they have any content."""
    known = [name for name in named.free if name in COLUMNS or name.startswith("share_")]
    filled = [name for name in known if name == axis or named.cells[name].ne("").any()]
    of_file = [name for name in curve if name in named.cells]
    return [name for name in dict.fromkeys([*of_file, *filled]) if name not in _OF_A_SCORE]


def _typed(text: pd.DataFrame, numbers: list[str], curve: tuple[str, ...]) -> pd.DataFrame:
    """Return text cells as numbers and labels; None for a label that may not be empty."""
    data = text.drop(columns=["value_column", "se_column"])
    for name in data.columns.drop("line"):
        if name in numbers:
            data[name] = to_numbers(text[name], sizes=name in _WITH_SUFFIX)
        elif name == "metric":
            canonical = {cell: spec.name for cell in text[name].unique() if (spec := find_metric(cell))}
            data[name] = text[name].map(lambda cell, names=canonical: names.get(cell, cell or None))
        elif name in curve or name not in _MAY_BE_EMPTY:
            data[name] = text[name].map(lambda cell: cell or None).astype(object)
    return data


def _fill_labels(text: pd.DataFrame, data: pd.DataFrame) -> None:
    """Give rows the task and mixture that the file need not have."""
    without_mixture = data["mixture"].isna() if "mixture" in data else pd.Series(True, index=data.index)
    for label in ("task", "mixture"):
        if label not in data:
            text[label] = data[label] = "all"
    if "pretrain_tokens" in data:
        data.loc[without_mixture & data["pretrain_tokens"].eq(0), "mixture"] = NO_MIXTURE


def _default_curve(data: pd.DataFrame, axis: str) -> tuple[str, ...]:
    """Return task, mixture, the other size where there is one, and the model size where it varies."""
    curve = ["task", "mixture", *(size for size in SIZES if size != axis and size in data)]
    if "model_params" in data and data["model_params"].nunique() > 1:
        curve.append("model_params")
    return tuple(curve)
