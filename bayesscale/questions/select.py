"""Which curves, sizes and metrics a question is about: measured ones, and others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.errors import QuestionError, UsageError, valid_names
from bayesscale.metrics.catalogue import find_metric
from bayesscale.metrics.curves import SIZES, Curves, Observations
from bayesscale.posterior.curves import DrawnCurves, Targets, measured_metrics
from bayesscale.posterior.local import gauge_of
from bayesscale.questions.alignment import target_alignment
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    from bayesscale.inference import Fit


# A curve is said to be near zero from this probability on.
_COUNTS = 0.05
# So much alike are a name and the same name with a mistake.
_ALIKE = 0.85


@dataclass(frozen=True)
class Selection:
    """What the user asks for; None asks for all that was measured.

    Parameters
    ----------
    curves : sequence of str, optional
        Labels of measured curves, such as 'en-fr | en+fr | 42M'; excludes the other choices.
    tasks : sequence of str, optional
        Measured tasks.
    mixtures : sequence of str, optional
        Mixtures, of which any may be new.
    other_sizes : sequence of float, optional
        Values of the size that is constant on a curve (D_f), measured or not.
    shares : mapping of language to share, optional
        Language shares of the one mixture that was not measured.
    alignment : float, optional
        Alignment of the one mixture and task that were not measured together.
    """

    curves: Sequence[str] | None = None
    tasks: Sequence[str] | None = None
    mixtures: Sequence[str] | None = None
    other_sizes: Sequence[float] | None = None
    shares: Mapping[str, float] | None = None
    alignment: float | None = None


def answer_columns(curves: Curves) -> list[str]:
    """Return the columns that name a curve in answers: task, mixture, then the other curve columns."""
    return list(
        dict.fromkeys([n for n in ("task", "mixture") if n in curves.table] + list(curves.curve_columns))
    )


def choose_targets(curves: Curves, wanted: Selection) -> Targets:
    """Return the curves that the user asks for."""
    if wanted.curves is not None:
        return _by_label(curves, wanted)
    _check_columns(curves, wanted)
    sizes = _snapped(wanted.other_sizes, curves)
    asked = pd.DataFrame(_rows(curves, wanted, sizes), columns=answer_columns(curves))
    known = curves.table[asked.columns].assign(position=np.arange(len(curves)))
    merged = asked.drop_duplicates().merge(known, how="left", on=list(asked.columns))
    position = merged.pop("position").fillna(-1).to_numpy(np.int64)
    _check_covariate(curves, wanted, bool((position < 0).any()))
    return Targets(merged, position, (*_size_notes(curves, sizes), *_mixture_notes(curves, wanted)))


def _by_label(curves: Curves, wanted: Selection) -> Targets:
    """Return measured curves by their labels."""
    if wanted != Selection(curves=wanted.curves):
        raise UsageError("curves are chosen by their labels or by task, mixture and size; choose one way")
    places = {label: place for place, label in enumerate(curves.labels)}
    labels = list(dict.fromkeys(wanted.curves or ()))
    _check_known("curve", labels, places)
    position = np.array([places[label] for label in labels], dtype=np.int64)
    table = curves.table[answer_columns(curves)].iloc[position].reset_index(drop=True)
    return Targets(table, position)


def _check_known(what: str, received: Iterable[str], valid: Iterable[str]) -> None:
    """Refuse names that were not measured, naming the nearest one that was."""
    valid = list(valid)
    for name in received:
        if name not in valid:
            raise QuestionError(
                f"a {what} must be one that was measured; received {name!r}; {_some(name, valid)}"
            )


def _some(name: str, valid: Sequence[str]) -> str:
    """Return the end of a message; of many valid names only the nearest ones."""
    if len(valid) <= 20:
        return valid_names(name, valid)
    near = get_close_matches(name, valid, n=5, cutoff=0.0)
    return f"nearest of {len(valid)}: {', '.join(near)}; `bayesscale show` lists all"


def _check_columns(curves: Curves, wanted: Selection) -> None:
    """Refuse a choice by something that does not tell the curves apart."""
    other = SIZES[curves.axis_name]
    for column, asked in (("task", wanted.tasks), ("mixture", wanted.mixtures), (other, wanted.other_sizes)):
        if asked is None:
            continue
        if column not in curves.curve_columns:
            raise QuestionError(
                f"curves are chosen by what tells them apart; received a choice by {column}; "
                f"{valid_names(column, curves.curve_columns)}"
            )
        if not len(asked):
            raise UsageError(f"a choice by {column} needs at least one value; received none")
    if wanted.tasks is not None:
        _check_known("task", wanted.tasks, sorted(set(curves.table["task"])))
    for mixture in wanted.mixtures or ():
        _check_spelling(mixture, sorted(set(curves.table["mixture"])))


def _check_spelling(mixture: str, known: Sequence[str]) -> None:
    """Refuse a new mixture whose name is but for a letter or a sign that of a measured one.

    Names with other digits, such as en60-de40, are those of other mixtures.
    """
    near = get_close_matches(mixture.casefold(), [name.casefold() for name in known], n=1, cutoff=_ALIKE)
    meant = next((name for name in known if name.casefold() in near), None)
    if mixture in known or meant is None or _digits(mixture) != _digits(meant):
        return
    raise QuestionError(
        f"a mixture is one that was measured, or a new one with a name of its own; received {mixture!r}; did "
        f"you mean {meant!r}? If it is new, give it a name that is less like that"
    )


def _digits(name: str) -> str:
    """Return the digits of a name."""
    return "".join(filter(str.isdigit, name))


def _snapped(sizes: Sequence[float] | None, curves: Curves) -> list[float] | None:
    """Return sizes, each replaced by the measured one that prints alike: 5.243B means 5242880000."""
    if sizes is None:
        return None
    measured = np.unique(curves.table[SIZES[curves.axis_name]].to_numpy(float))
    return [_nearest(float(size), measured) for size in sizes]


def _nearest(size: float, measured: NDArray[np.float64]) -> float:
    """Return the measured size that a person means by a number, or the number."""
    if not (np.isfinite(size) and (size > 0 or size in measured)):
        raise UsageError(f"sizes are finite numbers above 0; received {size:g}")
    alike = [float(known) for known in measured if format_tokens(known) == format_tokens(size)]
    return min(alike, key=lambda known: abs(known - size)) if alike else size


def _rows(curves: Curves, wanted: Selection, sizes: list[float] | None) -> Iterator[dict[str, Any]]:
    """Yield the curves asked for: every mixture and size, for every task."""
    other, names = SIZES[curves.axis_name], answer_columns(curves)
    # Plain rows: of many curves each look into a data frame would take longer than the answer.
    rows = curves.table[list(dict.fromkeys(["task", "mixture", *names]))].to_dict("records")
    rest = [n for n in names if n not in ("task", "mixture") and not (n == other and sizes is not None)]
    for task in dict.fromkeys(wanted.tasks or [row["task"] for row in rows]):
        of_task = [row for row in rows if row["task"] == task]
        for mixture in dict.fromkeys(wanted.mixtures or [row["mixture"] for row in of_task]):
            alike = [row for row in of_task if row["mixture"] == mixture] or of_task
            for values in dict.fromkeys(tuple(row[name] for name in rest) for row in alike):
                for own in [{other: size} for size in sizes or ()] or [{}]:
                    yield {"task": task, "mixture": mixture, **dict(zip(rest, values, strict=True)), **own}


def _check_covariate(curves: Curves, wanted: Selection, new: bool) -> None:
    """Refuse a D_f that was not measured where all curves have the same."""
    other = SIZES[curves.axis_name]
    if wanted.other_sizes is None or not new or other in [covariate.name for covariate in curves.covariates]:
        return
    values = set(curves.table[other])
    if {float(size) for size in _snapped(wanted.other_sizes, curves) or ()} - values:
        raise QuestionError(
            f"another {other} can be answered for only if the curves differ in it; all have "
            f"{', '.join(map(format_tokens, sorted(values)))}; add curves with other values and fit again"
        )


def _size_notes(curves: Curves, sizes: list[float] | None) -> list[str]:
    """Say which sizes lie outside those measured."""
    other = SIZES[curves.axis_name]
    if sizes is None:
        return []
    low, high = float(curves.table[other].min()), float(curves.table[other].max())
    return [
        f"{other} {format_tokens(size)} lies outside the measured {format_tokens(low)} to "
        f"{format_tokens(high)}: its trend is assumed to go on"
        for size in sizes
        if not low <= size <= high
    ]


def _mixture_notes(curves: Curves, wanted: Selection) -> list[str]:
    """Say which mixtures are new, and which known one may have been meant."""
    known = sorted(set(curves.table["mixture"])) if wanted.mixtures is not None else []
    notes = []
    for mixture in dict.fromkeys(wanted.mixtures or ()):
        if mixture not in known:
            notes.append(f"mixture {mixture!r} was not measured: its effect is drawn as that of any mixture")
    return notes


FloatArray = NDArray[np.float64]


def check_prob(prob: float) -> None:
    """Refuse what is no probability of an interval."""
    if not 0 < prob < 1:
        raise UsageError(
            f"the probability of an interval lies between 0 and 1; received {prob:g}; write 0.9 for 90%"
        )


def drawn_curves(fit: Fit, wanted: Selection, seed: int | None) -> tuple[DrawnCurves, tuple[str, ...]]:
    """Return the curves asked for in every draw, and notes on the choice; by default with the fit's seed."""
    targets = choose_targets(fit.curves, wanted)
    alignment, notes = target_alignment(fit.metrics, fit.curves, targets, wanted.shares, wanted.alignment)
    seed = int(fit.provenance["seed"]) if seed is None else seed
    return DrawnCurves(fit.arrays, targets, alignment, seed), (*targets.notes, *notes)


def metric_places(curves: Curves, wanted: Sequence[str] | None) -> list[int]:
    """Return the positions of metrics given by name or alias, each once; of all metrics for None."""
    if wanted is None:
        return list(range(len(curves.names)))
    found = []
    for name in wanted:
        spec = find_metric(name)
        if spec is None or spec.name not in curves.names:
            raise QuestionError(
                f"a metric must be one of the fit; received {name!r}; {valid_names(name, curves.names)}"
            )
        found.append(curves.names.index(spec.name))
    return list(dict.fromkeys(found))


def check_size(size: float | None, curves: Curves, *, rule: str) -> float | None:
    """Return a size on a curve, if there is one; see `check_sizes`."""
    return None if size is None else float(check_sizes([size], curves, rule=rule)[0])


def check_sizes(sizes: Sequence[float], curves: Curves, *, rule: str = "") -> FloatArray:
    """Return the sizes, each once; refuse those that are none, and 0 where a rule forbids it."""
    asked = np.array(list(dict.fromkeys(float(size) for size in sizes)))
    baseline = curves.axis_name == "pretrain_tokens"
    valid = np.isfinite(asked) & ((asked >= 0) if baseline else (asked > 0))
    if not (asked.size and valid.all()):
        received = ", ".join(f"{size:g}" for size in asked[~valid]) or "none"
        lowest = "of at least 0" if baseline else "above 0"
        raise UsageError(f"sizes in {curves.axis_name} are finite numbers {lowest}; received {received}")
    if rule and (asked == 0).any():
        raise UsageError(f"{rule}; received size 0, the non-pretrained baseline; give sizes above 0")
    return asked


def _blocks(curves: Curves) -> tuple[tuple[Observations, int], tuple[Observations, int]]:
    """Return the measured values, and the position of the first metric of each block."""
    return (curves.scores, 0), (curves.losses, len(curves.scores.metrics))


def last_sizes(curves: Curves) -> FloatArray:
    """Return the largest measured size of each metric on each curve, shape (curves, metrics).

    Where a metric was not measured on a curve, that of the curve's other metrics.
    """
    last = np.zeros((len(curves), len(curves.names)))
    for rows, first in _blocks(curves):
        np.maximum.at(last, (rows.unit, rows.metric + first), rows.size)
    return np.where(last > 0, last, last.max(axis=1, keepdims=True))


def last_of_targets(curves: Curves, targets: Targets) -> FloatArray:
    """Return the same of targets, shape (targets, metrics); of one that was not measured its task's."""
    last = last_sizes(curves)
    of_task = pd.DataFrame(last).groupby(curves.table["task"].to_numpy()).max()
    own_task = of_task.reindex(targets.table["task"]).to_numpy(float)
    return np.where(targets.measured[:, None], last[targets.position], own_task)


def sizes_on(curves: Curves, position: int, metrics: Sequence[int] | None = None) -> FloatArray:
    """Return the sizes measured on a curve, in any of some metrics; none where it was not measured (-1)."""
    places = range(len(curves.names)) if metrics is None else metrics
    own = [
        rows.size[(rows.unit == position) & np.isin(rows.metric + first, list(places))]
        for rows, first in _blocks(curves)
    ]
    return np.unique(np.concatenate(own))


def metric_notes(drawn: DrawnCurves, places: Iterable[int]) -> list[str]:
    """Say which metrics were not measured on some of the measured targets, and which may be near zero."""
    curves, notes, count = drawn.curves, [], len(drawn.targets)
    known = measured_metrics(curves)[drawn.targets.position[drawn.targets.measured]]
    for place in places:
        if missing := int((~known[:, place]).sum()):
            notes.append(
                f"{curves.names[place]} was not measured on {missing} of {len(known)} curves: "
                "what is said of it there follows from other metrics and curves"
            )
        if low := int((drawn.taking_off(place) > _COUNTS).sum()):
            notes.append(
                f"{curves.names[place]} may not have reached {gauge_of(drawn.draws, place).near:.3g} yet "
                f"on {low} of {count} curves: such scores often take off later; when and how "
                "steeply is assumed, not learned (take_off in `bayesscale priors`)"
            )
    return notes


def labels_of(curves: Curves, table: pd.DataFrame) -> list[str]:
    """Return the labels of the measured curves that a table of an answer names."""
    names = answer_columns(curves)
    wanted = pd.MultiIndex.from_frame(table[names])
    keep = pd.MultiIndex.from_frame(curves.table[names]).isin(wanted)
    return [label for label, own in zip(curves.labels, keep, strict=True) if own]
