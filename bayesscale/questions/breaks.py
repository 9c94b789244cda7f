"""Breaks: which laws have stopped to hold, where, how much was lost, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.errors import QuestionError
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import Curves
from bayesscale.models.breaks import sign_of
from bayesscale.posterior.curves import measured_metrics
from bayesscale.posterior.draws import Draws
from bayesscale.posterior.local import Local, measured
from bayesscale.posterior.noise import within
from bayesscale.questions.answer import (
    STATISTICS,
    SURE,
    UNLIKELY,
    Answer,
    interval,
    name_of,
    names_of,
    probabilities,
    sizes_text,
    spreads,
    three,
    triples,
    units_of,
    varying,
)
from bayesscale.questions.select import (
    Selection,
    answer_columns,
    check_prob,
    check_size,
    drawn_curves,
    metric_places,
    sizes_on,
)
from bayesscale.tables import SHORT
from bayesscale.text import listed, probability_text, size_text
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    from bayesscale.figures.picture import Picture
    from bayesscale.inference import Fit

FloatArray = NDArray[np.float64]


def hazard_sentences(fit: Fit, prob: float) -> list[str]:
    """Return one sentence a metric on how often its laws break, and one on alignment where it varies."""
    lines = []
    for place, name in enumerate(fit.arrays.breakable):
        hazard = np.log(10.0) * np.exp(fit.draws("break_log_hazard")[:, place])
        median, lower, upper = interval(hazard, prob)
        lines.append(
            f"population: {name} of a typical curve breaks {median:.2g} times a factor of ten of data "
            f"({lower:.2g} to {upper:.2g})"
        )
        if fit.has("break_alignment"):
            trend = fit.draws("break_alignment")[:, place]
            median, lower, upper = interval(np.exp(trend), prob)
            lines.append(
                f"alignment 1 instead of 0 multiplies that by {median:.2g} ({lower:.2g} to {upper:.2g}); "
                f"P(alignment makes breaks rarer) {(trend < 0).mean():.2g}"
            )
    return lines


_LIKELY = 0.5
_ONE_KIND = 0.8
# So many curves that may be broken are named.
_NAMED = 3
# With fewer sizes a break and a law that bends can hardly be told apart.
_FEW_SIZES = 5
# What the draws of a less probable law say of a break is not told.
_COUNTS = 0.05
_NO_INTERVAL = np.full(3, np.nan)


def break_row(draws: Draws, curve: int, metric: int, prob: float, at: float | None) -> dict[str, Any]:
    """Return a row of `Breaks`; the cost is stated at a size, by default the curve's last."""
    curves, name = draws.curves, draws.curves.names[metric]
    own = sizes_on(curves, curve, [metric])
    last = float(own[-1])
    position = draws["break_at"][:, curve, metric]
    broken = position <= last
    where = interval(position[broken], prob) if broken.any() else _NO_INTERVAL
    size = last if at is None else at
    local = measured(draws, metric, np.array([curve]))
    lost = interval(sign_of(name) * (_unbroken(local, curves, size) - _value(local, curves, size)), prob)
    since = np.minimum(position, last)
    falls = sign_of(name) * (_value(local, curves, last) - _unbroken(local, curves, since)) < 0
    p_broken, by_law = float(broken.mean()), _by_law(local, broken)
    p_fall = float(falls[broken].mean()) if broken.any() else np.nan
    return {
        **{name: curves.table[name].iloc[curve] for name in answer_columns(curves)},
        "metric": name,
        "sizes": len(own),
        "first": float(own[0]),
        "last": last,
        "p_broken": p_broken,
        "p_broken_least": min(by_law.values()),
        **three("break", where),
        "p_fall": p_fall,
        "at": size,
        **three("lost", lost),
        "evidence": evidence(p_broken, by_law, p_fall, len(own), where[0], name),
    }


def _by_law(local: Local, broken: NDArray[np.bool_]) -> dict[str, float]:
    """Return the probability of a break given each law that is not improbable."""
    follows = {name: local.law[0] == number for number, name in enumerate(local.laws)}
    return {name: float(broken[own].mean()) for name, own in follows.items() if own.mean() >= _COUNTS}


def evidence(
    p_broken: float, by_law: dict[str, float], p_fall: float, sizes: int, position: float, metric: str
) -> str:
    """Return what the numbers say, in words.

    `by_law` is P(broken) given each law that is not improbable: a score that levels off breaks the log-law
    and needs no break under a law with a ceiling. `p_fall` is the probability that the score fell since the
    break, and `position` its median in tokens.
    """
    if p_broken < UNLIKELY:
        return "no sign of a break"
    if p_broken < SURE and sizes < _FEW_SIZES:
        return f"undecided: {sizes} sizes are too few to tell"
    if p_broken < _LIKELY:
        return "undecided: a break is possible"
    if min(by_law.values()) < _LIKELY:
        told = " and ".join(f"{probability_text(p)} under the {law}" for law, p in by_law.items())
        kind = "scores" if CATALOGUE[metric].improves == "up" else "losses"
        return f"undecided: the laws of {kind} disagree, P(broken) is {told}"
    worse = "fell" if CATALOGUE[metric].improves == "up" else "rose"
    if p_fall >= _ONE_KIND:
        what = f"{worse} after about {size_text(position)}"
    elif p_fall <= 1 - _ONE_KIND:
        what = f"stalled after about {size_text(position)}, the weaker kind of break"
    else:
        what = f"stalled or {worse} after about {size_text(position)}"
    return f"{'broken' if p_broken >= SURE else 'probably broken'}: {what}"


def _unbroken(local: Local, curves: Curves, size: float | FloatArray) -> FloatArray:
    """Return draws of one curve's law at a size, or at one of each draw, as if it never broke."""
    u = np.atleast_1d(curves.axis.u(np.asarray(size, dtype=float)))[None, None]
    return np.asarray(np.minimum(local.unbroken(u)[0, 0], CATALOGUE[local.metric].high))


def _value(local: Local, curves: Curves, size: float) -> FloatArray:
    """Return draws of one curve's law at a size, with its break."""
    return within(local.value(curves.axis.u(np.array([[size]])))[0, 0], local.metric)


@dataclass(frozen=True)
class Breaks(Answer):
    """For every curve and breakable metric, the probability and size of a break.

    The table has a row a curve and metric, the most probable breaks first. Columns: what names the curve,
    metric, sizes (how many were measured), first and last; p_broken, the probability of a break by then, and
    p_broken_least, its smallest value given one of the laws that have at least 5% of the curve's draws;
    break_median, break_lower, break_upper, where, in tokens, given that there is one; p_fall, the probability
    that the score has fallen since, and not only risen less or stayed, given that there is one; at, the size
    at which lost_median, lost_lower, lost_upper are what the break costs against the unbroken law, in the
    metric's unit, averaged over no break as well; evidence in words. NaN where no draw has a break.
    """

    rows = "breaks"

    def contents(self) -> dict[str, Any]:
        """Return the units, and how often the population breaks."""
        tokens = dict.fromkeys(
            ("first", "last", "break_median", "break_lower", "break_upper", "at"), "tokens"
        )
        return {
            "units": {**units_of(self.metrics), **tokens},
            "population": hazard_sentences(self.fit, self.prob),
        }

    def headline(self) -> list[str]:
        """Return how many curves broke, and which."""
        broken, count = self.table[self.table["p_broken"] >= SURE], len(self.table)
        some = self.table["p_broken"].between(UNLIKELY, SURE, inclusive="left")
        names = varying(self.table, [*self.names, "metric"])
        told = [f"{name_of(row, names)} ({_how(row['evidence'])})" for row in broken.to_dict("records")]
        curves = f"{count:,} curve{'s' if count > 1 else ''}"
        if broken.empty:
            first = f"None of {curves} is broken with P {SURE:g} or more"
        else:
            first = f"{len(broken)} of {curves} {'are' if len(broken) > 1 else 'is'} broken: {listed(told)}"
        others = self.table[self.table["p_broken"] < SURE].sort_values("p_broken", ascending=False)
        if others.empty:
            return [f"{first}."]
        if 0 < some.sum() <= _NAMED:
            perhaps = [
                f"{name_of(row, names)} ({probability_text(row['p_broken'])})"
                for row in others.head(int(some.sum())).to_dict("records")
            ]
            return [f"{first}.", f"Perhaps broken: {listed(perhaps)}."]
        open_ones = f"{int(some.sum())} may be broken; " if some.any() else ""
        most = probability_text(others["p_broken"].max())
        which = f"the other {len(others)}" if len(broken) else "each"
        return [f"{first}.", f"{open_ones}P(broken) of {which} is at most {most}."]

    def explain(self) -> list[str]:
        """Return what the columns mean, and how often the population breaks."""
        (at,) = set(self.table["at"]) if self.table["at"].nunique() == 1 else (None,)
        axis = SHORT[self.fit.curves.axis_name]
        where = "the curve's last size" if at is None else f"{axis} {format_tokens(at)}"
        return [
            "P(broken): of a break by the last measured size; break at: where, if there is one; P(fall): "
            f"that the score fell since, if there is one; lost: against the unbroken law at {where}",
            *hazard_sentences(self.fit, self.prob),
        ]

    def readable(self) -> pd.DataFrame:
        """Return a row a curve; positions only where a break is not improbable."""
        shown = self.named()
        if len(self.metrics) > 1:
            shown["metric"] = self.table["metric"]
        shown["P(broken)"] = probabilities(self.table["p_broken"])
        likely = self.table["p_broken"] >= UNLIKELY
        shown["break at"] = np.where(likely, [sizes_text(own) for own in triples(self.table, "break")], "")
        shown["lost"] = np.where(likely, spreads(self.table, "lost"), "")
        shown["evidence"] = [_briefly(row) for row in self.table.to_dict("records")]
        return shown

    def plot(self) -> Picture:
        """Return a picture of where each curve broke, and with which probability."""
        from bayesscale.figures.rows import draw_rows

        names = varying(self.table, [*self.names, "metric"])
        where = {part: self.table[f"break_{part}"] for part in STATISTICS}
        table = self.table.assign(
            panel="",
            label=names_of(self.table, names),
            note=[f"P(broken) {probability_text(p)}" for p in self.table["p_broken"]],
            unit=f"{SHORT[self.fit.curves.axis_name]}, tokens",
            weight=self.table["p_broken"],
            start=self.table["first"],
            end=self.table["last"],
            **where,
        )
        return draw_rows(table, self.frame_text("Where the law broke, if it did"), log=True)


def _briefly(row: Mapping[Any, Any]) -> str:
    """Return the evidence of a row in so few words that they stand whole in a table."""
    told = _how(row["evidence"])
    if "the laws of" in told:
        return f"laws disagree (P {probability_text(row['p_broken_least'])} under one)"
    told = told.replace("undecided: a break is possible", "possible").removeprefix("undecided: ")
    return f"{told.removeprefix('probably broken: ')}?" if told.startswith("probably broken") else told


def _how(evidence: str) -> str:
    """Return the evidence without its first word: 'fell after about 39B'."""
    return evidence.removeprefix("broken: ").removesuffix(", the weaker kind of break")


def breaks(
    fit: Fit,
    *,
    prob: float = 0.9,
    at: float | None = None,
    tasks: Sequence[str] | None = None,
    mixtures: Sequence[str] | None = None,
    other_sizes: Sequence[float] | None = None,
    metrics: Sequence[str] | None = None,
) -> Breaks:
    """Say which laws broke.

    Parameters
    ----------
    fit : Fit
        A fitted model.
    prob : float
        Probability of the equal-tailed intervals.
    at : float, optional
        Size at which the loss against the unbroken law is stated. Default: each curve's last.
    tasks, mixtures, other_sizes : sequences, optional
        Which measured curves. Default: all.
    metrics : sequence of str, optional
        Default: all metrics that may break in this fit.

    Returns
    -------
    Breaks
        The answer.

    Raises
    ------
    QuestionError
        The fit was made without breaks, or does not know a task, mixture, size or metric.
    UsageError
        The probability or the size cannot be used.
    """
    check_prob(prob)
    if not fit.has("break_at"):
        raise QuestionError(
            "breaks can be asked of a fit that allows them, along finetune_tokens only if told to; this one "
            f"was made with breaks {fit.breaks!r}; fit again with --breaks scores or --breaks all"
        )
    tested = fit.arrays.breakable
    wanted = {fit.curves.names[place] for place in metric_places(fit.curves, metrics)}
    if metrics is not None and (never := sorted(wanted - set(tested))):
        raise QuestionError(
            f"{', '.join(never)} cannot break in this fit; only {', '.join(tested)} can; "
            "fit again with --breaks all"
        )
    size = check_size(at, fit.curves, rule="laws break on curves")
    drawn, notes = drawn_curves(fit, Selection(None, tasks, mixtures, other_sizes), None)
    known, chosen = measured_metrics(fit.curves), drawn.targets.position[drawn.targets.measured]
    rows = [
        break_row(fit.arrays, curve, metric, prob, size)
        for curve in sorted(chosen.tolist())
        for metric, name in enumerate(tested)
        if name in wanted and known[curve, metric]
    ]
    if not rows:
        raise QuestionError(
            "breaks are told of measured curves; none was chosen; leave out --task, --mixture or the sizes"
        )
    table = pd.DataFrame(rows).sort_values("p_broken", ascending=False, kind="stable", ignore_index=True)
    return Breaks(fit, prob, table, notes)
