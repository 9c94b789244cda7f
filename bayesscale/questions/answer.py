"""What all answers have in common: numbers, sentences, a table, notes, and what the numbers are."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.figures.drawing import Frame
from bayesscale.inference.track_record import KEY, TrackRecord
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.names.columns import SIZES
from bayesscale.questions.select import answer_columns
from bayesscale.tables import SHORT, WIDTH, cells, table_text
from bayesscale.text import number_text, printable, probability_text, shortened, size_text
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    from bayesscale.figures.picture import Picture
    from bayesscale.inference import Fit

FloatArray = NDArray[np.float64]
STATISTICS = ("median", "lower", "upper")
SURE, UNLIKELY = 0.9, 0.1
"""Probabilities from which on something is said to be so, and below which it is said not to be."""
# Letters of a value; of a longer one its first digits are given.
_LONGEST = 9
_NUMBER = re.compile(r"[<>]?=?-?[\d.,]+(e[+-]?\d+)?[KMBTx%]?( \(.* to .*\)| ± .*)?$")
LABEL = 60
"""Letters of a name in a sentence; of a longer one its ends are given."""


@dataclass(frozen=True)
class Answer(ABC):
    """The answer to a question: a table of numbers, and notes on them, the most important first.

    `prob` is the probability of the equal-tailed intervals.
    """

    fit: Fit = field(repr=False)
    prob: float
    table: pd.DataFrame = field(repr=False)
    notes: tuple[str, ...]

    rows: ClassVar[str]
    """Name of the rows of `table` in `document`."""

    def frame(self) -> pd.DataFrame:
        """Return the numbers unrounded, one row each."""
        return self.table.copy()

    def document(self) -> dict[str, Any]:
        """Return the same for programs, with what the numbers are."""
        return {
            "interval": {"kind": "equal-tailed", "prob": self.prob},
            **record(self.fit),
            "axis": self.fit.curves.axis_name,
            **self.contents(),
            "notes": list(self.notes),
            self.rows: plain_records(self.table),
        }

    @abstractmethod
    def contents(self) -> dict[str, Any]:
        """Return what `document` has besides: units, and what only this answer has."""

    @abstractmethod
    def headline(self) -> list[str]:
        """Return the answer in one sentence or two."""

    @abstractmethod
    def readable(self) -> pd.DataFrame:
        """Return the table that a person reads: few columns, numbers with their intervals."""

    @abstractmethod
    def plot(self) -> Picture:
        """Return the answer as a picture."""

    def explain(self) -> list[str]:
        """Return how to read the answer, and all that it has to say."""
        return []

    @property
    def names(self) -> list[str]:
        """The columns that name a curve."""
        return answer_columns(self.fit.curves)

    def named(self) -> pd.DataFrame:
        """Return the columns that name the curve of each row, with which `readable` begins."""
        return shown_names(self.table, self.names)

    def details(self) -> dict[str, pd.DataFrame]:
        """Return further tables by their titles."""
        return {}

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics in the answer."""
        return tuple(dict.fromkeys(self.table["metric"]))

    def foot(self) -> list[str]:
        """Return two lines at most: what the numbers are, and the most important note."""
        more = len(self.notes) - 1
        also = f" ({more} more with --verbose)" if more > 0 else ""
        return [source_line(self.fit, self.prob), *(f"note: {note}{also}" for note in self.notes[:1])]

    def text(self, *, verbose: bool = False) -> str:
        """Return the answer for a terminal: sentences, the table, and what the numbers are.

        `verbose` adds the whole of names, how to read the table, further tables and all notes.
        """
        width = None if verbose else WIDTH
        blocks = ["\n".join([*warning(self.fit), *self.headline()])]
        blocks += ["\n".join(lines) for lines in [self.explain()] if verbose and lines]
        blocks.append(table_text(self.readable(), width=width))
        if verbose:
            tables = self.details().items()
            blocks += [f"{title}\n{table_text(table, width=None)}" for title, table in tables]
            told = f"{interval_text(self.fit, self.prob)}; {units_text(self.metrics)}"
            notes = [f"note: {note}" for note in self.notes]
            blocks.append("\n".join([source_text(self.fit), told, *notes]))
        else:
            blocks.append("\n".join(self.foot()))
        return "\n\n".join(printable(block) for block in blocks)

    def frame_text(self, title: str) -> Frame:
        """Return title, caption and warning of a picture of this answer."""
        caption = f"{source_line(self.fit, self.prob)}; seed {self.fit.provenance.get('seed')}."
        return framed(self.fit, title, caption)

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        """Return the answer for a notebook."""
        lines = [f"<p>{escape(line)}</p>" for line in [*warning(self.fit), *self.headline()]]
        foot = "<br>".join(map(escape, self.foot()))
        return f"{''.join(lines)}{html_table(self.readable())}<p><small>{foot}</small></p>"


def html_table(table: pd.DataFrame) -> str:
    """Return a table in HTML; text from users is escaped."""
    columns = cells(table)
    kinds = [" class=num" if _numbers(texts) else "" for texts in columns.values()]
    head = "".join(
        f'<th scope="col"{kind}><bdi>{escape(name)}</bdi></th>'
        for name, kind in zip(columns, kinds, strict=True)
    )
    rows = ("".join(map(_html_cell, row, kinds)) for row in zip(*columns.values(), strict=True))
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _numbers(texts: Sequence[str]) -> bool:
    """Return whether a column holds numbers, also with their intervals, which stand to the right."""
    known = [text for text in texts if text]
    return bool(known) and all(map(_NUMBER.match, known))


def _html_cell(cell: str, kind: str) -> str:
    """Return a cell; in an element of its own direction, so that no name turns the numbers beside it."""
    kind = kind or (" class=long" if len(cell) > LABEL else "")
    return f"<td{kind}><bdi>{escape(shortened(cell, 4 * LABEL))}</bdi></td>"


def interval(draws: FloatArray, prob: float) -> FloatArray:
    """Return median and equal-tailed interval of draws of shape (draws, ...), shape (..., 3)."""
    tail = (1 - prob) / 2
    # Nearest draws, not interpolated ones: coefficients may be infinite, and inf - inf is no number.
    return np.moveaxis(np.quantile(draws, np.array([0.5, tail, 1 - tail]), axis=0, method="nearest"), 0, -1)


def three(name: str, values: FloatArray) -> dict[str, Any]:
    """Return median, lower and upper, the last axis of an array, under the names of their columns."""
    return {f"{name}_{part}": values[..., place][()] for place, part in enumerate(STATISTICS)}


def value_text(value: float, metric: str) -> str:
    """Return a value or a difference in a metric's unit, in the decimals that the noise of one run leaves."""
    if math.isnan(value):
        return ""
    decimals = max(0, round(0.7 - math.log10(CATALOGUE[metric].noise)))
    # Adding zero makes -0.0, which a small negative value rounds to, 0.0.
    text = f"{round(value, decimals) + 0.0:.{decimals}f}"
    return text if len(text) <= _LONGEST else number_text(value)


def spread_text(row: Mapping[Any, Any] | pd.Series, name: str, metric: str) -> str:
    """Return '34.4 (32.8 to 35.4)' of the columns of a median and its interval; empty if unknown."""
    parts = [f"{name}_{part}" if name else part for part in STATISTICS]
    median, lower, upper = (value_text(row[part], metric) for part in parts)
    return f"{median} ({lower} to {upper})" if median else ""


def spreads(table: pd.DataFrame, name: str) -> list[str]:
    """Return the texts of a median and its interval of each row, in its metric's unit."""
    return [spread_text(row, name, row["metric"]) for row in table.to_dict("records")]


def triples(table: pd.DataFrame, name: str) -> list[tuple[float, float, float]]:
    """Return median, lower and upper of each row."""
    return list(table[[f"{name}_{part}" for part in STATISTICS]].itertuples(index=False, name=None))


def probabilities(values: pd.Series) -> list[str]:
    """Return probabilities as people read them; nothing where one is not known."""
    return ["" if math.isnan(p) else probability_text(p) for p in values]


def sizes_text(numbers: Sequence[float], low: float = 0.0, high: float = math.inf) -> str:
    """Return sizes as 'median (lower to upper)'; 0 means below `low`, infinity above `high`, NaN unknown."""
    if math.isnan(numbers[0]):
        return "unknown"
    texts = [
        f">{size_text(high)}" if math.isinf(n) else f"<{size_text(low)}" if n == 0 else size_text(n)
        for n in numbers
    ]
    return texts[0] if texts[1] == texts[2] else f"{texts[0]} ({texts[1]} to {texts[2]})"


def name_of(row: Mapping[Any, Any] | pd.Series, names: Sequence[str]) -> str:
    """Return what names a curve, 'en-fr, en50-fr50, D_f 42M'; of columns in which all are alike nothing."""
    sized = (*SIZES, "model_params")
    parts = [
        f"{SHORT.get(name, name)} {format_tokens(row[name])}" if name in sized else _name(row[name])
        for name in names
        if not pd.isna(row[name])
    ]
    return ", ".join(part for part in parts if part != "all") or "all curves"


def _name(value: Any) -> str:
    """Return a label for a sentence, short and without control characters."""
    return shortened(printable(str(value)), LABEL)


def names_of(table: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Return what names the curve of each row."""
    return [name_of(row, names) for row in table.to_dict("records")]


def varying(table: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Return the columns that tell the rows of a table apart; all, where it has one row."""
    return [name for name in names if table[name].nunique() > 1] or list(names)


def shown_names(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return the columns that name curves, without those that say 'all' of every one."""
    return table[[name for name in names if set(table[name]) != {"all"}]].copy()


def is_simulated(fit: Fit) -> bool:
    """Return whether the data say that they were simulated: by their runs or by the name of their file."""
    frame = fit.metrics.frame
    runs = frame["run"].astype(str) if "run" in frame else pd.Series(dtype=str)
    return bool(runs.str.startswith("simulated").any()) or "simulated" in source_name(fit)


def source_name(fit: Fit) -> str:
    """Return the name of the data's file or example, without its folder."""
    return Path(str(fit.provenance.get("source", "data"))).name


def record(fit: Fit) -> dict[str, Any]:
    """Return where the numbers of an answer come from, for programs."""
    kept = ("source", "data_hash", "seed", "versions")
    return {
        "status": fit.status.label,
        "problems": list(fit.status.problems),
        "remedy": fit.status.remedy,
        "draws": fit.count,
        "laws": list(fit.laws),
        "simulated": is_simulated(fit),
        KEY: fit.provenance.get(KEY),
        **{name: fit.provenance.get(name) for name in kept},
    }


def warning(fit: Fit) -> list[str]:
    """Return what a reader must see first: nothing, or that the numbers should not be trusted."""
    return [] if fit.status.ok else [f"DO NOT RELY ON THESE NUMBERS - {fit.status}"]


def framed(fit: Fit, title: str, caption: str) -> Frame:
    """Return what stands around a picture of a fit: that data are simulated, or must not be relied on."""
    simulated = " - SIMULATED data, not measured" if is_simulated(fit) else ""
    return Frame(f"{title}{simulated}", caption, "" if fit.status.ok else str(fit.status))


def track_record(fit: Fit) -> list[str]:
    """Return how intervals did on held-out values of the fit's own curves; nothing if nobody looked."""
    found = TrackRecord.of(fit.provenance)
    return [] if found is None else found.sentences()


def interval_text(fit: Fit, prob: float) -> str:
    """Return kind and probability of intervals, and from how many draws."""
    return f"{percent_text(prob)} equal-tailed intervals from {fit.count:,} posterior draws"


def percent_text(prob: float) -> str:
    """Return the probability of an interval, such as '90%'."""
    return f"{100 * prob:.10g}%"


def source_text(fit: Fit) -> str:
    """Return what the data are."""
    simulated = " - SIMULATED data, not measured" if is_simulated(fit) else ""
    return f"{source_name(fit)}: {len(fit.curves):,} curve{'s' if len(fit.curves) > 1 else ''}{simulated}"


def source_line(fit: Fit, prob: float) -> str:
    """Return data, intervals, draws and status in one line."""
    return f"{source_text(fit)}; {percent_text(prob)} intervals, {fit.count:,} draws, {fit.status.label}"


def units_text(metrics: Sequence[str]) -> str:
    """Return the units of metrics and sizes."""
    return f"{', '.join(f'{name} in {CATALOGUE[name].unit}' for name in metrics)}; sizes in tokens"


def units_of(metrics: Sequence[str]) -> dict[str, str]:
    """Return the unit of each metric."""
    return {name: CATALOGUE[name].unit for name in metrics}


def plain_records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table as plain Python values, None for what is not known."""
    return [{str(name): _plain(value) for name, value in row.items()} for row in table.to_dict("records")]


def _plain(value: Any) -> Any:
    """Return a value that JSON has; numbers that are not finite are not known."""
    return None if pd.isna(value) or (isinstance(value, float) and math.isinf(value)) else value
