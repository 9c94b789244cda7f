"""What a path says of its rows: `--from-path 'step{pretrain_steps}'`, and metrics in names of files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from bayesscale.errors import UsageError
from bayesscale.metrics.names.columns import SIZES, STEPS, meaning
from bayesscale.metrics.names.scores import score_name
from bayesscale.metrics.options import option
from bayesscale.metrics.problems import MetricsError, Problem
from bayesscale.metrics.sources.cells import PATH, TextTable

_SHOWN = 6
_FIELD = re.compile(r"\{([^{}]*)\}")
_WORD = re.compile(r"[^\W\d_]+[-_=]?$")
_EXPORT = re.compile(r"(?:run[-_])?(?P<run>.*?)[-_]?tag[-_](?P<tag>.+)", re.DOTALL)
_SIZE, _LABEL = r"\d[\d_]*(?:\.\d+)?(?:[eE]\d+)?[kKmMbBgGtT]?", r"[^/\\]+?"


def with_path(table: TextTable, pattern: str | None) -> TextTable:
    """Return a table with the fields of a path, and the metric in it where rows have bare values, as columns.

    A pattern is text that occurs in the path, with names of columns in braces. A size is a number, a label
    anything without a slash; `*` stands for anything. Matched where it occurs first. Raises UsageError for a
    pattern without fields, MetricsError where a path does not match.
    """
    if pattern is None:
        return _with_metrics(table)
    expression, fields = _compiled(pattern)
    cells = table.cells.copy()
    paths = cells[PATH] if PATH in table.made_up else cells.index.map(lambda _: table.name).to_series()
    matches = {path: expression.search(path.replace("\\", "/")) for path in dict.fromkeys(paths)}
    failed = [path for path, match in matches.items() if match is None]
    if failed:
        hint = "correct the pattern: text as it is in the path, and the names of columns in braces"
        problems = [Problem(None, None, "path-matches", path, hint) for path in failed]
        raise MetricsError(table.name, problems, table.unit)
    for number, name in enumerate(fields, start=1):
        cells[name] = [found[number] if (found := matches[path]) else "" for path in paths]
    note = f"from the paths: {', '.join(fields)}"
    return _with_metrics(replace(table, cells=cells, notes=(*table.notes, note)))


def metric_in_path(path: str) -> tuple[str, str] | None:
    """Return what a path says besides its metric, and the metric; None where it names none.

    The metric is the tag of an export from TensorBoard, `run-a-tag-eval_bleu.csv`, else what the file's name
    ends with, `a_eval_bleu.csv`, else the name of a folder, `bleu/a.csv`.
    """
    *folders, name = re.split(r"[/\\]", path)
    stem = name.rpartition(".")[0] or name
    if export := _EXPORT.fullmatch(stem):
        return "/".join([*folders, *filter(None, [export["run"].strip(".")])]), export["tag"]
    for word in re.finditer(r"[^\s\-._]+", stem):
        found = score_name(stem[word.start() :])
        if found and found.beside is None:
            return "/".join([*folders, *filter(None, [stem[: word.start()].strip(" -._")])]), found.metric
    for place in reversed(range(len(folders))):
        if (found := score_name(folders[place])) and found.beside is None:
            return "/".join([*folders[:place], *folders[place + 1 :], stem]), found.metric
    return None


def ways_from_paths(paths: Sequence[str], axis: str, steps: str) -> str:
    """Return options that take sizes from the one number that varies in paths; an example if none does."""
    pieces = [re.split(f"({_SIZE})", path.replace("\\", "/")) for path in paths]
    places = [n for n in range(1, min(map(len, pieces)), 2) if len({piece[n] for piece in pieces}) > 1]
    words = {n: (_WORD.search(pieces[0][n - 1]) or [""])[0] for n in places}
    kinds = {
        n: "steps" if word[:-1] + word[-1:].strip("-_=") == "s" else meaning(word)
        for n, word in words.items()
    }
    found = [n for n in places if kinds[n] in ("steps", "tokens")] or places
    for n in found if len(found) == 1 else []:
        for before in (words[n], pieces[0][n - 1], "".join(pieces[0][:n])):
            expression, _ = _compiled(f"{before}{{{axis}}}")
            matches = [expression.search("".join(piece)) for piece in pieces]
            if all(match and match[1] == piece[n] for match, piece in zip(matches, pieces, strict=True)):
                in_tokens = option("from-path", f"{before}{{{axis}}}")
                in_steps = f"{option('from-path', f'{before}{{{steps}}}')} --tokens-per-step 2M"
                return (
                    f"{in_steps}; to have sizes in steps: {in_tokens}" if kinds[n] == "steps" else in_tokens
                )
    return f"--from-path 'TEXT{{{axis}}}', with the text before the size in each path"


def _with_metrics(table: TextTable) -> TextTable:
    """Return a folder's table with the metrics and runs that its paths name, where its columns name none."""
    names = list(map(str, table.cells))
    known = set(map(meaning, names))
    if PATH not in table.made_up or "value" not in known or "metric" in known:
        return table
    found = {path: metric_in_path(path) for path in table.cells[PATH].unique()}
    if any(map(score_name, names)) or not all(found.values()):
        return table
    said = pd.DataFrame(
        list(table.cells[PATH].map(found)), columns=["run", "metric"], index=table.cells.index
    )
    shown = ", ".join(said["metric"].unique()[:_SHOWN])
    note = f"the paths name the metrics of the values: {shown}"
    cells, made_up = table.cells.assign(metric=said["metric"]), (*table.made_up, "metric")
    # What differs between the files of one metric is the run, unless fields or single rows say otherwise.
    if len(cells) > len(found) and not known & {"run", "mixture", "task"}:
        cells, made_up = cells.drop(columns=PATH), tuple(name for name in made_up if name != PATH)
        if said["run"].nunique() > 1:
            cells, made_up = cells.assign(run=said["run"]), (*made_up, "run")
            note += f"; and the runs: {', '.join(said['run'].unique()[:_SHOWN])}"
    return replace(table, cells=cells, made_up=made_up, notes=(*table.notes, note))


def _compiled(pattern: str) -> tuple[re.Pattern[str], list[str]]:
    """Return the regular expression of a pattern, and the names of its groups."""
    pieces = _FIELD.split(pattern)
    fields = [name.strip() for name in pieces[1::2]]
    if not fields or not all(fields) or len(set(fields)) < len(fields):
        raise UsageError(
            f"--from-path is text with names of columns in braces, each once; received {pattern!r}; "
            f"write for instance --from-path 'step{{pretrain_steps}}'"
        )
    texts = [re.escape(piece).replace(r"\*", ".*?") for piece in pieces[::2]]
    numbers = (*SIZES, *STEPS, "model_params", "seed")
    groups = [f"({_SIZE if name in numbers else _LABEL})" for name in fields]
    expression = texts[0] + "".join(group + text for group, text in zip(groups, texts[1:], strict=True))
    # A label at the end goes on to the end of its part of the path.
    if pieces[-1] == "" and fields[-1] not in numbers:
        expression += r"(?=[/\\]|$)"
    if pieces[0] == "" and fields[0] not in numbers:
        expression = r"(?:^|(?<=[/\\]))" + expression
    return re.compile(expression), fields
