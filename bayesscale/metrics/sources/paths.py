"""What a path says of its rows: `--from-path 'step{pretrain_steps}'`."""

from __future__ import annotations

import re
from dataclasses import replace

from bayesscale.errors import UsageError
from bayesscale.metrics.names import SIZES, STEPS
from bayesscale.metrics.problems import MetricsError, Problem
from bayesscale.metrics.sources.cells import PATH, TextTable

_FIELD = re.compile(r"\{([^{}]*)\}")
_SIZE, _LABEL = r"\d[\d_]*(?:\.\d+)?(?:[eE]\d+)?[kKmMbBgGtT]?", r"[^/\\]+?"


def with_path(table: TextTable, pattern: str | None) -> TextTable:
    """Return a table with the fields of a path as columns.

    Parameters
    ----------
    table : TextTable
        A file's, or a folder's with a column of paths.
    pattern : str or None
        Text that occurs in the path, with names of columns in braces. A size is a number, a label anything
        without a slash; `*` stands for anything. Matched where it occurs first.

    Raises
    ------
    UsageError
        The pattern has no field, or is given for a data frame.
    MetricsError
        A path does not match.
    """
    if pattern is None:
        return table
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
    return replace(table, cells=cells, notes=(*table.notes, note))


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
