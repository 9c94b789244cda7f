"""Rules that each cell of a metrics table must keep."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from bayesscale.metrics.catalogue import CATALOGUE, MetricSpec
from bayesscale.metrics.names.columns import SIZES
from bayesscale.metrics.names.declared import suggested_declaration
from bayesscale.metrics.options import option
from bayesscale.metrics.problems import Problem
from bayesscale.metrics.tidy.draft import Draft
from bayesscale.metrics.tidy.numbers import is_ambiguous, is_text
from bayesscale.metrics.tidy.within import size_within

_MAY_BE_EMPTY = ("se", "alignment", "run", "seed", "signature")
Broken = Callable[[pd.Series], pd.Series]
_LIMITS: dict[str, tuple[str, Broken]] = {
    "pretrain_tokens": ("size-not-negative", lambda sizes: sizes.lt(0)),
    "finetune_tokens": ("size-positive", lambda sizes: sizes.le(0)),
    "model_params": ("size-positive", lambda sizes: sizes.le(0)),
    "se": ("se-positive", lambda errors: errors.le(0)),
    "alignment": ("alignment-in-range", lambda scores: scores.lt(0) | scores.gt(2)),
}
_SHARE: tuple[str, Broken] = ("share-in-range", lambda shares: shares.lt(0) | shares.gt(1))
_HINTS = {
    "size-not-negative": "write the number of tokens; 0 stands for the model that was not pretrained",
    "size-positive": "write a size above 0, or leave these rows out",
    "se-positive": "leave the cell empty if the standard error is not known",
    "alignment-in-range": "see the score in arXiv 2402.04177; leave the cell empty if it is not known",
    "share-in-range": "a share is a fraction; divide percentages by 100",
}
_UNIT_IN_BRACKETS = re.compile(r"[(\[].*[)\]]")
_COMET = (
    "scores of older COMET models (wmt20-comet-da) are not bounded and may be negative, which the "
    "laws cannot "
    "describe: score with wmt22-comet-da"
)


def cell_problems(draft: Draft) -> tuple[list[Problem], pd.DataFrame]:
    """Return every violation by a single cell, and the cells in columns `index`, `column` and `rule`."""
    cells = _broken_cells(draft)
    hints = {rule: _Hints(draft, cells[cells["rule"].eq(rule)]) for rule in cells["rule"].unique()}
    problems = []
    for row, column, rule in cells.itertuples(index=False):
        hint, options = hints[rule].of(row, column, rule)
        problems.append(draft.problem(row, column, rule, hint, options=options))
    return problems, cells


def _broken_cells(draft: Draft) -> pd.DataFrame:
    """Return the cells that break rules, each with the first rule that it breaks."""
    found = []
    for column in map(str, draft.data.columns):
        told = np.zeros(len(draft.data), dtype=bool)
        for rule, where in _rules(draft, column):
            broken = where.to_numpy(dtype=bool) & ~told
            told |= broken
            found += [(row, column, rule) for row in draft.data.index[broken]]
    return pd.DataFrame(found, columns=["index", "column", "rule"])


def _rules(draft: Draft, column: str) -> Iterator[tuple[str, pd.Series]]:
    """Yield the rules of a column and where its cells break them, the rule that says more first."""
    cells = draft.data[column]
    numeric = pd.api.types.is_float_dtype(cells)
    if numeric:  # what is no number is missing as well
        yield "number", is_text(draft.text[column], cells)
    if not _may_be_empty(draft, column):
        yield "not-missing", cells.isna()
    if column == "metric":
        known = {name for name in cells.dropna().unique() if name in CATALOGUE}
        yield "known-metric", cells.notna() & ~cells.isin(known)
    if not numeric:
        return
    yield "finite", np.isinf(cells)
    if column == "value":
        yield "value-in-range", _out_of_range(cells, draft.data["metric"])
    else:
        rule, broken = _SHARE if column.startswith("share_") else _LIMITS[column]
        yield rule, broken(cells)


def _may_be_empty(draft: Draft, column: str) -> bool:
    """Return whether cells of a column may be empty."""
    return column not in draft.curve and column.startswith((*_MAY_BE_EMPTY, "share_"))


def _out_of_range(values: pd.Series, metrics: pd.Series) -> pd.Series:
    """Return where values lie outside the ranges of their metrics."""
    known = {name: CATALOGUE[name] for name in metrics.dropna().unique() if name in CATALOGUE}
    low = metrics.map({name: spec.low for name, spec in known.items()}).astype(float)
    high = metrics.map({name: spec.high for name, spec in known.items()}).astype(float)
    return values.lt(low) | values.gt(high)


class _Hints:
    """The remedies for cells that break one rule; what they share is found once."""

    def __init__(self, draft: Draft, cells: pd.DataFrame) -> None:
        self.draft, self.cells = draft, cells
        self.unknown = sorted(map(str, draft.text.loc[cells["index"], "score: written"].unique()))
        self.alone = draft.data["metric"].nunique() == 1
        largest = draft.data.groupby(["metric", *draft.curve], dropna=False)["value"].max()
        # Whether every curve of a metric has values above 1.
        self.above_1 = largest.gt(1).groupby("metric").all()

    def of(self, row: int, column: str, rule: str) -> tuple[str, tuple[str, ...]]:
        """Return the remedy for one cell, and options that would settle it."""
        text, own = self.draft.cell(row, column), self.draft.named.in_file(column)
        if rule == "number":
            marks = [option("decimal", mark) for mark in ",."] if _has_either_mark(text) else []
            # 980 beside 2,310: no value of three decimals stands beside whole ones.
            if self.draft.text[column].str.fullmatch(r"\d+").any():
                marks = marks[1:]
            return _number_hint(text, column), (
                *marks,
                *self._without_texts(column),
                *self._ignore(row, column),
            )
        if rule == "known-metric":
            return self._unknown_metric(self.draft.cell(row, "score: written"))
        if rule == "value-in-range":
            return self._out_of_range(row)
        if rule == "not-missing":
            return self._missing(column), (option("where", f"{own}!="),) if column != "metric" else ()
        if rule == "finite":
            own = self.draft.cell(row, "score: value_column") if column == "value" else own
            hint = "leave the cell empty if the number is not known"
            if column in (*SIZES, "value"):
                hint = f"leave the row out if the run failed: {option('where', f'{own}<inf')}"
            return hint, (option("where", f"{own}<inf"),)
        limit = {"size-positive": f"{own}>0", "size-not-negative": f"{own}>=0"}.get(rule)
        return _HINTS[rule], (option("where", limit),) if limit else ()

    def _without_texts(self, column: str) -> tuple[str, ...]:
        """Return the option that leaves out rows with text for a number, such as the mean of a column."""
        own = "score: value_column" if column == "value" else "score: se_column" if column == "se" else ""
        rows = self.draft.text.loc[self.cells.loc[self.cells["column"].eq(column), "index"]]
        texts = rows[column].unique()
        name = str(rows[own].iloc[0]) if own else self.draft.named.in_file(column)
        if any(map(_UNIT_IN_BRACKETS.fullmatch, texts)):  # without it, numbers would be of another unit
            return ()
        if len(texts) > 3 or any(char in text for text in texts for char in "|0123456789"):
            return ()
        return (option("where", f"{name}!={'|'.join(texts)}"),)

    def _ignore(self, row: int, column: str) -> tuple[str, ...]:
        """Return the option that leaves a column of scores or spreads unread."""
        if column == "value":
            return self._leave_out(row, str(self.draft.data.at[row, "metric"]))
        own = self.draft.text.at[row, "score: se_column"] if column == "se" else ""
        return (option("ignore", str(own)),) if own in self.draft.named.free else ()

    def _missing(self, column: str) -> str:
        """Return the remedy for an empty cell."""
        if column == "pretrain_tokens":
            return "write the number of tokens; 0 stands for the model that was not pretrained"
        if column == "mixture" and self.draft.axis == "pretrain_tokens":
            return "name the mixture; only the baseline (pretrain_tokens 0) goes without"
        return "fill the cell, or leave the row out"

    def _unknown_metric(self, name: str) -> tuple[str, tuple[str, ...]]:
        """Return the remedy for a metric that is not in the catalogue; no other one is suggested for it."""
        metric = self.draft.named.in_file("metric")
        others = not self.draft.text["score: written"].isin(self.unknown).all()
        leave = (option("where", f"{metric}!={'|'.join(self.unknown)}"),) * others
        without = "".join(leave)
        near = _misspelt(name)
        first = f"did you mean {near!r}? " if near else ""
        values = self.draft.data["value"][self.draft.text["score: written"].eq(name)]
        if not (declaration := suggested_declaration(values, name)):
            hint = f"{first}{name} is not among the metrics, and the laws describe no values below 0"
            return f"{hint}: {without}" if others else hint, leave
        declare = option("metric", f"{name}={declaration}")
        other = "" if declaration.startswith("down") else " (or down)"
        hint = f"{first}{name} is not among the metrics; declare it: {declare}{other}"
        return f"{hint}, or {without}" if others else hint, leave

    def _out_of_range(self, row: int) -> tuple[str, tuple[str, ...]]:
        """Return the remedy for a value outside the range of its metric."""
        metric, value = str(self.draft.data.at[row, "metric"]), float(self.draft.data["value"][row])
        spec = CATALOGUE[metric]
        hint = f"{metric} ({spec.unit}) lies within {spec.low:g} and {spec.high:g}"
        leave = self._leave_out(row, metric)
        if metric == "comet" and value < 0:
            return f"{hint}; {_COMET}", leave
        if spec.high <= 2 and 1 < value <= 100 and not self.above_1[metric]:
            return f"{hint}; others of this metric are: write these as they are written", leave
        if value < 0 or spec.high > 2 or not 1 < value <= 100:
            within = self._within(row, spec, value)
            rest = f"leave out what is not: {within[0]}" if within else "none of these is: write others"
            return f"{hint}; {rest}", (*within, *leave)
        scale = option("scale", f"{metric}=0.01")
        return f"{hint}; divide by 100 if these are percentages: {scale}", (scale, *leave)

    def _within(self, row: int, spec: MetricSpec, value: float) -> tuple[str, ...]:
        """Return the option that leaves out values outside the range of a metric; none where all are."""
        limit = f">={spec.low:g}" if value < spec.low else f"<={spec.high:g}"
        own = self.draft.text["score: value_column"]
        values = self.draft.data["value"][own.eq(own[row])]
        inside = values.ge(spec.low) if value < spec.low else values.le(spec.high)
        return (option("where", f"{own[row]}{limit}"),) if inside.any() else ()

    def _leave_out(self, row: int, metric: str) -> tuple[str, ...]:
        """Return the option that leaves a metric out; none where it is the only one."""
        return () if self.alone else (self.draft.leave_out(metric, row),)


def _misspelt(name: str) -> str | None:
    """Return the metric that a name is with two letters exchanged or one wrong, digits apart."""
    text = name.strip().lower()
    for known in CATALOGUE:
        if len(known) >= 4 and len(text) == len(known):
            wrong = [(a, b) for a, b in zip(text, known, strict=True) if a != b]
            swapped = len(wrong) == 2 and wrong[0] == wrong[1][::-1]
            one = len(wrong) == 1 and len(known) >= 6
            if (swapped or one) and not any(char.isdigit() for pair in wrong for char in pair):
                return known
    return None


def _has_either_mark(text: str) -> bool:
    """Return whether the comma in a number may be a decimal one or one of thousands."""
    return "," in text and is_ambiguous(re.sub(r"\s*[KMBGT%]$", "", text, flags=re.IGNORECASE))


def _number_hint(text: str, column: str) -> str:
    """Return the remedy for a cell that holds text where a number belongs."""
    if _has_either_mark(text):
        ways = {text.replace(",", ""): option("decimal", "."), text.replace(",", "."): option("decimal", ",")}
        return (
            f"{text} can be read in two ways: {' or '.join(f'{way} for {is_}' for is_, way in ways.items())}"
        )
    if re.fullmatch(r"[+-]?\d+,\d+([eE][+-]?\d+)?\s*[kKmMbBgGtT]?", text):
        return "write a decimal point instead of the comma"
    if re.fullmatch(r"\d+-[A-Za-z]{3}|[A-Za-z]{3}-\d+|#+", text):
        return "a spreadsheet made a date of it, or had no room for it: format the column as numbers"
    if _UNIT_IN_BRACKETS.fullmatch(text):
        return "a row of units: write each into the name of its column, as in 'tokens (billions)'"
    if column in (*SIZES, "model_params"):
        if size_within(text):
            return "the text around the sizes differs: write sizes and labels into columns of their own"
        return "write a number such as 31000000, 31M, 1.5B or 3e9"
    return "write a number such as 27.3; leave units and remarks to other columns"
