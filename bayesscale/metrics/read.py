"""From a file of scores to a validated metrics table."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from types import MappingProxyType

import pandas as pd

from bayesscale.metrics.guide import way_on
from bayesscale.metrics.names.columns import COLUMNS, SIZES, STEPS
from bayesscale.metrics.options import Options, option
from bayesscale.metrics.problems import MetricsError, Problem
from bayesscale.metrics.rules.cells import cell_problems
from bayesscale.metrics.rules.labels import label_problems, merged_cells
from bayesscale.metrics.rules.plausible import odd_notes, scale_problems
from bayesscale.metrics.rules.relations import merge_relations
from bayesscale.metrics.rules.repeated import (
    duplicate_problems,
    merge_baseline,
    merge_near_sizes,
    settle_duplicates,
)
from bayesscale.metrics.rules.shares import alignment_problems, share_problems
from bayesscale.metrics.rules.short import leave_out_short, size_problems
from bayesscale.metrics.rules.signatures import signature_problems
from bayesscale.metrics.rules.structure import structure_problems
from bayesscale.metrics.rules.varying import varying_problems
from bayesscale.metrics.sources.cells import TextTable
from bayesscale.metrics.sources.files import load_table
from bayesscale.metrics.table import Metrics, data_hash, tidy_frame
from bayesscale.metrics.tidy.draft import Draft, Read, make_draft
from bayesscale.metrics.tidy.melt import Part, label_of, label_parts, melt, split_parts
from bayesscale.metrics.tidy.named import NamedCells, name_columns
from bayesscale.metrics.tidy.where import select_rows

_NOTHING: Mapping[str, str] = MappingProxyType({})
_AS_IT_IS: Mapping[str, float] = MappingProxyType({})


def read_metrics(
    source: str | os.PathLike[str] | pd.DataFrame,
    *,
    columns: Mapping[str, str] = _NOTHING,
    axis: str = "pretrain_tokens",
    curve: Sequence[str] | None = None,
    where: Sequence[str] = (),
    ignore: Sequence[str] = (),
    melt: str | None = None,
    metric: Mapping[str, str] = _NOTHING,
    scale: Mapping[str, float] = _AS_IT_IS,
    duplicates: str = "error",
    from_path: str | None = None,
    tokens_per_step: float | None = None,
    decimal: str | None = None,
) -> Metrics:
    """Read and validate a metrics table.

    Parameters
    ----------
    source : path or pandas.DataFrame
        A CSV, TSV, Markdown, Parquet, JSON or JSONL file, a folder of them, or a data frame; long (columns
        `metric` and `value`) or wide (a column for each metric, with `bleu_se` beside `bleu`).
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
    ignore : sequence of str, optional
        Columns that are not read.
    melt : str, optional
        For columns that hold one metric of several runs, systems or tasks: the label that they stand for,
        such as 'task' where names are like 'en-de BLEU', or with the metric, 'mixture=bleu'.
    metric : mapping, optional
        Metrics that are not in the catalogue: {'reward': 'up,0,10'}, see `declared_metric`.
    scale : mapping, optional
        What a metric or a size is multiplied by: {'rouge1': 100}; 1 says that it is right as it is.
    duplicates : str, optional
        What becomes of rows with the same size in one curve: 'error', or their 'mean' (with its standard
        error, and their number in the column `n`), the 'best', 'last' or 'first' of them.
    from_path : str, optional
        Pattern of the path whose fields become columns: 'step{pretrain_steps}'.
    tokens_per_step : float, optional
        Tokens a step, where the sizes along the curve are in steps.
    decimal : str, optional
        The decimal mark of numbers in text, '.' or ','. Default: what the file shows, else a point.

    Raises
    ------
    MetricsError
        The table breaks rules; the message and `problems` have every violation, and `accepted` the options
        with which it would be accepted, where any were found.
    UsageError
        An argument names no column, or leaves no rows.
    """
    options = Options(
        dict(columns), axis, None if curve is None else tuple(curve), tuple(where), tuple(ignore), melt,
        dict(metric), dict(scale), duplicates, from_path, tokens_per_step, decimal,
    )  # fmt: skip
    table = load_table(source, from_path)
    try:
        return read_cells(table, options)
    except MetricsError as error:
        found, all_tried = way_on(
            lambda changed: read_cells(table, changed), options, error, table.cells.shape
        )
        if found is None and all_tried:
            raise
        accepted = found.arguments() if found else None
        raise MetricsError(error.source, error.problems, error.unit, accepted, all_tried=all_tried) from None


def read_cells(table: TextTable, options: Options) -> Metrics:
    """Return the table of a source's cells, read with options.

    MetricsError where it breaks rules, UsageError where an option names no column or leaves no rows.
    """
    if any(problem.rule == "header" for problem in table.problems):  # what options name may not be there
        raise MetricsError(table.name, table.problems, table.unit)
    named = _steps_as_sizes(melt(name_columns(table, options), options), options)
    whole = len(named.cells)
    # What columns are follows from their cells, so it is asked of the same rows here and when they are read.
    named = replace(named, cells=select_rows(named.cells, options.where, options.decimal))
    structure = merged_cells(named) or structure_problems(named, options.axis, table.header_line, table.name)
    if structure:
        raise MetricsError(table.name, [*table.problems, *structure], table.unit)
    left_out = whole - len(named.cells)
    read = make_draft(named, options, table)
    data, problems, notes = _check(read, options)
    if problems := [*table.problems, *read.problems, *problems]:
        raise MetricsError(table.name, list(dict.fromkeys(problems)), table.unit)
    selected = [f"--where left out {left_out:,} of {whole:,} rows"] if left_out else []
    unread = _unread(read, data)
    frame = tidy_frame(data, options.axis, read.draft.curve)
    told = (*table.notes, *named.notes, *selected, *read.notes, *unread, *notes)
    return Metrics(frame, options.axis, read.draft.curve, table.name, data_hash(frame), told)


def _steps_as_sizes(named: NamedCells, options: Options) -> NamedCells:
    """Take the column of steps for that of sizes where the tokens of a step are known."""
    steps = STEPS[SIZES.index(options.axis)]
    if options.tokens_per_step is None or options.axis in named.free or steps not in named.free:
        return named
    cells = named.cells.assign(**{options.axis: named.cells[steps]})
    origin = {**named.origin, options.axis: named.in_file(steps)}
    return replace(named, cells=cells, free=(*named.free, options.axis), origin=origin)


def _unread(read: Read, data: pd.DataFrame) -> list[str]:
    """Say which columns are not read; those that a reader made up do not count."""
    draft = read.draft
    known = (*read.left_out, *draft.named.made_up, *STEPS)
    unread = [c for c in draft.unread if c not in known]
    empty = [c for c in draft.named.free if draft.named.cells[c].eq("").all() and c not in draft.text]
    unread = list(dict.fromkeys([*unread, *(c for c in empty if c not in data and c not in draft.unread)]))
    if not unread:
        return []
    splits = split_parts(draft.named)
    parts = [part for part in label_parts(draft.named) if part not in splits]
    more = f" and {len(unread) - 10} more" if len(unread) > 10 else ""
    return [
        f"columns not read: {', '.join(_with_question(name, data) for name in unread[:10])}{more}",
        *_hidden_scores(draft, [part for part in parts if part.column in unread]),
    ]


def _hidden_scores(draft: Draft, parts: Sequence[Part]) -> list[str]:
    """Say how columns that hold a metric and something else can be read: `bleu_seed1`, `en-de BLEU`."""
    label = label_of([part.label for part in parts]) or "task"
    if not parts or label in draft.named.free:
        return []
    way = option("melt", label)
    if label == "seed":  # a score beside those of seeds is their mean or one of them
        own = draft.text["score: value_column"].unique()
        way = " ".join([way, *(option("ignore", column) for column in own)])
    return [f"{len(parts):,} of them hold a metric and something else: {way} reads them"]


def _with_question(column: str, data: pd.DataFrame) -> str:
    """Return a column's name, and the known one that it may have been meant to have."""
    first, _, number = column.rpartition(".")
    if number.isdigit() and first:
        return f"{column!r} (pandas writes a second {first!r} so)"
    near = get_close_matches(
        column.lower(), [name for name in COLUMNS if name not in data and name != column], n=1, cutoff=0.85
    )
    return f"{column!r} (did you mean {near[0]!r}?)" if near else repr(column)


def _check(read: Read, options: Options) -> tuple[pd.DataFrame, list[Problem], list[str]]:
    """Return the rows that are left, all violations, and notes."""
    draft = read.draft
    if draft.data.empty:
        hint = "; ".join(["no row has a score in any column of a metric", *read.notes])
        return draft.data, [Problem(None, None, "not-empty", None, hint)], []
    problems, cells = cell_problems(draft)
    broken_keys = cells.loc[cells["column"].isin(draft.key), "index"].drop_duplicates()
    broken_curves = cells.loc[cells["column"].isin([*draft.curve, "metric"]), "index"]
    data, notes = merge_near_sizes(draft)
    draft = replace(draft, data=data)
    data, merged, settled = settle_duplicates(draft, options.duplicates)
    draft = replace(draft, data=data)
    repeated = duplicate_problems(draft, broken_keys)
    data, contradictions, of_baseline = merge_baseline(draft)
    draft = replace(draft, data=data)
    data, powers = merge_relations(draft)
    draft = replace(draft, data=data)
    told = {problem.line for problem in repeated}
    problems += [*repeated, *(problem for problem in contradictions if problem.line not in told)]
    scales, of_scale = scale_problems(draft, options.scale)
    if any(problem.rule == "no-difference" for problem in scales):
        # Rows without a sign are what the others are differences to: no option that leaves them out.
        problems = [replace(problem, options=()) for problem in problems]
    spellings, of_labels = label_problems(draft)
    problems += spellings
    signatures, of_signature = signature_problems(draft)
    problems += [*scales, *signatures, *share_problems(draft), *alignment_problems(draft)]
    if not repeated:
        problems += varying_problems(
            draft, [*settled, *read.left_out], times=options.tokens_per_step is not None
        )
    problems += size_problems(draft, broken_curves)
    if problems:
        return data, problems, []
    draft, short = leave_out_short(draft)
    notes += [*merged, *of_baseline, *powers, *short, *of_scale, *of_labels, *of_signature, *odd_notes(draft)]
    return draft.data, [], notes
