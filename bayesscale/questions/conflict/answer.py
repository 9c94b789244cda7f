"""Whether a loss and a score disagree: the answer, and what it means in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from bayesscale.errors import QuestionError
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import SIZES
from bayesscale.questions.answer import (
    SURE,
    UNLIKELY,
    Answer,
    name_of,
    names_of,
    plain_records,
    probabilities,
    shown_names,
    spreads,
    units_of,
    value_text,
)
from bayesscale.questions.conflict.link import EXPLAINED
from bayesscale.questions.conflict.pairs import CHECKPOINTS, MIXTURES, cell_columns
from bayesscale.text import probability_text
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    from bayesscale.figures.picture import Picture

MOST_ROWS = 20
"""Rows, and sentences on links, that a person is shown."""
LEAST = 0.05
"""Probability of a conflict from which on a person is shown it."""
_METRICS = ["metric", "loss"]


def in_short(table: pd.DataFrame) -> list[str]:
    """Return on how many pairs a loss would mislead about a score, and the most that it would cost."""
    counts = []
    for kind, one, of in ((MIXTURES, "pair", "of mixtures"), (CHECKPOINTS, "step", "between checkpoints")):
        own = table[table["by"] == kind]
        if len(own):
            wrong = int((own["p_conflict"] >= SURE).sum())
            unsettled = int(own["p_conflict"].between(UNLIKELY, SURE, inclusive="neither").sum())
            more = f" ({unsettled} open)" if unsettled else ""
            counts.append(f"{wrong or 'none'} of {len(own):,} {one}{'s' if len(own) > 1 else ''} {of}{more}")
    first = table.iloc[int(table["regret"].to_numpy().argmax())]
    axis = next(name for name in table.columns if name.endswith("_a") and name.startswith(tuple(SIZES)))
    a, b = (_label(first[f"mixture_{side}"], first[f"{axis[:-2]}_{side}"]) for side in "ab")
    lost = value_text(first["regret"], first["metric"])
    return [
        f"Choosing by {first['loss']} would mislead about {first['metric']} (P {SURE:g} or more) "
        f"on {' and '.join(counts)}.",
        f"It would cost most where it prefers {a} to {b}: {lost} in {first['metric']} on average, with a "
        f"P(conflict) of {probability_text(first['p_conflict'])}.",
    ]


def _label(mixture: str, size: float) -> str:
    """Return 'en+fr at 131B'; the size alone where curves have no mixture."""
    return format_tokens(size) if mixture == "all" else f"{mixture} at {format_tokens(size)}"


def _of_link(row: dict[Any, Any], cells: Sequence[str]) -> str:
    """Return the verdict on one link."""
    which = f"{name_of(row, ['task'])}, all its curves" if row["pooled"] else name_of(row, cells)
    loss = "log perplexity" if row["loss"] == "perplexity" else row["loss"]
    explained, low, high = (f"{100 * row[f'explained{end}']:.0f}%" for end in ("", "_lower", "_upper"))
    return (
        f"{which}: the link {row['metric']} = {row['c']:.3g} exp(-{row['k']:.3g} {loss}) {row['verdict']} "
        f"(P(holds) {probability_text(row['p_holds'])}): it explains {explained} ({low} to {high}) of the "
        f"variance of log {row['metric']} and errs by {row['rms']:.2g} ({row['rms_lower']:.2g} to "
        f"{row['rms_upper']:.2g}) {CATALOGUE[row['metric']].unit} rms, where one run's noise is "
        f"{row['noise']:.2g}"
    )


_MEANINGS = {
    "p_conflict": "P(loss and score disagree on which of A and B is better), of the laws without noise",
    "p_a_better_loss": "P(A has the lower loss); A is the one for which this is more probable",
    "p_a_better_score": "P(A has the higher score)",
    "regret": "expected score lost by choosing with the loss: 0 in draws that agree, else the difference",
    "p_a_break": "P(the score's law of A broke before A's size)",
    "explained": "share of the variance of log score that score = c exp(-k loss) explains",
    "rms": "root mean squared error of that link, in the score's unit",
    "p_holds": f"P(k > 0, and explained >= {EXPLAINED:g} or rms at most the noise of one run)",
}


@dataclass(frozen=True)
class Conflict(Answer):
    """Whether loss and score disagree, for pairs of mixtures and of checkpoints, and the link between them.

    The table has a row a pair, score and loss, the most probable conflict first. Columns: by ('mixtures' or
    'checkpoints'); what the two have in common; mixture and size of A, which the loss prefers, and of B;
    metric, loss; p_conflict, the probability that loss and score disagree; p_a_better_loss, p_a_better_score;
    regret, the score expected to be lost by choosing with the loss, with regret_lower and regret_upper;
    p_a_break, the probability that the score's law of A broke before A's size, NaN where it cannot; measured,
    whether both curves were.

    `links` has a row a link score = c exp(-k loss): what names it (NaN where pooled), pooled, metric, loss,
    how many curves, points and draws it rests on; c, k, explained (share of the variance of log score) and
    rms (in the score's unit), each with _lower and _upper; noise, of one run; p_holds and verdict. `points`
    is what the links are fitted to: what names a curve, metric, loss, size, medians of score and loss.
    """

    links: pd.DataFrame = field(repr=False)
    points: pd.DataFrame = field(repr=False)

    rows = "pairs"

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics in the answer: scores, then losses."""
        return (*dict.fromkeys(self.table["metric"]), *dict.fromkeys(self.table["loss"]))

    def contents(self) -> dict[str, Any]:
        """Return units, meanings of the columns, findings and links."""
        axis = self.fit.curves.axis_name
        sizes = [name for name in (f"{axis}_a", f"{axis}_b", "finetune_tokens") if name in self.table]
        return {
            "units": units_of(self.metrics) | dict.fromkeys(sizes, "tokens"),
            "meanings": _MEANINGS,
            "findings": self.findings(),
            "links": plain_records(self.links),
        }

    def findings(self) -> list[str]:
        """Return the answer in words: on how many pairs the loss would mislead, and the links."""
        links = self.links.sort_values("p_holds", kind="stable") if len(self.links) else self.links
        told = [_of_link(row, cell_columns(self.fit.curves)) for row in links.to_dict("records")]
        return [*(line for pair in self._in_short() for line in pair), *told[:MOST_ROWS]]

    def _in_short(self) -> list[list[str]]:
        """Return the two sentences on each score and loss."""
        return [in_short(part) for _, part in self.table.groupby(_METRICS, sort=True)]

    def headline(self) -> list[str]:
        """Return on how many pairs the loss would mislead, and what the worst choice costs."""
        parts = self._in_short()
        return parts[0] if len(parts) == 1 else [first for first, _ in parts[:2]]

    def explain(self) -> list[str]:
        """Return the findings, and what the columns mean."""
        lines = [
            *self.findings()[len(self.headline()) :],
            "P(conflict): that loss and score disagree on which of the two is better, by their laws without "
            "noise; lost: the score expected to be lost by choosing with the loss, and its interval; "
            f"open: P between {UNLIKELY:g} and {SURE:g}",
            f"a link holds if k > 0 and it explains {100 * EXPLAINED:g}% of the variance or errs less than "
            "one run's noise; it is fitted to the laws at the measured sizes, by least squares on logs",
        ]
        if (hidden := len(self.table) - self._shown) > 0:
            most = probability_text(self.table["p_conflict"].iloc[self._shown])
            lines.append(
                f"{hidden} more pairs, with P(conflict) of at most {most}, are left out; --csv and --json "
                "have all"
            )
        return lines

    @property
    def _shown(self) -> int:
        """How many rows a person is shown: the most probable, without those that are improbable."""
        return min(MOST_ROWS, max(1, int((self.table["p_conflict"] >= LEAST).sum())))

    def readable(self) -> pd.DataFrame:
        """Return the most probable conflicts."""
        table, axis = self.table.head(self._shown), self.fit.curves.axis_name
        shown = shown_names(table, cell_columns(self.fit.curves))
        for heading, side in (("loss prefers", "a"), ("to", "b")):
            ends = zip(table[f"mixture_{side}"], table[f"{axis}_{side}"], strict=True)
            shown[heading] = [_label(mixture, size) for mixture, size in ends]
        for name in [name for name in _METRICS if table[name].nunique() > 1]:
            shown[name] = table[name]
        shown["P(conflict)"] = probabilities(table["p_conflict"])
        shown["lost"] = spreads(table.assign(regret_median=table["regret"]), "regret")
        return shown

    def plot(self, *, columns: int = 3) -> Picture:
        """Return a picture of score against loss, a panel for each task; QuestionError without a link."""
        from bayesscale.figures.link import draw_links

        if self.links.empty:
            raise QuestionError(
                "a picture of score against loss shows curves that were measured; received none with a link; "
                "ask for sizes that were measured"
            )
        cells = cell_columns(self.fit.curves)
        own = self.links[~self.links["pooled"]]
        own = own.assign(heading=names_of(own, cells))
        return draw_links(self.points, own, cells, self.frame_text("Score and loss"), columns=columns)
