"""The advice on one curve in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.questions.advice_rows import Wish
from bayesscale.questions.decision import (
    BROKEN,
    COLUMNS,
    CONTINUE,
    NOT_NEEDED,
    OUT_OF_REACH,
    REACHED,
    UNDECIDED,
)
from bayesscale.questions.describe import probability_text
from bayesscale.units import format_tokens

Row = Mapping[str, Any]
# The guide of the paper asks for three; with fewer, other curves say most of what is said of this one.
_ENOUGH_SIZES = 3
_NOT_IMPROBABLE, _PROBABLE = 0.1, 0.5


def size_text(size: float) -> str:
    """Return an uncertain size in two digits."""
    return format_tokens(float(f"{size:.2g}"))


def tokens_text(row: Row, first: float) -> str:
    """Return the tokens needed for a table: '420B (210B to 1.2T)', or that the target is not reached.

    Parameters
    ----------
    row : mapping
        A row of `Advice.frame`.
    first : float
        The curve's first measured size, before which nothing is looked for.
    """
    end = f">{size_text(row['horizon'])}"
    if np.isnan(row["tokens_median"]):
        return f"not by {end[1:]} (P {probability_text(1 - row['p_by_horizon'])})"
    median, lower, upper = (_needed(row[f"tokens_{name}"], first, end) for name in _STATISTICS)
    return median if median == lower == upper else f"{median} ({lower} to {upper})"


_STATISTICS = ("median", "lower", "upper")


def _needed(size: float, first: float, end: str) -> str:
    """Return one size that is needed."""
    if np.isnan(size):
        return end
    return f"<={size_text(first)}" if size <= first else size_text(size)


def score_text(row: Row, name: str = "score") -> str:
    """Return '34.4 (32.8 to 35.4)', in the decimals that the noise of one run leaves."""
    median, lower, upper = (
        value_text(row[f"{name}_{statistic}"], row["metric"]) for statistic in _STATISTICS
    )
    return f"{median} ({lower} to {upper})"


def value_text(value: float, metric: str) -> str:
    """Return a value or a difference in a metric's unit."""
    decimals = max(0, round(0.7 - np.log10(CATALOGUE[metric].noise)))
    # Adding zero makes -0.0, which a small negative value rounds to, 0.0.
    return f"{round(value, decimals) + 0.0:.{decimals}f}"


def sentence(row: Row, wish: Wish, first: float, axis: str) -> str:
    """Return the advice on a curve in one sentence, with the numbers behind it.

    Parameters
    ----------
    row : mapping
        A row of `Advice.frame`.
    wish : Wish
        What the user wants.
    first : float
        The curve's first measured size.
    axis : str
        Short name of the size along the curve, such as 'D_p'.
    """
    advice = row["advice"]
    reasons = {
        CONTINUE: _continue,
        REACHED: _reached,
        NOT_NEEDED: _not_needed,
        BROKEN: _broken,
        OUT_OF_REACH: _out_of_reach,
        UNDECIDED: _undecided,
    }
    few = f"; only {row['sizes']} measured, so other curves say most of this" * (row["sizes"] < _ENOUGH_SIZES)
    return f"{advice}{_sure(row)}: {reasons[advice](row, wish, first, axis)}{few}"


def _sure(row: Row) -> str:
    """Return the probability of the advice, and with it that of the act if other outcomes speak for it."""
    if row["advice"] == UNDECIDED:
        return ""
    own, act = (probability_text(p) for p in (row[COLUMNS[row["advice"]]], row["probability"]))
    others = "with the target reached already" if row["advice"] == CONTINUE else "with other reasons to stop"
    return f" (P {own})" if own == act else f" (P {own}; {others} {act})"


def _continue(row: Row, wish: Wish, first: float, axis: str) -> str:
    """Say how far to go."""
    return f"{_way(row, wish, first, axis)}{_perhaps(row)}; {_at_budget(row, wish, axis)}{_breaks(row, wish)}"


def _way(row: Row, wish: Wish, first: float, axis: str) -> str:
    """Say how much the target takes, or that it is not reached."""
    if np.isnan(row["tokens_median"]):
        never = probability_text(1 - row["p_by_horizon"])
        return f"{_goal(wish)} is not reached by {size_text(row['horizon'])} with P {never}"
    return f"{_goal(wish)} takes {tokens_text(row, first)} of {axis}"


def _perhaps(row: Row) -> str:
    """Say that the target may be reached already, if that is not improbable."""
    shown = row["p_reached"] >= _NOT_IMPROBABLE
    return f" and may be reached already (P {probability_text(row['p_reached'])})" if shown else ""


def _reached(row: Row, wish: Wish, first: float, axis: str) -> str:
    """Say since when the target is reached, and which checkpoint to take."""
    took = f"{_goal(wish)} took {tokens_text(row, first)} of the {size_text(row['last'])} of {axis} measured"
    best = "; take the best checkpoint, not the last" if row["p_broken"] >= _PROBABLE else ""
    return f"{took}{best}{_gain(row, wish)}{_breaks(row, wish)}"


def _not_needed(row: Row, wish: Wish, first: float, axis: str) -> str:
    """Compare with the baseline."""
    baseline, end = value_text(row["baseline_median"], wish.metric), max(wish.budget, row["last"])
    return (
        f"without pretraining {wish.metric} is {baseline}, {_as_good(wish)} with P "
        f"{probability_text(row['p_baseline'])}; pretraining up to {format_tokens(end)} "
        f"gains {score_text(row, 'gain')} at best{_breaks(row, wish)}"
    )


def _broken(row: Row, wish: Wish, first: float, axis: str) -> str:
    """Say what a break does to the target."""
    return (
        f"P(broken by {axis} {size_text(row['last'])}) {probability_text(row['p_broken'])}; "
        f"{_at_budget(row, wish, axis)}; more of this data will probably not help{_gain(row, wish)}"
    )


def _out_of_reach(row: Row, wish: Wish, first: float, axis: str) -> str:
    """Say how far away the target is."""
    return f"{_at_budget(row, wish, axis)}; {_way(row, wish, first, axis)}{_breaks(row, wish)}"


def _undecided(row: Row, wish: Wish, first: float, axis: str) -> str:
    """Say what is most probable for going on and for a stop, and what measurement would tell."""
    sides = ((CONTINUE, REACHED), (NOT_NEEDED, BROKEN, OUT_OF_REACH))
    chosen = [max(side, key=lambda name: float(row[COLUMNS[name]])) for side in sides]
    probable = sorted(chosen, key=lambda name: -row[COLUMNS[name]])
    shares = " or ".join(f"{name} (P {probability_text(row[COLUMNS[name]])})" for name in probable)
    return f"{shares}; {_at_budget(row, wish, axis)}{_breaks(row, wish)}; {help_text(set(probable), axis)}"


def help_text(probable: set[str], axis: str) -> str:
    """Return which measurement would tell the most probable outcomes apart, in general terms.

    Parameters
    ----------
    probable : set of str
        The most probable outcome for going on, and the most probable one for a stop.
    axis : str
        Short name of the size along the curve.
    """
    if NOT_NEEDED in probable:
        return "would help: repeated runs without pretraining, and of the best checkpoint"
    if BROKEN in probable:
        return (
            f"would help: repeated runs of the last checkpoints, and one at a larger {axis}: break or noise"
        )
    if REACHED in probable:
        return "would help: repeated runs of the last checkpoint, whose score is near the target"
    return f"would help: a checkpoint at a larger {axis}, and repeated runs of the last one"


def _goal(wish: Wish) -> str:
    """Return the target."""
    return f"{wish.metric} {wish.target:g}"


def _as_good(wish: Wish) -> str:
    """Return what being as good as the target means."""
    most = "at least" if CATALOGUE[wish.metric].improves == "up" else "at most"
    return f"{most} {wish.target:g}"


def _at_budget(row: Row, wish: Wish, axis: str) -> str:
    """Say what the law is at the budget."""
    return (
        f"at {axis} {format_tokens(wish.budget)} {wish.metric} is {score_text(row)}, {_as_good(wish)} with P "
        f"{probability_text(row['p_target'])}"
    )


def _breaks(row: Row, wish: Wish) -> str:
    """Say how probable breaks are; nothing where the law cannot break."""
    if np.isnan(row["p_broken"]):
        return ""
    later = f", by {format_tokens(wish.budget)} {probability_text(row['p_break'])}"
    return f"; P(broken) {probability_text(row['p_broken'])}{later if wish.budget > row['last'] else ''}"


def _gain(row: Row, wish: Wish) -> str:
    """Compare the best that pretraining gives with the baseline; nothing where there is none."""
    if np.isnan(row["gain_median"]):
        return ""
    return f"; its best is {score_text(row, 'gain')} better than no pretraining"
