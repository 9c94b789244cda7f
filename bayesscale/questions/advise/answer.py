"""Continue pretraining or stop: the answer, and the advice on one curve in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.questions.advise.decision import (
    ACTS,
    BROKEN,
    COLUMNS,
    CONTINUE,
    NOT_NEEDED,
    OUT_OF_REACH,
    REACHED,
    REASONS,
    STOP,
    UNDECIDED,
    Goal,
)
from bayesscale.questions.answer import (
    STATISTICS,
    UNLIKELY,
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
# From which probability on a reason to stop is said to be so; below, perhaps.
_SO = 0.8
_SHORT = {NOT_NEEDED: "not needed", BROKEN: "broken", OUT_OF_REACH: "out of reach"}
_LONG = {NOT_NEEDED: "pretraining not needed", BROKEN: "the law broke", OUT_OF_REACH: "out of reach"}


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


def because(row: Row) -> str:
    """Return what lies behind the act, each with its own probability; nothing where the act says all."""
    if row["act"] == STOP:
        parts = _reasons(row)
    elif row["act"] == ACTS[CONTINUE]:
        parts = {"reached already": row["p_reached"]} if row["p_reached"] >= UNLIKELY else {}
    elif row["act"] == ACTS[UNDECIDED]:
        parts = {ACTS[CONTINUE]: row["p_continue"] + row["p_reached"]}
        parts[STOP] = 1 - parts[ACTS[CONTINUE]]
    else:
        parts = {}
    return ", ".join(f"{_SHORT.get(name, name)} {probability_text(p)}" for name, p in parts.items())


def _reasons(row: Row) -> dict[str, float]:
    """Return the two most probable reasons to stop; how probable a break is, whatever else holds."""
    found = {name: float(row[COLUMNS[name]]) for name in REASONS}
    if not np.isnan(row["p_broken"]):
        found[BROKEN] = float(row["p_broken"])
    first, second, _ = sorted(REASONS, key=lambda name: -found[name])
    return {name: found[name] for name in (first, second) if name == first or found[name] >= UNLIKELY}


def _said(reason: str, probability: float) -> str:
    """Return a reason to stop in words that are as sure as it is."""
    return _LONG[reason] if probability >= _SO else f"perhaps {_SHORT[reason]}"


def _advised(row: Row, goal: Goal) -> str:
    """Return the act in words, every probability behind what it is of."""
    act, own = row["act"], probability_text(row["probability"])
    if act == STOP:
        reasons = [f"{_said(name, p)} (P {probability_text(p)})" for name, p in _reasons(row).items()]
        return f"stop (P {own}): {', '.join(reasons)}"
    if act == ACTS[CONTINUE]:
        told = f"continue: reached within {format_tokens(goal.budget)} with P {own}"
        if row["p_reached"] < UNLIKELY:
            return told
        probably = "probably " if row["p_reached"] >= _PROBABLE else ""
        return f"{told}; {probably}reached already (P {probability_text(row['p_reached'])})"
    return f"{act}: {because(row)}" if act == ACTS[UNDECIDED] else f"{act} (P {own})"


def sentence(row: Row, goal: Goal, axis: str) -> str:
    """Return the advice on a curve in one sentence, with the numbers behind it and what would help."""
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
        f"{_advised(row, goal)}; {way}; at {axis} {format_tokens(goal.budget)} {goal.metric} is "
        f"{spread_text(row, 'score', goal.metric)}, {_as_good(goal)} with P "
        f"{probability_text(row['p_target'])}{without}{broken}{few}{f'; {help_}' if help_ else ''}"
    )


def _help(row: Row, axis: str) -> str:
    """Return what to do: which checkpoint to take, or which measurement would tell outcomes apart."""
    if row["advice"] == REACHED:
        return "take the best checkpoint, not the last" if row["p_broken"] >= _PROBABLE else ""
    if row["act"] == STOP and row["p_broken"] >= _SO:
        return "more of this data will probably not help"
    if row["advice"] not in {UNDECIDED, BROKEN}:
        return ""
    sides = ((CONTINUE, REACHED), REASONS)
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
    ones; act, the one advised (reached, continue, stop or undecided), and probability, its own or that of the
    most probable one; advice, the act by its most probable reason; p_continue, p_reached, p_not_needed,
    p_law_broke, p_out_of_reach, the outcomes, which sum to one; because, what lies behind the act, each with
    its own probability; tokens_median, tokens_lower, tokens_upper,
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
        counts = self.table["act"].value_counts()
        acts = [f"{act} on {count}{self._stops() if act == STOP else ''}" for act, count in counts.items()]
        names, within = varying(self.table, self.names), f"within {format_tokens(self.goal.budget)}"
        going = [
            f"{name_of(row, names)} (P {probability_text(row['probability'])}"
            f"{'; ' * bool(row['because'])}{row['because']})"
            for row in self.table[self.table["act"] == ACTS[CONTINUE]].to_dict("records")
        ]
        second = [f"To continue, as it is reached {within}: {listed(going)}."] if going else []
        return [f"For {self._goal_text()} {within}: {listed(acts, len(acts))}.", *second]

    def _stops(self) -> str:
        """Return for which reasons how many curves are to stop."""
        firsts = [
            next(iter(_reasons(row).items())) for row in self.table.to_dict("records") if row["act"] == STOP
        ]
        counts = pd.Series([_said(*first) for first in firsts], dtype=str).value_counts()
        if len(counts) == 1:
            return f" ({counts.index[0]})"
        return f" ({listed([f'{reason} on {count}' for reason, count in counts.items()])})"

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
            "P: continue - the target is reached within the budget; stop - not needed, broken or out of "
            f"reach (unbroken, but not within the budget); below {goal.confidence:g} a curve is undecided",
            *(f"{name}: {why}" for name, why in told),
        ]

    def readable(self) -> pd.DataFrame:
        """Return the advice on each curve, what lies behind it, and what the target takes."""
        rows, goal = self.table.to_dict("records"), self.goal
        shown = self.named()
        shown["advice"] = self.table["act"]
        undecided = self.table["act"] == ACTS[UNDECIDED]
        shown["P"] = probabilities(self.table["probability"].mask(undecided))
        shown["because"] = self.table["because"]
        shown[f"tokens to {goal.target:g}"] = [tokens_text(row) for row in rows]
        return shown

    def details(self) -> dict[str, pd.DataFrame]:
        """Return the probability of every outcome, and the score at the budget."""
        shown = self.named()
        for name in (*COLUMNS.values(), "p_target", "p_broken", "p_break"):
            if self.table[name].notna().all():
                heading = name.removeprefix("p_").replace("_", " ")
                shown[f"P({heading})"] = probabilities(self.table[name])
        shown[f"{self.goal.metric} at {format_tokens(self.goal.budget)}"] = spreads(self.table, "score")
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
