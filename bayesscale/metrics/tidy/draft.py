"""A metrics table on its way: text as received, numbers as read, and the line that each score comes from."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from bayesscale.errors import UsageError, valid_names
from bayesscale.metrics.names.columns import COLUMNS, NO_MIXTURE, SIZES, STEPS, meaning
from bayesscale.metrics.options import Options, option
from bayesscale.metrics.problems import Problem
from bayesscale.metrics.sources.cells import TextTable
from bayesscale.metrics.tidy.long import UNREAD, WORKING, to_long
from bayesscale.metrics.tidy.named import NamedCells
from bayesscale.metrics.tidy.numbers import (
    in_percent,
    missing_words,
    to_numbers,
    what_was_taken_off,
    without_placeholders,
)
from bayesscale.metrics.tidy.scales import (
    WITH_SUFFIX,
    ambiguous_sizes,
    decimal_mark,
    scale_scores,
    scale_sizes,
    size_problems,
    standard_errors,
    take_intervals,
)
from bayesscale.metrics.tidy.within import take_sizes_within

_ENDS = ("score: high", "score: count")
_NUMBERS = (*WITH_SUFFIX, "value", "se", *_ENDS, "alignment")
_OF_A_SCORE = ("metric", "value", "se")
_LONGEST_NUMBER = 15  # digits that a float holds
_MAY_BE_EMPTY = ("run", "seed", "signature")


@dataclass(frozen=True)
class Draft:
    """A long table before its rules are checked.

    `text` has a row for each score, text cells as received, and those of columns that are not read under
    `UNREAD`; `data` the same rows with numbers as float64 and labels as text, metrics under their names of
    the catalogue. `named` is the whole file, by line; `unit` what `line` counts, 'line' or 'record'.
    """

    text: pd.DataFrame
    data: pd.DataFrame
    axis: str
    curve: tuple[str, ...]
    named: NamedCells
    unit: str

    @property
    def key(self) -> list[str]:
        """Columns that together have one value: curve, size, metric, run and seed."""
        names = (*self.curve, self.axis, "metric", "run", "seed")
        return [name for name in dict.fromkeys(names) if name in self.data]

    @property
    def is_baseline(self) -> pd.Series:
        """Where a score is of the model without pretraining, which is no point of a curve in D_p."""
        if self.axis == "pretrain_tokens":
            return self.data["pretrain_tokens"].eq(0)
        return pd.Series(False, index=self.data.index)

    @property
    def unread(self) -> list[str]:
        """Columns of the file that are not read."""
        return [str(name).removeprefix(UNREAD) for name in self.text if str(name).startswith(UNREAD)]

    def beside(self, column: str) -> pd.Series:
        """Return the cells of a column that is not read, by row."""
        return self.text[f"{UNREAD}{column}"]

    def line(self, row: int) -> int:
        """Return the line or record that a row comes from."""
        return int(self.cell(row, "line"))

    def cell(self, row: int, column: str) -> str:
        """Return the text of a cell; each of a hundred thousand problems asks for some."""
        if column not in self._columns:
            self._columns[column] = self.text[column].to_dict()
        return str(self._columns[column][row])

    @cached_property
    def _columns(self) -> dict[str, dict[Hashable, object]]:
        """The columns whose cells were asked for, by row."""
        return {}

    def problem(
        self,
        row: int,
        column: str,
        rule: str,
        hint: str,
        value: str | None = None,
        options: tuple[str, ...] = (),
    ) -> Problem:
        """Return the problem of a cell, under the file's name of its column; `value` replaces its text."""
        beside = f"{WORKING}{column}_column"
        name = self.cell(row, beside) if beside in self.text else self.named.in_file(column)
        received = self.cell(row, column) if value is None else value
        return Problem(self.line(row), str(name), rule, received, hint, options)

    def leave_out(self, metric: str, row: int | None = None) -> str:
        """Return the option that leaves a metric unread, by the name that it has in a row or at first."""
        row = int(self.data.index[self.data["metric"].eq(metric)][0]) if row is None else row
        if "metric" in self.named.free:
            written = str(self.text.at[row, "score: written"])
            return option("where", f"{self.named.in_file('metric')}!={written}")
        return option("ignore", str(self.text.at[row, "score: value_column"]))

    def curve_with(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the option that tells curves apart by columns more; none where it cannot name them."""
        if any("," in name or name == "line" for name in names):
            return ()
        return (option("curve", ",".join([*self.curve, *names])),)

    def row_problem(
        self, row: int, columns: Iterable[str], rule: str, hint: str, options: tuple[str, ...] = ()
    ) -> Problem:
        """Return the problem of a row as a whole; its cells in `columns` say which row it is."""
        texts = (self.cell(row, name) for name in columns)
        return Problem(self.line(row), None, rule, ", ".join(text for text in texts if text), hint, options)


@dataclass(frozen=True)
class Read:
    """A draft, with what was found while it was made.

    `left_out` are columns of scores that are not read on purpose; `problems` numbers that can be meant in
    two ways.
    """

    draft: Draft
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    problems: tuple[Problem, ...]


def make_draft(named: NamedCells, options: Options, table: TextTable) -> Read:
    """Return the draft of a table whose header is right."""
    chosen = _chosen_curve(named, options)
    long = to_long(named, _columns_to_keep(named, options.axis, chosen))
    text, notes = long.rows, list(long.notes)
    words = missing_words(text["value"])
    take_intervals(text, notes)
    numbers = [name for name in text.columns if name in _NUMBERS or str(name).startswith("share_")]
    text[numbers] = _plain(text[numbers], notes)
    _one_spelling_of_numbers(text, chosen, notes)
    text = _without_missing(text, notes, words, wide="metric" not in named.free)
    problems = list(take_sizes_within(text, named, options, notes))
    decimal, point = decimal_mark(text, numbers, table.typed, options.decimal, notes)
    data = _typed(text, numbers, chosen, decimal)
    problems += size_problems(text, data, named, options)
    scale_sizes(data, text, named, options, notes)
    if not (table.typed or options.decimal):
        problems += ambiguous_sizes(text, named, options, table.separator, point, decimal, notes)
    data = standard_errors(data, text, notes)
    problems += scale_scores(data, text, options, notes)
    _fill_labels(text, data)
    curve = chosen or _default_curve(data, options.axis, named.label)
    draft = Draft(text, data, options.axis, curve, named, table.unit)
    return Read(draft, long.left_out, tuple(notes), tuple(problems))


def _one_spelling_of_numbers(text: pd.DataFrame, curve: Sequence[str], notes: list[str]) -> None:
    """Write seeds and settings that are the same number in one way, the first: `1e-3` is `0.001`."""
    settings = [name for name in curve if name not in (*COLUMNS, "line")]
    columns = [n for n in text if n == "seed" or n in settings or str(n).startswith(UNREAD)]
    for column in columns:
        cells = [cell for cell in text[column].unique() if cell]
        if len(cells) < 2 or any(len(cell) > _LONGEST_NUMBER for cell in cells):
            continue
        numbers = to_numbers(pd.Series(cells, dtype=object), sizes=False)
        if numbers.isna().any() or not numbers.duplicated().any():
            continue
        first = pd.Series(cells).groupby(numbers.to_numpy()).transform("first")
        text[column] = text[column].replace(dict(zip(cells, first, strict=True)))
        several = [
            cell for cell, one in zip(cells, first, strict=True) if one == first[numbers.duplicated()].iloc[0]
        ]
        # A score that is not read, such as 0.5 and 0.50, is no setting.
        own = str(column).removeprefix(UNREAD)
        if not str(column).startswith(UNREAD) or meaning(own) in ("setting", "seed", "model_params"):
            notes.append(f"{own}: {' and '.join(several)} are one number")


def _plain(cells: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Return cells of numbers without placeholders, emphasis, powers and marks, which are noted."""
    plain = cells.apply(without_placeholders)
    other = pd.concat([cells[name][plain[name].ne("") & plain[name].ne(cells[name])] for name in cells])
    for what, texts in other.groupby(other.map(what_was_taken_off)):
        read = without_placeholders(texts).iloc[0]
        notes.append(f"{len(texts):,} numbers {what}, as in {texts.iloc[0]}: read as {read}")
    return plain


def _chosen_curve(named: NamedCells, options: Options) -> tuple[str, ...]:
    """Return the columns that the user chose, none if he left it to us; refuse what cannot define a curve."""
    if options.curve is None:
        return ()
    possible = set(named.cells.columns) - {options.axis, *_OF_A_SCORE, "line"}
    possible |= {"task", "mixture"}
    for name in options.curve:
        if name not in possible:
            raise UsageError(
                f"--curve needs columns of the file other than the size on the axis and the score; "
                f"received {name!r}; {valid_names(name, possible)}"
            )
    return tuple(dict.fromkeys(options.curve))


def _columns_to_keep(named: NamedCells, axis: str, curve: tuple[str, ...]) -> list[str]:
    """Return the columns that say what a score is of; known ones only if they have any content."""
    known = [name for name in named.free if name in COLUMNS or name.startswith("share_")]
    filled = [name for name in known if name == axis or named.cells[name].ne("").any()]
    of_file = [name for name in (*curve, *([named.label] if named.label else [])) if name in named.cells]
    return [n for n in dict.fromkeys([*of_file, *filled]) if n not in (*_OF_A_SCORE, *STEPS)]


def _without_missing(text: pd.DataFrame, notes: list[str], words: str, *, wide: bool) -> pd.DataFrame:
    """Leave out the rows of a long table that have no score; a wide one has left them out already."""
    missing = text["value"].eq("")
    if missing.any() and not wide:
        lines = ", ".join(f"{line:,}" for line in text.loc[missing, "line"].unique()[:5])
        notes.append(
            f"{missing.sum():,} scores are missing (empty, NaN or a placeholder): left out ({lines}){words}"
        )
    return text[~missing].reset_index(drop=True).copy()  # in one piece, however many columns


def _typed(text: pd.DataFrame, numbers: list[str], curve: tuple[str, ...], decimal: str) -> pd.DataFrame:
    """Return text cells as numbers and labels; None for a label that may not be empty."""
    columns = [name for name in text if not str(name).startswith((UNREAD, WORKING))]
    data = text[columns].copy()
    for name in data.columns.drop("line"):
        if name in numbers:
            data[name] = to_numbers(text[name], sizes=name in WITH_SUFFIX, decimal=decimal)
        elif name == "metric":
            data[name] = text[name].map(lambda cell: cell or None)
        elif name in curve or name not in _MAY_BE_EMPTY:
            data[name] = text[name].map(lambda cell: cell or None).astype(object)
    for name in _ENDS:
        if name in text:
            data[name] = to_numbers(text[name], sizes=False, decimal=decimal)
    for name in numbers:
        if str(name).startswith("share_"):
            data[name] = data[name].mask(in_percent(text[name]), data[name] / 100)
    return data


def _fill_labels(text: pd.DataFrame, data: pd.DataFrame) -> None:
    """Give rows the task and mixture that the file need not have."""
    without_mixture = data["mixture"].isna() if "mixture" in data else pd.Series(True, index=data.index)
    for label in ("task", "mixture"):
        if label not in data:
            text[label] = data[label] = "all"
    if "pretrain_tokens" in data:
        data.loc[without_mixture & data["pretrain_tokens"].eq(0), "mixture"] = NO_MIXTURE


def _default_curve(data: pd.DataFrame, axis: str, label: str | None) -> tuple[str, ...]:
    """Return task, mixture, the other size, the model size where it varies, and a melted label."""
    curve = ["task", "mixture", *(size for size in SIZES if size != axis and size in data)]
    if "model_params" in data and data["model_params"].nunique() > 1:
        curve.append("model_params")
    return tuple([*curve, label] if label else curve)
