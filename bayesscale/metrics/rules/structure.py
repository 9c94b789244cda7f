"""What the header of a table lacks: a column of sizes, a metric, and which options would give them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

import pandas as pd

from bayesscale.metrics.catalogue import CATALOGUE, normalised
from bayesscale.metrics.names.columns import COLUMNS, SIZES, STEPS, meaning
from bayesscale.metrics.names.declared import suggested_declaration
from bayesscale.metrics.names.scores import score_name, spread_name
from bayesscale.metrics.options import option
from bayesscale.metrics.problems import Problem
from bayesscale.metrics.sources.cells import NAMELESS, PATH
from bayesscale.metrics.sources.paths import metric_in_path, ways_from_paths
from bayesscale.metrics.tidy.melt import is_system, label_parts
from bayesscale.metrics.tidy.named import NamedCells
from bayesscale.metrics.tidy.numbers import to_numbers, without_placeholders
from bayesscale.metrics.tidy.scores import Score, best_so_far, find_scores, is_long
from bayesscale.metrics.tidy.within import size_within

_ORDER = {
    "pretrain_tokens": ("tokens", "examples", "steps", "epochs"),
    "finetune_tokens": ("finetune", "examples", "tokens", "steps", "epochs"),
}
_MOST = 4
_NO_SIZES = {"version", "versions", "rank", "index", "id"}
_RATE = re.compile(r"(?:^|[\W_])per(?:[\W_]|$)", re.IGNORECASE)


def structure_problems(named: NamedCells, axis: str, line: int | None, source: str) -> list[Problem]:
    """Return what the header, at `line`, lacks or has twice: the sizes, a metric, one column a metric.

    The name of the file, `source`, may name a metric.
    """
    problems = [*_first_column(named, axis, line), *_second_columns(named, line)]
    problems += [] if axis in named.free else [_missing_size(named, axis, line)]
    if is_long(named):
        return problems
    scores = find_scores(named, line)
    in_columns = [p for p in scores.problems if any(o.startswith(f"--melt {axis}=") for o in p.options)]
    if in_columns:  # which gives the sizes as well
        return in_columns
    if not scores.scores:
        problems.append(_missing_metric(named, axis, line, source))
    return [*problems, *scores.problems, *_other_metrics(named, scores.scores)]


def _first_column(named: NamedCells, axis: str, line: int | None) -> Iterator[Problem]:
    """Yield the question what a first column without a name holds, which does not number the rows."""
    if NAMELESS not in named.free:
        return
    size, label = (option("columns", f"{name}={NAMELESS}") for name in (axis, "task"))
    without = option("ignore", NAMELESS)
    sizes = axis not in named.free and _sizes(named, NAMELESS).any()
    hint = f"the first column has no name: to leave it out, {without}; for labels, such as tasks, {label}"
    hint += f"; for the sizes, {size}" if sizes else ""
    received = ", ".join(named.cells[NAMELESS].unique()[:_MOST])
    yield Problem(line, NAMELESS, "header", received, hint, (size, without) if sizes else (without,))


def _second_columns(named: NamedCells, line: int | None) -> Iterator[Problem]:
    """Yield the question which of two columns with one name is meant: pandas calls the second `bleu.1`."""
    by_name = {named.in_file(c): c for c in named.free}
    for column in named.free:
        first, _, number = column.rpartition(".")
        score = score_name(first, named.declared)
        role = score.metric if score else by_name.get(first, "")
        if not (number.isdigit() and first in by_name and (score or role in (*COLUMNS, *named.origin))):
            continue
        if named.cells[column].equals(named.cells[by_name[first]]):
            continue
        ways = option("ignore", column), option("columns", f"{role}={column}")
        hint = (
            f"pandas writes a second column {first!r} so: for the first {ways[0]}, for the second {ways[1]}"
        )
        yield Problem(line, column, "unique-columns", column, hint, ways)


def _other_metrics(named: NamedCells, scores: Sequence[Score]) -> Iterator[Problem]:
    """Yield the question about values that the user named as one metric, and labels or paths as several."""
    bare = [s for s in scores if s.column in named.origin and not score_name(named.in_file(s.column))]
    if not bare:
        return
    labels = [c for c in map(str, named.cells) if meaning(c) == "metric" or _holds_metrics(named, c)]
    for label in [*labels, *([PATH] if PATH in named.made_up else [])]:
        cells = named.cells[label].unique()
        said = {cell: _metric_said(cell, named) for cell in cells if label != PATH or metric_in_path(cell)}
        if len(set(said.values())) < 2 or not any(map(score_name, said.values())):
            continue
        for score in bare:
            column = named.in_file(score.column)
            own = [cell for cell in cells if said.get(cell) in (None, score.metric)]
            ways = [option("where", f"{label}={'|'.join(own)}")] if own else []
            ways.append(option("ignore", label))
            instead = option("columns", f"{'' if label == 'metric' else f'metric={label},'}value={column}")
            hint = (
                f"{label!r} names several metrics: read each under its own by {instead} in place of "
                f"{score.metric}={column}{f', those of one by {ways[0]}' if own else ''}, or all as "
                f"{score.metric} by {ways[-1]}"
            )
            received = ", ".join(list(said)[:_MOST])
            yield Problem(None, column, "one-metric-a-column", received, hint, tuple(ways))
        return


def _metric_said(cell: str, named: NamedCells) -> str:
    """Return the metric that a label or a path names, by its full name where it is known."""
    if found := score_name(cell, named.declared):
        return found.metric
    in_path = metric_in_path(cell)
    found = score_name(in_path[1], named.declared) if in_path else None
    return found.metric if found else in_path[1] if in_path else cell


def _columns(named: NamedCells) -> str:
    """Return all columns of the file."""
    return ", ".join(sorted(named.in_file(name) for name in named.free))


def _missing_size(named: NamedCells, axis: str, line: int | None) -> Problem:
    """Return the problem of a table without the sizes along its curves."""
    columns = size_columns(named, axis)
    options = [option("columns", f"{axis}={column}") for column in columns]
    other = next(size for size in SIZES if size != axis)
    steps = STEPS[SIZES.index(axis)]
    if steps in named.free:
        hint = (
            f"{steps} becomes {axis} by --tokens-per-step N (such as 2M); to have sizes in steps: "
            f"{option('columns', f'{axis}={named.in_file(steps)}')}"
        )
        way = option("columns", f"{axis}={named.in_file(steps)}")
        return Problem(line, named.in_file(steps), "tokens-per-step", None, hint, (way,))
    elsewhere = [option("axis", other)] if other in named.free else []
    if not elsewhere and axis == SIZES[0]:
        finetuned = [c for c in named.free if meaning(c) == "finetune" and named.has_numbers(c)]
        elsewhere = [f"{option('axis', other)} {option('columns', f'{other}={c}')}" for c in finetuned[:1]]
    if not options and not elsewhere and sizes_as_columns(named):
        hint = f"the names of columns may be the sizes: {option('melt', f'{axis}=METRIC')}"
        ways = _of_transposed(named, axis)
        return Problem(line, axis, "required-columns", _columns(named), hint, ways)
    if not options and not elsewhere:
        hint = (
            f"no column seems to hold sizes: add one with the tokens of each row, called {axis}, or name it: "
            f"--columns {axis}=COLUMN"
        )
        if "path" in named.made_up:
            from_paths = ways_from_paths(list(named.cells[PATH].unique()), axis, steps)
            hint += f", or take them from the paths, such as {named.cells[PATH].iloc[0]!r}: {from_paths}"
        return Problem(line, axis, "required-columns", _columns(named), hint)
    hint = f"name the column that holds the sizes: {' or '.join([*elsewhere, *options])}"
    if columns and meaning(named.in_file(columns[0])) == "steps":
        hint += "; with --tokens-per-step N steps become tokens"
    return Problem(line, axis, "required-columns", _columns(named), hint, (*elsewhere, *options))


def _of_transposed(named: NamedCells, axis: str) -> tuple[str, ...]:
    """Return the option for a table with a row for each metric, and sizes as the names of columns."""
    melt = option("melt", f"{axis}=value")
    if "metric" in named.free:
        return (melt,)
    metric = next((c for c in named.free if _holds_metrics(named, c)), None)
    return (f"{option('columns', f'metric={named.in_file(metric)}')} {melt}",) if metric else ()


def sizes_as_columns(named: NamedCells) -> list[str]:
    """Return the columns that are called by a size, such as 4M, where there are several."""
    found = [
        c for c in named.free if c[:1].isdigit() and to_numbers(pd.Series([c]), sizes=True).notna().all()
    ]
    return found if len(found) > 1 else []


def size_columns(named: NamedCells, axis: str) -> list[str]:
    """Return the file's columns that may hold the sizes, the likeliest first."""
    taken = (*COLUMNS, *named.origin, *sizes_as_columns(named))
    free = [c for c in named.free if c not in taken and _RATE.search(c) is None]
    near = [c for c in get_close_matches(axis, free, n=_MOST, cutoff=0.75) if _sizes(named, c).any()][:1]
    known = [c for kind in _ORDER[axis] for c in free if meaning(c) == kind and _sizes(named, c).any()]
    if near or known:
        return list(dict.fromkeys([*near, *known]))[:_MOST]
    rest = [
        c
        for c in free
        if meaning(c) in ("", "mixture") and score_name(c, named.declared) is None
        and spread_name(c) is None and normalised(c) not in _NO_SIZES
        and named.cells[c].nunique() > 1 and _sizes(named, c).mean() > 0.5 and c not in named.made_up
    ]  # fmt: skip
    labels = [
        c
        for c in named.free
        if c not in (*named.origin, PATH) and named.cells[c].map(size_within).ne("").all()
    ]
    return (rest or labels)[:_MOST]


def _sizes(named: NamedCells, column: str) -> pd.Series:
    """Return where a column holds what may be a size, such as 1.5B or checkpoint-1000."""
    cells = without_placeholders(named.cells[column])
    return to_numbers(cells, sizes=True).notna() | to_numbers(cells, sizes=True, decimal=",").notna()


def _missing_metric(named: NamedCells, axis: str, line: int | None, source: str) -> Problem:
    """Return the problem of a table without a score."""
    lacking = [name for name in ("metric", "value") if name not in named.free]
    options, questions = [], []
    if list(label_parts(named)):
        options += [option("melt", "task"), option("melt", "mixture")]
        questions.append("names of columns hold a metric and something else")
    options += _long_columns(named)
    if best := best_so_far(named):
        options += [option("columns", f"{metric}={named.in_file(c)}") for c, metric in best.items()]
        questions.append(f"{_some([*best])} hold the best so far, not scores at their sizes: read if named")
    value = named.in_file(_value_column(named) or "")
    in_name = metric_in_path(re.split(r"[/\\]", source)[-1])
    of_source = score_name(in_name[1]) if in_name else None
    if value and of_source:
        options.append(option("columns", f"{of_source.metric}={value}"))
    elif value:
        questions.append(
            f"if {value!r} holds one metric, name it, as in {option('columns', f'bleu={value}')}"
        )
    systems = [c for c in named.free if is_system(named, c) and named.cells[c].nunique() > 1]
    if any(meaning(c) == "benchmark" for c in systems):
        options.append(option("melt", "task=accuracy"))
    sizes = sizes_as_columns(named)
    if sizes and _of_transposed(named, axis):
        options += _of_transposed(named, axis)
    elif sizes:
        questions.append(
            f"if {_some(sizes)} are sizes, name their metric, as in {option('melt', f'{axis}=bleu')}"
        )
    elif len(systems) > 1:
        questions.append(
            f"if {_some(systems)} are systems, tasks or runs, name what they are and their metric, as in "
            f"{option('melt', 'mixture=value' if 'metric' in named.free else 'mixture=bleu')}"
        )
    declared = ((c, suggested_declaration(to_numbers(named.cells[c], sizes=False))) for c in systems)
    unknown = next((f"{column}={text}" for column, text in declared if text), "NAME=up,0,100")
    declare = option("metric", unknown)
    questions.append(
        "give the table columns metric and value, or a column for each metric; another metric is "
        "declared by "
        f"{declare}; valid: {', '.join(sorted(CATALOGUE))}"
    )
    first = f"{' or '.join(options)}: " if options else ""
    hint = first + "; ".join(questions)
    return Problem(line, " and ".join(lacking), "required-columns", _columns(named), hint, tuple(options))


def _some(columns: list[str]) -> str:
    """Return a few names of columns."""
    more = f" and {len(columns) - 3} more" if len(columns) > 3 else ""
    return ", ".join(map(repr, columns[:3])) + more


def _long_columns(named: NamedCells) -> list[str]:
    """Return options that name the columns of metric and value of a long table under other names."""
    if "metric" in named.free and "value" in named.free:
        return []
    metric = ["metric"] if "metric" in named.free else [c for c in named.free if meaning(c) == "metric"]
    metric += [c for c in named.free if c not in metric and _holds_metrics(named, c)]
    value = _value_column(named)
    if not metric or value is None or value == metric[0]:
        return []
    pairs = [("metric", metric[0]), ("value", value)]
    named_pairs = [f"{new}={named.in_file(old)}" for new, old in pairs if new != named.in_file(old)]
    return [option("columns", ",".join(named_pairs))]


def _holds_metrics(named: NamedCells, column: str) -> bool:
    """Return whether the cells of a column are names of metrics."""
    texts = [text for text in named.cells[column].unique()[:50] if text]
    return bool(texts) and all(score_name(text, named.declared) for text in texts)


def _value_column(named: NamedCells) -> str | None:
    """Return the column that holds values, by its name."""
    if "value" in named.free:
        return "value"
    return next((c for c in named.free if meaning(c) == "value" and named.has_numbers(c)), None)
