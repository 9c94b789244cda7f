"""Conflict: whether a loss and a score disagree on which mixture or checkpoint is better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from bayesscale.errors import QuestionError
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.posterior.predictive import Predictive
from bayesscale.questions.asked import check_prob, drawn_curves
from bayesscale.questions.conflict_asked import (
    check_kinds,
    check_pairs,
    check_size,
    metric_pairs,
    notes_on,
    notes_on_kinds,
    notes_on_links,
)
from bayesscale.questions.conflict_words import UNSURE, conflict_sentences, link_sentences, readable_pairs
from bayesscale.questions.describe import plain_records, reading, record, table_text
from bayesscale.questions.link import EXPLAINED, SURE, link_rows
from bayesscale.questions.pairs import (
    Pair,
    Point,
    broken_at,
    cell_columns,
    compare,
    laws_at,
    measured_sizes,
    pair_table,
    pairs_of,
)
from bayesscale.questions.targets import Selection, answer_columns

if TYPE_CHECKING:
    from bayesscale.inference import Fit
    from bayesscale.report import Picture

MOST_ROWS = 20
"""Rows that a person is shown."""
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
class Conflict:
    """Whether loss and score disagree, for pairs of mixtures and of checkpoints, and the link between them.

    Parameters
    ----------
    fit : Fit
        The draws behind the numbers.
    prob : float
        Probability of the intervals.
    table : pandas.DataFrame
        The pairs, see `frame`.
    links : pandas.DataFrame
        A row a link score = c exp(-k loss): what names it (NaN where pooled), pooled, metric, loss, how many
        curves, points and draws it rests on; c, k, explained (share of the variance of log score) and rms (in
        the score's unit), each with _lower and _upper; noise, of one run; p_holds and verdict.
    notes : tuple of str
        What is to be said of them.
    """

    fit: Fit = field(repr=False)
    prob: float
    table: pd.DataFrame = field(repr=False)
    links: pd.DataFrame = field(repr=False)
    notes: tuple[str, ...]

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics in the answer: scores, then losses."""
        return (*dict.fromkeys(self.table["metric"]), *dict.fromkeys(self.table["loss"]))

    def frame(self) -> pd.DataFrame:
        """Return one row a pair, score and loss, the most probable conflict first.

        Columns: by ('mixtures' or 'checkpoints'); what the two have in common; mixture and size of A, which
        the loss prefers, and of B; metric, loss; p_conflict, the probability that loss and score disagree;
        p_a_better_loss, p_a_better_score; regret, the score expected to be lost by choosing with the loss,
        with regret_lower and regret_upper; p_a_break, the probability that the score's law of A broke before
        A's size, NaN where it cannot; measured, whether both curves were.
        """
        return self.table.copy()

    def document(self) -> dict[str, Any]:
        """Return the same for programs, with what the numbers are."""
        axis = self.fit.curves.axis_name
        return {
            "interval": {"kind": "equal-tailed", "prob": self.prob},
            **record(self.fit),
            "axis": axis,
            "units": {name: CATALOGUE[name].unit for name in self.metrics}
            | {
                name: "tokens" for name in (f"{axis}_a", f"{axis}_b", "finetune_tokens") if name in self.table
            },
            "meanings": _MEANINGS,
            "notes": list(self.notes),
            "findings": self.findings(),
            "pairs": plain_records(self.table),
            "links": plain_records(self.links),
        }

    def findings(self) -> list[str]:
        """Return the answer in words: where the loss would mislead, where it would not, and the links."""
        cells = cell_columns(self.fit.curves)
        return [
            *conflict_sentences(self.table, cells, self.fit.curves.axis_name),
            *link_sentences(self.links, cells),
        ]

    def sentences(self) -> list[str]:
        """Return the answer in words, and what a reader has to know of the table."""
        lines = reading(self.fit, self.prob, self.metrics)
        lines += self.findings()
        lines += [
            "P, P(conflict): that loss and score disagree on which of the two is better, by their laws "
            "without noise; lost: the score expected to be lost by choosing with the loss, and its interval; "
            "P(by loss), P(by score): that what the loss prefers is better; open: P between "
            f"{UNSURE:g} and {SURE:g}",
            f"a link holds if k > 0 and it explains {100 * EXPLAINED:g}% of the variance or errs less than "
            "one run's noise; it is fitted to the laws at the measured sizes, by least squares on logs",
        ]
        if (hidden := len(self.table) - MOST_ROWS) > 0:
            most = self.table["p_conflict"].iloc[MOST_ROWS]
            lines.append(
                f"the table has the {MOST_ROWS} most probable conflicts; {hidden} more pairs, with "
                f"P(conflict) of at most {most:.3g}, are left out; --csv and --json have all"
            )
        return [*lines, *(f"note: {note}" for note in self.notes)]

    def readable(self) -> pd.DataFrame:
        """Return the most probable conflicts as people read them."""
        curves = self.fit.curves
        return readable_pairs(self.table.head(MOST_ROWS), cell_columns(curves), curves.axis_name)

    def plot(self) -> Picture:
        """Return a picture of score and loss on the curves with possible conflicts (P > 0.1), or on all.

        Raises
        ------
        QuestionError
            None of the curves was measured.
        """
        from bayesscale.questions.picture import picture

        chosen = self.table[(self.table["p_conflict"] > UNSURE) & self.table["measured"]]
        chosen = chosen if len(chosen) else self.table[self.table["measured"]]
        if chosen.empty:
            raise QuestionError(
                "a picture shows curves that were measured; received none; ask for sizes that were measured"
            )
        columns = answer_columns(self.fit.curves)
        sides = [chosen.rename(columns={f"mixture_{side}": "mixture"}) for side in "ab"]
        wanted = pd.MultiIndex.from_frame(pd.concat(sides)[columns])
        keep = pd.MultiIndex.from_frame(self.fit.curves.table[columns]).isin(wanted)
        labels = [label for label, own in zip(self.fit.curves.labels, keep, strict=True) if own]
        end = max(float(chosen[f"{self.fit.curves.axis_name}_{side}"].max()) for side in "ab")
        return picture(self.fit, until=end, prob=self.prob, curves=labels, metrics=self.metrics)

    def __str__(self) -> str:
        return "\n".join([*self.sentences(), table_text(self.readable())])


def conflict(
    fit: Fit,
    *,
    by: str | None = None,
    size: float | None = None,
    prob: float = 0.9,
    tasks: Sequence[str] | None = None,
    other_sizes: Sequence[float] | None = None,
    metrics: Sequence[str] | None = None,
    losses: Sequence[str] | None = None,
    seed: int | None = None,
) -> Conflict:
    """Say for every pair of mixtures and checkpoints whether a loss and a score disagree on the better one.

    Mixtures are compared at one size and with everything else alike (task, D_f); of each curve, consecutive
    measured checkpoints. The laws are compared, with their breaks and without noise, draw by draw.

    Parameters
    ----------
    fit : Fit
        A fitted model, of at least one score and one loss.
    by : {'mixtures', 'checkpoints'}, optional
        Which pairs. Default: both.
    size : float, optional
        Where mixtures are compared, in tokens. Default: the last size to which both curves were measured.
    prob : float
        Probability of the equal-tailed intervals.
    tasks : sequence of str, optional
        Default: all.
    other_sizes : sequence of float, optional
        Values of the size that is constant on a curve (D_f). Default: those measured.
    metrics, losses : sequence of str, optional
        Scores and losses to be compared, every one with every other. Default: all.
    seed : int, optional
        Seed of what was not measured. Default: the fit's own.

    Raises
    ------
    QuestionError
        The fit has no score or no loss, a name is unknown, or there is no pair to compare.
    UsageError
        The kind of pairs, the size or the probability cannot be used.
    """
    check_prob(prob)
    kinds = check_kinds(by, size)
    at = None if size is None else check_size(size, fit.curves)
    chosen = metric_pairs(fit.curves, metrics, losses)
    drawn, notes = drawn_curves(fit, Selection(None, tasks, None, other_sizes), seed)
    answers = [_answer(Predictive(drawn, prob), pair, kinds, at) for pair in chosen]
    table, links = (pd.concat(parts, ignore_index=True) for parts in zip(*answers, strict=True))
    check_pairs(table, kinds)
    table = table.sort_values(["p_conflict", "regret"], ascending=False, kind="stable", ignore_index=True)
    notes = (
        *notes,
        *notes_on_kinds(kinds, table),
        *notes_on(fit.curves, drawn.targets, chosen, table),
        *notes_on_links(list(dict.fromkeys(table["loss"])), links, fit.count),
    )
    return Conflict(fit, prob, table, links, notes)


def _answer(
    predictive: Predictive, metrics: tuple[int, int], kinds: Sequence[str], size: float | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the pairs of one score and loss, and their links; a task at a time, to bound the memory."""
    curves, targets = predictive.drawn.curves, predictive.drawn.targets
    pairs = pairs_of(curves, targets, metrics, kinds, size)
    sizes = measured_sizes(curves, targets, metrics)
    broken = broken_at(predictive, _ends(pairs), metrics[0])
    compared, links = [], []
    for members in targets.table.groupby("task", sort=False).indices.values():
        own = [pair for pair in pairs if pair.a.target in members]
        points = [Point(int(target), float(at)) for target in members for at in sizes[target]]
        score, loss = (laws_at(predictive, [*points, *_ends(own)], place) for place in metrics)
        compared += [
            compare(pair, score[pair.a] - score[pair.b], loss[pair.a] - loss[pair.b], predictive.prob)
            for pair in own
        ]
        links += list(link_rows(predictive.drawn, metrics, points, score, loss, predictive.prob))
    return pair_table(curves, targets, metrics, compared, broken), pd.DataFrame(links)


def _ends(pairs: Sequence[Pair]) -> list[Point]:
    """Return both points of each pair."""
    return [point for pair in pairs for point in (pair.a, pair.b)]
