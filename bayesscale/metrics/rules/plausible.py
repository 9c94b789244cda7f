"""What numbers say of themselves: sums for means, bits for nats, fractions for points, stale evaluations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd

from bayesscale.metrics.catalogue import CATALOGUE, normalised
from bayesscale.metrics.names.labels import is_average
from bayesscale.metrics.names.scores import score_name
from bayesscale.metrics.options import option
from bayesscale.metrics.problems import Problem
from bayesscale.metrics.tidy.draft import Draft
from bayesscale.metrics.tidy.numbers import in_percent

_LARGEST_LOSS = {"cross_entropy": 15.0, "bits_per_token": 21.0, "bits_per_byte": 10.0}
"""Above the logarithm of any vocabulary (nats, bits; bytes have 8)."""
_POINTS_OF_FRACTIONS = {"wer": 1.5, "cer": 1.5, "ter": 1.5}
_DIGITS = 4
_NEAR_100 = 0.15  # in factors of ten
_NEAR_RATIO, _FEW_TIMES = 0.4, 4.0
"""How far curves of two scales are from 100 times each other, and how much one of them rises."""


def scale_problems(draft: Draft, scale: Mapping[str, float]) -> tuple[list[Problem], list[str]]:
    """Return metrics that are on another scale than their own, and notes on what may be.

    A metric that the user scales is taken as it is, and with 1 as of one scale.
    """
    found = ((score_name(name, draft.named.declared), factor) for name, factor in scale.items())
    told = {name.metric: factor for name, factor in found if name and name.beside is None}
    problems: list[Problem] = []
    notes: list[str] = []
    for name, rows in draft.data.groupby("metric"):
        metric = str(name)
        if metric not in CATALOGUE or told.get(metric) == 1:
            continue
        own = (
            []
            if metric in told
            else list(_differences(draft, metric, rows))
            or [*_sums(draft, metric, rows), *_fractions(draft, metric, rows)]
        )
        problems += own or list(_two_scales(draft, metric, rows, notes)) or _curves_apart(draft, metric, rows)
    return problems, notes


def _differences(draft: Draft, metric: str, rows: pd.DataFrame) -> Iterator[Problem]:
    """Yield the problem of values with a plus sign, which are differences to another score.

    No option settles it: without the rows that have no sign, they would still be differences.
    """
    signed = rows.index[draft.text["value"][rows.index].str.match(r"\+\s*[\d.]")]
    if len(signed):
        hint = (
            "a value with a plus sign is a difference to another: write the scores themselves, the other one "
            f"added; if they are scores, leave the signs out, or {option('scale', f'{metric}=1')}"
        )
        yield draft.problem(signed[0], "value", "no-difference", hint)


def _sums(draft: Draft, metric: str, rows: pd.DataFrame) -> Iterator[Problem]:
    """Yield the problem of a loss that is no mean over tokens."""
    limit = _LARGEST_LOSS.get(metric)
    if limit is None or not rows["value"].median() > limit:
        return
    leave = draft.leave_out(metric)
    own = option("scale", f"{metric}=1")
    # That they are right as they are is never tried out: it would be accepted without being meant.
    hint = (
        f"no {metric} in {CATALOGUE[metric].unit} is above {limit:g}, so these may be sums: divide "
        "them by the "
        f"number of tokens with --scale {metric}=FACTOR, or leave them out: {leave}; as they are: {own}"
    )
    row = rows.index[int(rows["value"].argmax())]
    yield draft.problem(row, "value", "loss-per-token", hint, options=(leave,))


def _fractions(draft: Draft, metric: str, rows: pd.DataFrame) -> Iterator[Problem]:
    """Yield the problem of a metric in points whose values are all fractions, or those of one task."""
    spec = CATALOGUE[metric]
    top = _POINTS_OF_FRACTIONS.get(metric, 1.0 if spec.high == 100 and "points" in spec.unit else 0.0)
    if "signature" in rows:
        # Who has a signature had sacreBLEU, which knows one scale; early checkpoints do score below 1.
        rows = rows[rows["signature"].eq("")]
    # What has a percent sign, or a name that says percent, says its scale.
    told = in_percent(draft.text["value"]) | draft.text["score: percent"].astype(bool)
    rows = rows[~told[rows.index]]
    if not top or rows.empty:
        return
    largest = rows.groupby("task")["value"].max()
    low = largest[(largest > 0) & (largest <= top)]
    if len(low) == len(largest) > 0:
        scale, own = (option("scale", f"{metric}={factor}") for factor in (100, 1))
        hint = (
            f"no {metric} is above this one, so these are fractions: multiply them and their standard errors "
            f"by 100 with {scale}; as they are: {own}"
        )
        row = rows.index[int(rows["value"].argmax())]
        yield draft.problem(row, "value", "value-scale", hint, options=(scale, own))
    # Where other tasks score so little at first, one that never does better may be a hard one.
    others = rows.loc[~rows["task"].isin(low.index), "value"]
    alone = len(low) < len(largest) and not ((others > 0) & (others <= top)).any()
    for task in low.index if alone else ():
        hint = f"{metric} of task {task} is never above this one: {_in_the_table(metric)}"
        if "task" in draft.named.cells:
            leave = option("where", f"{draft.named.in_file('task')}!={task}")
            hint += f"; without that task: {leave}"
        own_rows = rows[rows["task"].eq(task)]
        row = own_rows.index[int(own_rows["value"].argmax())]
        yield draft.problem(row, "value", "value-scale", hint)


def _in_the_table(metric: str) -> str:
    """Return what settles whether some curves are fractions; to leave these out is never tried unasked."""
    scale = option("scale", f"{metric}=1")
    return (
        f"if these are fractions, multiply them by 100 in the table; if they are right as they are: {scale}"
    )


def _two_scales(draft: Draft, metric: str, rows: pd.DataFrame, notes: list[str]) -> Iterator[Problem]:
    """Yield the problem of a curve that jumps by a factor of about 100 and is smooth but for that."""
    spec = CATALOGUE[metric]
    if not (spec.high in (1, 2, 100) or metric in _POINTS_OF_FRACTIONS):
        return
    rows = rows[~draft.is_baseline[rows.index] & (rows["value"] > 0)]
    curve = list(draft.curve)
    means = rows.groupby([*curve, draft.axis], dropna=False)["value"].mean()
    groups = np.log10(means).groupby(level=curve, dropna=False, sort=False)
    steps = groups.diff()
    jump = (steps.abs() - 2).abs() < _NEAR_100
    smooth = ~(steps.abs() > 0.5) | jump
    whole = smooth.groupby(level=curve, dropna=False).transform("all") & (groups.transform("size") >= 3)
    # A first score near nothing, and then good ones, is how learning starts.
    at = groups.cumcount()
    start = (jump & (at == 1) & (steps > 0)) & (jump.groupby(level=curve, dropna=False).transform("sum") == 1)
    if (first := means[(start & whole).shift(-1, fill_value=False)]).size:
        notes.append(f"{metric} starts at {first.iloc[0]:g} and goes on 100 times as high: is it a fraction?")
    found = np.flatnonzero(jump & whole & ~start)
    if not len(found):
        return
    before = means.iloc[found[0] - 1]
    row = rows.groupby([*curve, draft.axis], dropna=False)["value"].idxmin().iloc[found[0]]
    own = option("scale", f"{metric}=1")
    hint = (
        f"the value before it is {before:g}: fractions and percentages in one curve? write one of them; if "
        f"they are right as they are: {own}"
    )
    yield draft.problem(row, "value", "one-scale", hint)


def _curves_apart(draft: Draft, metric: str, rows: pd.DataFrame) -> Iterator[Problem]:
    """Yield the problem of curves that are fractions beside others, at the same sizes, of 100 times as much.

    Curves of runs without pretraining are near 0 as well, but rise by more than a few tenths of themselves or
    are written with one decimal.
    """
    spec = CATALOGUE[metric]
    if spec.high != 100 or len(draft.curve) == 0:
        return
    own = rows[~draft.is_baseline[rows.index]]
    curve = list(draft.curve)
    number = own.groupby(curve, sort=False, dropna=False).ngroup()
    if number.nunique() < 2:
        return
    written = draft.text["value"][own.index]
    exact = written.str.contains(r"[.,]\d\d|[eE]-") & ~in_percent(written)
    if "signature" in own:
        exact &= own["signature"].eq("")
    stats = own["value"].groupby(number).agg(["min", "max", "size"])
    low = stats["max"].le(1) & stats["min"].gt(0) & stats["max"].lt(_FEW_TIMES * stats["min"])
    low &= exact.groupby(number).mean().gt(0.5) & stats["size"].gt(1)
    high = stats["min"].gt(1)
    medians = own["value"].groupby([number, own[draft.axis]]).median().unstack(level=0)
    # Curves without a valid size are told elsewhere.
    medians = medians.reindex(columns=stats.index)
    usual = medians[high.index[high]].median(axis=1)
    for name in low.index[low]:
        ratio = np.log10(usual / medians[name]).dropna()
        if len(ratio) < 2 or ((ratio - 2).abs() > _NEAR_RATIO).any():
            continue
        of_curve = own[number.eq(name)]
        row = of_curve.index[int(of_curve["value"].argmax())]
        telling = [c for c in curve if own[c].nunique(dropna=False) > 1]
        labels = ", ".join(f"{c} {own[c][row]}" for c in telling)
        where = f"{telling[0]}!={own[telling[0]][row]}" if len(telling) == 1 else ""
        known = where and telling[0] in draft.named.cells
        without = f"; without that curve: {option('where', where)}" if known else ""
        hint = (
            f"no {metric} of {labels} is above this one, and others are about 100 times as high at the same "
            f"sizes: {_in_the_table(metric)}{without}"
        )
        yield draft.problem(row, "value", "one-scale", hint)


def odd_notes(draft: Draft) -> list[str]:
    """Return notes on what is allowed and yet odd."""
    checks: tuple[Callable[[Draft], Iterator[str]], ...] = (
        _at_size_zero,
        _stale,
        _spikes,
        _at_chance,
        _averages,
    )
    return [note for check in checks for note in check(draft)]


def _at_size_zero(draft: Draft) -> Iterator[str]:
    """Yield a note on rows at size 0 where the file's own column is called otherwise, such as step."""
    column = draft.named.in_file("pretrain_tokens")
    count = int(draft.is_baseline.sum())
    if count and not normalised(column).startswith(("pretrain", "dp")):
        yield (
            f"{count:,} rows at size 0 were taken for the model without pretraining, finetuned from "
            "scratch; if "
            f"they are the start of training, leave them out: {option('where', f'{column}>0')}"
        )


def _stale(draft: Draft) -> Iterator[str]:
    """Yield a note on values that are the same as at the size before, to many digits."""
    rows = draft.data[~draft.is_baseline].sort_values([*draft.curve, "metric", draft.axis])
    group = rows.groupby([*draft.curve, "metric"], sort=False, dropna=False)
    digits = draft.text["value"].str.replace(r"[^\d]|^0\.0*", "", regex=True).str.len()[rows.index]
    same = group["value"].diff().eq(0) & group[draft.axis].diff().gt(0) & digits.ge(_DIGITS)
    # Shares of a small test set do repeat; means over its tokens do not.
    same &= rows["metric"].map(lambda name: CATALOGUE[name].unit != "fraction")
    if same.any():
        lines = sorted(draft.text["line"][rows.index[same]].unique())
        shown = ", ".join(map(str, lines[:5])) + (" ..." if len(lines) > 5 else "")
        yield (
            f"{same.sum():,} values are the same as at the size before, to {_DIGITS} digits or more: "
            "are these "
            f"evaluations stale? ({draft.unit} {shown})"
        )


def _spikes(draft: Draft) -> Iterator[str]:
    """Yield a note on single losses above the logarithm of any vocabulary."""
    for metric, limit in _LARGEST_LOSS.items():
        count = int((draft.data["metric"].eq(metric) & draft.data["value"].gt(limit)).sum())
        if count:
            yield f"{count:,} values of {metric} are above {limit:g}, more than a loss per token: divergence?"


def _averages(draft: Draft) -> Iterator[str]:
    """Yield a note on labels that are those of means of other rows, which would count twice."""
    labels = (name for name in (*draft.curve, "seed", "run") if name in draft.text and name in draft.data)
    for column in (name for name in labels if draft.data[name].dtype == object):
        if draft.data[column].nunique() < 2:
            continue
        for label in filter(is_average, draft.data[column].dropna().unique()):
            way = option("where", f"{column}!={label}")
            yield f"{column} {label!r} seems to be a mean of others, which counts them twice: {way}"


def _at_chance(draft: Draft) -> Iterator[str]:
    """Yield a note on metrics that are nowhere better than chance."""
    for name, rows in draft.data.groupby("metric"):
        spec = CATALOGUE[str(name)]
        if spec.chance is not None and (rows["value"] - spec.chance).abs().max() < 2 * spec.noise:
            yield f"{name} is at chance ({spec.chance:g}) throughout: there is nothing to forecast yet"
