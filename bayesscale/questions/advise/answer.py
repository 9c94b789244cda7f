"""Continue pretraining or stop: the answer, and the advice on one curve in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.questions.advise.decision import (
    BROKEN,
    COLUMNS,
    CONTINUE,
    NOT_NEEDED,
    OUT_OF_REACH,
    REACHED,
    UNDECIDED,
    Goal,
)
from bayesscale.questions.answer import (
    STATISTICS,
    Answer,
    name_of,
    names_of,
    probabilities,
    spread_text,
    spreads,
    value_text,
    varying,
)
from bayesscale.questions.select import labels_of
from bayesscale.tables import SHORT
from bayesscale.text import listed, probability_text, size_text
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    from bayesscale.figures.picture import Picture

Row = Mapping[Any, Any]
# The guide of the paper asks for three; with fewer, other curves say most of what is said of this one.
_ENOUGH_SIZES = 3
_PROBABLE = 0.5


def tokens_text(row: Row) -> str:
    """Return a size with its interval, or that the target is not reached."""
    end = f">{size_text(row['horizon'])}"
    if np.isnan(row["tokens_median"]):
        return f"not by {end[1:]} (P {probability_text(1 - row['p_by_horizon'])})"
    median, lower, upper = (_needed(row[f"tokens_{name}"], row["first"], end) for name in STATISTICS)
    return median if median == lower == upper else f"{median} ({lower} to {upper})"


def _needed(size: float, first: float, end: str) -> str:
    """Return one size that is needed."""
    if np.isnan(size):
        return end
    return f"<={size_text(first)}" if size <= first else size_text(size)


def sentence(row: Row, goal: Goal, axis: str) -> str:
    """Return the advice on a curve in one sentence, with the numbers behind it and what would help."""
    advice = row["advice"]
    own = "" if advice == UNDECIDED else f" (P {probability_text(row[COLUMNS[advice]])})"
    if np.isnan(row["tokens_median"]):
        never = probability_text(1 - row["p_by_horizon"])
        way = f"{goal.metric} {goal.target:g} is not reached by {size_text(row['horizon'])} with P {never}"
    else:
        way = f"{goal.metric} {goal.target:g} takes {tokens_text(row)} of {axis}"
    without = ""
    if not np.isnan(row["baseline_median"]):
        without = (
            f"; without pretraining it is {value_text(row['baseline_median'], goal.metric)}, with it at best "
            f"{spread_text(row, 'gain', goal.metric)} better"
        )
    broken = "" if np.isnan(row["p_broken"]) else f"; P(broken) {probability_text(row['p_broken'])}"
    few = f"; only {row['sizes']} measured, so other curves say most of this" * (row["sizes"] < _ENOUGH_SIZES)
    help_ = _help(row, axis)
    return (
        f"{advice}{own}: {way}; at {axis} {format_tokens(goal.budget)} {goal.metric} is "
        f"{spread_text(row, 'score', goal.metric)}, {_as_good(goal)} with P "
        f"{probability_text(row['p_target'])}{without}{broken}{few}{f'; {help_}' if help_ else ''}"
    )


def _help(row: Row, axis: str) -> str:
    """Return what to do: which checkpoint to take, or which measurement would tell outcomes apart."""
    if row["advice"] == REACHED:
        return "take the best checkpoint, not the last" if row["p_broken"] >= _PROBABLE else ""
    if row["advice"] == BROKEN:
        return "more of this data will probably not help"
    if row["advice"] != UNDECIDED:
        return ""
    sides = ((CONTINUE, REACHED), (NOT_NEEDED, BROKEN, OUT_OF_REACH))
    probable = {max(side, key=lambda name: float(row[COLUMNS[name]])) for side in sides}
    if NOT_NEEDED in probable:
        return "would help: repeated runs without pretraining, and of the best checkpoint"
    if BROKEN in probable:
        return (
            f"would help: repeated runs of the last checkpoints, and one at a larger {axis}: break or noise"
        )
    if REACHED in probable:
        return "would help: repeated runs of the last checkpoint, whose score is near the target"
    return f"would help: a checkpoint at a larger {axis}, and repeated runs of the last one"


def _as_good(goal: Goal) -> str:
    """Return what being as good as the target means."""
    most = "at least" if CATALOGUE[goal.metric].improves == "up" else "at most"
    return f"{most} {goal.target:g}"


@dataclass(frozen=True)
class Advice(Answer):
    """For every curve, whether to continue, with the probability of every outcome.

    The outcomes and the rule that chooses are those of `bayesscale.questions.advise.decision`.

    The table has a row a curve. Columns: what names the curve; metric; sizes, first and last, the measured
    ones; advice, and probability, that of the act advised or of the most probable one; p_continue, p_reached,
    p_not_needed, p_law_broke, p_out_of_reach, which sum to one; tokens_median, tokens_lower, tokens_upper,
    the size at which the law first is as good as the target, `first` if it is so there and NaN if not by the
    size `horizon`; p_by_horizon, the probability that it is by then; expected, score_median, score_lower,
    score_upper, the law at the budget, and p_target, the probability that it is as good as the target there;
    p_broken and p_break, the probabilities of a break by the last size and by the budget, NaN where the law
    cannot break; gain_median, gain_lower, gain_upper, by how much the best that pretraining gives is better
    than the baseline, baseline_median, the baseline, and p_baseline, the probability that it is as good as
    the target, NaN where no baseline was measured; why in words.
    """

    goal: Goal

    rows = "advice"

    def contents(self) -> dict[str, Any]:
        """Return the goal and the units."""
        goal, unit = self.goal, CATALOGUE[self.goal.metric].unit
        tokens = ("first", "last", "tokens_median", "tokens_lower", "tokens_upper", "horizon", "budget")
        return {
            **{name: getattr(goal, name) for name in ("metric", "target", "budget", "delta", "confidence")},
            "units": {
                **dict.fromkeys((goal.metric, "target", "delta", "gain_median"), unit),
                **dict.fromkeys(tokens, "tokens"),
            },
        }

    def headline(self) -> list[str]:
        """Return how many curves are advised what, and on which to go on."""
        counts = self.table["advice"].value_counts()
        told = listed([f"{advice} on {count}" for advice, count in counts.items()], len(counts))
        going = self.table[self.table["advice"] == CONTINUE]
        names = varying(self.table, self.names)
        where = f"{self._goal_text()} within {format_tokens(self.goal.budget)}"
        to_continue = [
            f"{name_of(row, names)} (P {probability_text(row['p_continue'])})"
            for row in going.to_dict("records")
        ]
        second = [f"To continue: {listed(to_continue)}."] if to_continue else []
        return [f"For {where}: {told}.", *second]

    def _goal_text(self) -> str:
        """Return the target."""
        return f"{self.goal.metric} {_as_good(self.goal)}"

    def explain(self) -> list[str]:
        """Return the rule, and a sentence a curve."""
        axis, goal = SHORT[self.fit.curves.axis_name], self.goal
        not_needed = "not needed: the baseline is as good as the target, or pretraining gains less than"
        told = zip(names_of(self.table, self.names), self.table["why"], strict=True)
        return [
            f"target: {self._goal_text()} without noise; budget: {axis} up to {format_tokens(goal.budget)}"
            + (f"; {not_needed} {goal.delta:g}" if self.table["p_baseline"].notna().any() else ""),
            f"an act is advised if its probability is at least {goal.confidence:g}, else '{UNDECIDED}'",
            *(f"{name}: {why}" for name, why in told),
        ]

    def readable(self) -> pd.DataFrame:
        """Return the advice on each curve, what the target takes, and the score at the budget."""
        rows, goal = self.table.to_dict("records"), self.goal
        shown = self.named()
        shown["advice"] = self.table["advice"]
        shown["P"] = probabilities(self.table["probability"])
        shown[f"tokens to {goal.target:g}"] = [tokens_text(row) for row in rows]
        shown[f"{goal.metric} at {format_tokens(goal.budget)}"] = spreads(self.table, "score")
        return shown

    def details(self) -> dict[str, pd.DataFrame]:
        """Return the probability of every outcome."""
        shown = self.named()
        for name in (*COLUMNS.values(), "p_target", "p_broken", "p_break"):
            if self.table[name].notna().all():
                heading = name.removeprefix("p_").replace("_", " ")
                shown[f"P({heading})"] = probabilities(self.table[name])
        title = (
            "probabilities of the outcomes, which sum to 1; of the target at the budget; of a break by the "
            "last measured size, and by the budget"
        )
        return {title: shown}

    def plot(self) -> Picture:
        """Return a picture of the curves with bands up to the budget and a line at the target."""
        from bayesscale.figures.figure import mark_target
        from bayesscale.questions.picture import picture

        labels = labels_of(self.fit.curves, self.table)
        drawn = picture(
            self.fit, until=self.goal.budget, prob=self.prob, curves=labels, metrics=[self.goal.metric]
        )
        mark_target(drawn, self.goal.target)
        return drawn
