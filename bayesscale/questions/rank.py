"""Rank: which mixture is best for a task at a size, with probabilities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.errors import QuestionError, UsageError
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.models.breaks import sign_of
from bayesscale.posterior.predictive import Predictive
from bayesscale.questions.asked import check_prob, check_sizes, drawn_curves, metric_places
from bayesscale.questions.describe import SHORT, plain_records, reading, record, table_text
from bayesscale.questions.population import interval
from bayesscale.questions.targets import Selection

if TYPE_CHECKING:
    from bayesscale.inference import Fit
    from bayesscale.report import Picture

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Ranking:
    """Mixtures of each task, the best first.

    Parameters
    ----------
    fit : Fit
        The draws behind the numbers.
    predictive : Predictive
        The curves compared, and the probability of the intervals.
    table, pairs : pandas.DataFrame
        The numbers, see `frame` and `pair_frame`.
    notes : tuple of str
        What is to be said of them.
    """

    fit: Fit = field(repr=False)
    predictive: Predictive = field(repr=False)
    table: pd.DataFrame = field(repr=False)
    pairs: pd.DataFrame = field(repr=False)
    notes: tuple[str, ...]

    def frame(self) -> pd.DataFrame:
        """Return one row a mixture, with task, other size, metric and size, the best first.

        Columns: median, lower, upper of the law without noise (equal-tailed interval); p_best, the
        probability that no other mixture in the comparison is better; p_better_than_next, that it is better
        than the one in the next row, NaN in the last.
        """
        return self.table.copy()

    def pair_frame(self) -> pd.DataFrame:
        """Return one row an ordered pair of mixtures: p_better, that `mixture` is better than `than`."""
        return self.pairs.copy()

    def document(self) -> dict[str, Any]:
        """Return the same for programs, with what the numbers are."""
        return {
            "interval": {"kind": "equal-tailed", "prob": self.predictive.prob},
            **record(self.fit),
            "axis": self.fit.curves.axis_name,
            "units": {name: CATALOGUE[name].unit for name in dict.fromkeys(self.table["metric"])},
            "notes": list(self.notes),
            "ranking": plain_records(self.table),
            "pairs": plain_records(self.pairs),
        }

    def sentences(self) -> list[str]:
        """Return what a reader has to know of the table."""
        lines = reading(self.fit, self.predictive.prob, tuple(dict.fromkeys(self.table["metric"])))
        lines.append(
            "median, lower, upper: the law without noise, with its risk of breaking; P(best): that no other "
            "mixture here is better; P(> next): that it is better than the one below"
        )
        return [*lines, *(f"note: {note}" for note in self.notes)]

    def readable(self) -> pd.DataFrame:
        """Return the columns that a person reads, under short headings."""
        return self.table.rename(columns={**SHORT, "p_best": "P(best)", "p_better_than_next": "P(> next)"})

    def plot(self) -> Picture:
        """Return a picture of the curves that were compared, up to the largest size asked for."""
        from bayesscale.questions.picture import draw_predictive

        places = metric_places(self.fit.curves, list(dict.fromkeys(self.table["metric"])))
        return draw_predictive(
            self.fit, self.predictive, places, float(self.table[self.fit.curves.axis_name].max())
        )

    def __str__(self) -> str:
        return "\n".join([*self.sentences(), table_text(self.readable())])


def rank(
    fit: Fit,
    sizes: Sequence[float],
    *,
    prob: float = 0.9,
    tasks: Sequence[str] | None = None,
    mixtures: Sequence[str] | None = None,
    other_sizes: Sequence[float] | None = None,
    shares: Mapping[str, float] | None = None,
    alignment: float | None = None,
    metrics: Sequence[str] | None = None,
    seed: int | None = None,
) -> Ranking:
    """Rank mixtures by what they are worth to a task.

    Parameters
    ----------
    fit : Fit
        A fitted model.
    sizes : sequence of float
        Sizes at which mixtures are compared, in tokens.
    prob : float
        Probability of the equal-tailed intervals.
    tasks, mixtures, other_sizes, shares, alignment, seed
        As in `forecast`; a mixture that was never trained can take part.
    metrics : sequence of str, optional
        Default: all metrics of the fit.

    Raises
    ------
    QuestionError
        There are no two mixtures to compare, or the fit cannot answer as in `forecast`.
    UsageError
        A size or the probability cannot be used.
    """
    check_prob(prob)
    asked = check_sizes(sizes, fit.curves)
    if (asked == 0).any():
        raise UsageError("mixtures differ only after pretraining; received size 0; give sizes above 0")
    drawn, notes = drawn_curves(fit, Selection(None, tasks, mixtures, other_sizes, shares, alignment), seed)
    predictive = Predictive(drawn, prob)
    groups = _groups(drawn.targets.table)
    if not groups:
        raise QuestionError(
            "a ranking needs two mixtures of one task at one other size; no two were chosen or measured; "
            "leave out --mixture, or name a second one"
        )
    found = [
        _ranked(predictive, members, metric, size)
        for metric in metric_places(fit.curves, metrics)
        for size in asked
        for members in groups
    ]
    table, pairs = (pd.concat(part, ignore_index=True) for part in zip(*found, strict=True))
    return Ranking(fit, predictive, table, pairs, notes)


def _groups(table: pd.DataFrame) -> list[list[int]]:
    """Return the rows of targets that differ in nothing but the mixture, where there are two at least."""
    if "mixture" not in table:
        return []
    columns = [name for name in table.columns if name not in ("mixture", "alignment")]
    groups = table.groupby(columns, sort=False, dropna=False).indices.values()
    return [list(map(int, members)) for members in groups if len(members) > 1]


def _ranked(
    predictive: Predictive, members: list[int], metric: int, size: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the ranking of one group of targets, and all its pairs."""
    curves = predictive.drawn.curves
    name = curves.names[metric]
    law = np.stack([predictive.law(np.full((1, 1), size), metric, slice(m, m + 1))[0, 0] for m in members])
    good = sign_of(name) * law
    order = np.argsort(-np.median(good, axis=1), kind="stable")
    best = good >= good.max(axis=0)
    where = predictive.drawn.targets.table.iloc[[members[i] for i in order]].reset_index(drop=True)
    table = where.assign(metric=name, **{curves.axis_name: size})
    table[["median", "lower", "upper"]] = interval(law[order].T, predictive.prob)
    # A tie is shared, so that the probabilities sum to one.
    table["p_best"] = (best / best.sum(axis=0)).mean(axis=1)[order]
    table["p_better_than_next"] = [*_better(good[order[:-1]], good[order[1:]]), np.nan]
    names = where["mixture"].tolist()
    own = [name for name in where.columns if name != "mixture"]
    rows = list(_pairs(names, good[order]))
    pairs = pd.DataFrame(rows, columns=["mixture", "than", "p_better"])
    return table, pd.concat([where[own].iloc[[0] * len(pairs)].reset_index(drop=True), pairs], axis=1).assign(
        metric=name, **{curves.axis_name: size}
    )


def _better(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return P(first > second), ties counted half, over the last axis."""
    return np.asarray((first > second).mean(axis=-1) + 0.5 * (first == second).mean(axis=-1))


def _pairs(names: list[str], good: FloatArray) -> Iterator[tuple[str, str, float]]:
    """Yield every ordered pair of mixtures with the probability that the first is better."""
    for first, second in permutations(range(len(names)), 2):
        yield names[first], names[second], float(_better(good[first], good[second]))
