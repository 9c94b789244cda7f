"""What is wrong with a metrics table: every violation as a value, and one message for a person."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from bayesscale.errors import DataError

RULES: dict[str, str] = {
    # The source as a whole
    "readable": "a metrics table is a file that can be read, or a folder of them",
    "file-size": "a metrics table has at most 25 MB",
    "format": "a metrics table is CSV, TSV, Markdown, Parquet, JSON or JSONL",
    "encoding": "text is encoded in UTF-8",
    "not-empty": "a metrics table has a header and at least one row",
    "one-table": "a file has one table",
    "path-matches": "the pattern of --from-path fits every path",
    "quoting": "quotation marks in a CSV file come in pairs",
    "header": "the first row has the names of the columns",
    "column-count": "every row has as many cells as the header",
    "unique-columns": "every column name occurs once",
    "required-columns": "the table has a column of sizes and at least one metric",
    "tokens-per-step": "sizes in steps need the number of tokens of a step",
    "one-column-a-metric": "every metric has one column",
    "one-metric-a-column": "a column that is named as a metric holds no other",
    "score-or-spread": "a column is a score or the spread of one, and its name says which",
    "size-unit": "the unit of a size is said by its column or its cell",
    "thousands": "a size can be read in one way only",
    # One cell
    "not-missing": "a required cell is not empty",
    "number": "a number column holds numbers",
    "finite": "a number is finite, not nan and not inf",
    "size-not-negative": "a size is at least 0",
    "size-positive": "a size on a logarithmic axis is greater than 0",
    "known-metric": "the metric is one that bayesscale knows",
    "value-in-range": "a value lies within the range of its metric",
    "se-positive": "a standard error is greater than 0",
    "alignment-in-range": "the alignment of mixture and task lies within 0 and 2",
    "share-in-range": "a language's share of a mixture lies within 0 and 1",
    # Several rows
    "value-scale": "a metric is on its own scale, 0 to 100 or 0 to 1",
    "se-scale": "a standard error is on the scale of its score",
    "one-scale": "all values of a curve are on one scale",
    "no-difference": "a value is a score and not its difference to another",
    "one-spelling": "a label is written in one way",
    "merged-cells": "every row has its own labels",
    "loss-per-token": "a loss is the mean over tokens, below the logarithm of any vocabulary",
    "told-apart": "a curve is one run: nothing else that the table tells varies along it",
    "no-duplicates": "a curve has one value for each size, metric, run and seed",
    "one-baseline": "the non-pretrained baseline has one value for each metric, run and seed",
    "two-sizes": "a curve has at least two different sizes",
    "one-signature": "all scores of a metric have the same sacreBLEU signature",
    "shares-sum": "the shares of a mixture sum to 1",
    "alignment-constant": "a task and a mixture have one alignment",
}
"""Each rule that a metrics table must keep, by the key that `Problem.rule` holds."""

_EXAMPLES = 3
_LONGEST = 60
_NOT_ALL_TRIED = "no accepted way was found among the few that were tried: settle one problem and check again"


@dataclass(frozen=True)
class Problem:
    """One violation.

    `line` is that of the file (the header is line 1) or the number of the record, None if the file as a
    whole is meant; `column` has the name that the file gives it; `rule` is a key of `RULES`; `value` is
    what was received, as it is written in the file; `hint` what to do about it. Each of `options`, the
    likeliest first, would settle it.
    """

    line: int | None
    column: str | None
    rule: str
    value: str | None
    hint: str
    options: tuple[str, ...] = ()

    @property
    def received(self) -> str:
        """The value received, quoted and short enough for a message."""
        if self.value is None:
            return ""
        whole = len(self.value) <= _LONGEST or self.rule == "required-columns"
        cut = self.value if whole else f"{self.value[:_LONGEST]}..."
        return repr(cut)


class MetricsError(DataError):
    """A metrics table breaks rules; `problems` holds every violation and the message groups them.

    `unit` is what `Problem.line` counts, 'line' or 'record'; `accepted` are options of the command line
    with which the table is accepted, tried out; None where none were found. `all_tried` is False where
    there were more to try than a bounded search does.
    """

    def __init__(
        self,
        source: str,
        problems: Sequence[Problem],
        unit: str = "line",
        accepted: Sequence[str] | None = None,
        *,
        all_tried: bool = True,
    ) -> None:
        self.source = source
        self.unit = unit
        self.accepted = None if accepted is None else tuple(accepted)
        self.problems = tuple(sorted(problems, key=lambda p: (p.line or 0, p.column or "", p.rule)))
        message = _message(source, self.problems, unit, self.accepted)
        super().__init__(message if accepted or all_tried else f"{message}\n{_NOT_ALL_TRIED}")


def _message(source: str, problems: Sequence[Problem], unit: str, accepted: Sequence[str] | None) -> str:
    """Return the message: a block for each rule and column, with a few examples and the remedies."""
    order = {rule: position for position, rule in enumerate(RULES)}

    def kind(problem: Problem) -> tuple[int, str]:
        return order[problem.rule], problem.column or ""

    groups = [list(group) for _, group in groupby(sorted(problems, key=kind), key=kind)]
    blocks = [_block(group, unit) for group in groups]
    count = "1 problem" if len(problems) == 1 else f"{len(problems):,} problems"
    cut = any(len(group) > _EXAMPLES for group in groups)
    more = ["all of them: bayesscale check FILE --json"] if cut else []
    ways = [f"one way that is accepted: {shlex.join(accepted)}"] if accepted else []
    return "\n".join([f"{source} cannot be used: {count}", *blocks, *more, *ways])


def _block(problems: Sequence[Problem], unit: str) -> str:
    """Return the part of the message that is about one rule and one column."""
    first = problems[0]
    column = f"column {first.column!r}: " if first.column else ""
    shown = problems[:_EXAMPLES]
    places = (_place(problem, unit) for problem in shown)
    lines = [f"- {column}{RULES[first.rule]}", *(f"    {place}" for place in places if place)]
    if more := len(problems) - len(shown):
        last = f", the last in {unit} {problems[-1].line:,}" if problems[-1].line else ""
        lines.append(f"    and {more:,} more{last}")
    remedies = dict.fromkeys(problem.hint for problem in shown)
    named = [text for text in first.options if not any(text in hint for hint in remedies)]
    ways = [f"    -> choose: {' or '.join(named)}"] if named else []
    return "\n".join([*lines, *(f"    -> {hint}" for hint in remedies), *ways])


def _place(problem: Problem, unit: str) -> str:
    """Return where the problem is and what was received."""
    line = f"{unit} {problem.line:,}" if problem.line is not None else ""
    received = f"received {problem.received}" if problem.value is not None else ""
    return ": ".join(part for part in (line, received) if part)
