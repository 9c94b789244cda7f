"""Rank: which mixture is best for a task at a size, with probabilities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.errors import QuestionError
from bayesscale.models.breaks import sign_of
from bayesscale.posterior.predictive import Predictive
from bayesscale.questions.answer import (
    SURE,
    Answer,
    interval,
    name_of,
    names_of,
    plain_records,
    probabilities,
    spreads,
    units_of,
    varying,
)
from bayesscale.questions.select import (
    Selection,
    check_prob,
    check_sizes,
    drawn_curves,
    metric_notes,
    metric_places,
)
from bayesscale.tables import SHORT
from bayesscale.text import listed, probability_text
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    from bayesscale.figures.picture import Picture
    from bayesscale.inference import Fit

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Ranking(Answer):
    """Mixtures of each task, the best first.

    The table has a row a mixture, with task, other size, metric and size. Columns: median, lower, upper of
    the law without noise (equal-tailed interval); p_best, the probability that no other mixture in the
    comparison is better; p_better_than_next, that it is better than the one in the next row, NaN in the last.
    """

    pairs: pd.DataFrame = field(repr=False)

    rows = "ranking"

    def pair_frame(self) -> pd.DataFrame:
        """Return one row an ordered pair of mixtures: p_better, that `mixture` is better than `than`."""
        return self.pairs.copy()

    def contents(self) -> dict[str, Any]:
        """Return the units, and all pairs."""
        return {"units": units_of(self.metrics), "pairs": plain_records(self.pairs)}

    def best(self) -> pd.DataFrame:
        """Return the row of each comparison whose mixture is most probably the best."""
        groups = self.table.groupby(self._comparison, sort=False, dropna=False)
        return self.table.loc[groups["p_best"].idxmax()]

    @property
    def _comparison(self) -> list[str]:
        """The columns in which compared mixtures agree."""
        names = [name for name in self.names if name != "mixture"]
        return [*names, "metric", self.fit.curves.axis_name]

    def headline(self) -> list[str]:
        """Return the most probable mixture of each comparison of the first metric, and how sure it is."""
        axis, best = self.fit.curves.axis_name, self.best()
        best = best[(best["metric"] == self.metrics[0]) & (best[axis] == best[axis].max())]
        cells = varying(best, [name for name in self._comparison if name not in ("metric", axis)])
        told = [
            f"{row['mixture']}{f' for {name_of(row, cells)}' if len(best) > 1 else ''} "
            f"(P(best) {probability_text(row['p_best'])})"
            for row in best.to_dict("records")
        ]
        where = f"{SHORT[axis]} {format_tokens(best[axis].iloc[0])}"
        unsure = int((best["p_best"] < SURE).sum())
        open_ones = "all" if unsure == len(best) else f"{unsure} of them"
        several = unsure and len(best) > 1
        second = f" The order is open (no P(best) of {SURE:g}) in {open_ones}." if several else ""
        return [f"By {self.metrics[0]} at {where} the best mixture is {listed(told)}.{second}"]

    def explain(self) -> list[str]:
        """Return what the columns mean."""
        return [
            "law: without noise, with its risk of breaking; P(best): that no other mixture here is better; "
            "P(> next): that it is better than the one below"
        ]

    def readable(self) -> pd.DataFrame:
        """Return a row a mixture, the best first."""
        table, axis = self.table, self.fit.curves.axis_name
        shown = self.named()
        shown["metric"], shown[axis] = table["metric"], table[axis]
        shown["law"] = spreads(table, "")
        shown["P(best)"] = probabilities(table["p_best"])
        shown["P(> next)"] = probabilities(table["p_better_than_next"])
        return shown

    def plot(self, *, columns: int = 3) -> Picture:
        """Return a picture of the mixtures, ordered, with their intervals and P(best)."""
        from bayesscale.figures.rows import draw_rows

        names = [name for name in self._comparison if name != self.fit.curves.axis_name]
        sizes = [self.fit.curves.axis_name]
        panels = [*varying(self.table, [*names, *sizes])] if len(self.best()) > 1 else names
        table = self.table.assign(
            panel=names_of(self.table, panels),
            label=self.table["mixture"],
            note=[f"P(best) {probability_text(p)}" for p in self.table["p_best"]],
            unit=self.table["metric"].map(units_of(self.metrics)),
        )
        frame = self.frame_text("Ranking of mixtures: the law without noise")
        return draw_rows(table, frame, columns=columns)


def rank(
    fit: Fit,
    tokens: Sequence[float],
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
    tokens : sequence of float
        Sizes at which mixtures are compared.
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
    asked = check_sizes(tokens, fit.curves, rule="mixtures differ only after pretraining")
    drawn, notes = drawn_curves(fit, Selection(None, tasks, mixtures, other_sizes, shares, alignment), seed)
    predictive = Predictive(drawn, prob)
    groups = _groups(drawn.targets.table)
    if not groups:
        raise QuestionError(
            "a ranking needs two mixtures of one task at one other size; no two were chosen or measured; "
            "leave out --mixture, or name a second one"
        )
    places = metric_places(fit.curves, metrics)
    found = [
        _ranked(predictive, members, metric, size)
        for metric in places
        for size in asked
        for members in groups
    ]
    table, pairs = (pd.concat(part, ignore_index=True) for part in zip(*found, strict=True))
    return Ranking(fit, prob, table, (*notes, *metric_notes(drawn, places)), pairs)


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
