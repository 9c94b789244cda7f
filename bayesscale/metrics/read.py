"""From a file of scores to a validated metrics table."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import pandas as pd

from bayesscale.errors import UsageError, valid_names
from bayesscale.metrics.names import SIZES
from bayesscale.metrics.problems import MetricsError, Problem
from bayesscale.metrics.rules.cells import cell_problems
from bayesscale.metrics.rules.rows import (
    alignment_problems,
    duplicate_problems,
    merge_baseline,
    scale_problems,
    share_problems,
    size_problems,
)
from bayesscale.metrics.rules.signatures import signature_problems
from bayesscale.metrics.sources.files import load_table
from bayesscale.metrics.table import Metrics, data_hash, tidy_frame
from bayesscale.metrics.tidy.draft import Draft, make_draft
from bayesscale.metrics.tidy.named import name_columns
from bayesscale.metrics.tidy.where import select_rows
from bayesscale.metrics.tidy.wide import missing_columns

_AS_IN_FILE: Mapping[str, str] = MappingProxyType({})


def read_metrics(
    source: str | os.PathLike[str] | pd.DataFrame,
    *,
    columns: Mapping[str, str] = _AS_IN_FILE,
    axis: str = "pretrain_tokens",
    curve: Sequence[str] | None = None,
    where: Sequence[str] = (),
) -> Metrics:
    """Read and validate a metrics table.

    Parameters
    ----------
    source : path or pandas.DataFrame
        A CSV, TSV, Parquet or JSONL file, or a data frame; long (columns `metric` and `value`) or wide (a
        column for each metric, with `bleu_se` beside `bleu`).
    columns : mapping, optional
        New name to the source's column. Several columns joined by `+` make one label joined by `-`:
        {'task': 'src+tgt'}.
    axis : str, optional
        The size along a curve: 'pretrain_tokens', or 'finetune_tokens' for curves in D_f.
    curve : sequence of str, optional
        Columns that define a curve, under their new names or the source's own. Default: task, mixture, the
        other size if there is one, and model_params if it varies.
    where : sequence of str, optional
        Conditions on the rows, all of which must hold: 'model=r50|r101', 'finetune_tokens>=1K'.

    Raises
    ------
    MetricsError
        The table breaks rules; the message and `problems` have every violation.
    UsageError
        An argument names no column, or leaves no rows.
    """
    if axis not in SIZES:
        raise UsageError(f"--axis is a column of sizes; received {axis!r}; {valid_names(axis, SIZES)}")
    table = load_table(source)
    named = name_columns(table.cells, columns, curve or ())
    if structure := missing_columns(named, axis, table.header_line):
        raise MetricsError(table.name, [*table.problems, *structure], table.unit)
    rows = select_rows(named.cells, where)
    left_out = len(table.cells) - len(rows)
    draft, unread = make_draft(replace(named, cells=rows), axis, curve, table.unit)
    data, problems, notes = _check(draft)
    if problems := [*table.problems, *problems]:
        raise MetricsError(table.name, list(dict.fromkeys(problems)), table.unit)
    selected = [f"--where left out {left_out:,} of {len(table.cells):,} rows"] if left_out else []
    frame = tidy_frame(data, axis, draft.curve)
    return Metrics(
        frame, axis, draft.curve, table.name, data_hash(frame), (*table.notes, *selected, *unread, *notes)
    )


def _check(draft: Draft) -> tuple[pd.DataFrame, list[Problem], list[str]]:
    """Return the rows with their baseline merged, all violations, and notes."""
    if draft.data.empty:
        hint = "no row has a score in any column of a metric"
        return draft.data, [Problem(None, None, "not-empty", None, hint)], []
    in_cells, cells = cell_problems(draft)
    broken_keys = cells.loc[cells["column"].isin(draft.key), "index"].drop_duplicates()
    broken_curves = cells.loc[cells["column"].isin([*draft.curve, "metric"]), "index"]
    repeated = duplicate_problems(draft, broken_keys)
    data, contradictions, merged = merge_baseline(draft)
    told = {problem.line for problem in repeated}
    problems = [*in_cells, *repeated, *(problem for problem in contradictions if problem.line not in told)]
    draft = replace(draft, data=data)
    scales, of_scale = scale_problems(draft)
    signatures, of_signature = signature_problems(draft)
    problems += [
        *size_problems(draft, broken_curves),
        *scales,
        *signatures,
        *share_problems(draft),
        *alignment_problems(draft),
    ]
    return data, problems, [*merged, *of_scale, *of_signature]
