"""Ask whether a loss and a score disagree on which mixture or checkpoint is better."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayesscale.errors import QuestionError, UsageError, valid_names
from bayesscale.metrics.curves import Curves
from bayesscale.posterior.curves import DrawnCurves
from bayesscale.posterior.predictive import Predictive
from bayesscale.questions.conflict.answer import Conflict
from bayesscale.questions.conflict.link import ENTROPIES, FEWEST, link_rows
from bayesscale.questions.conflict.pairs import (
    CHECKPOINTS,
    KINDS,
    MIXTURES,
    Pair,
    Point,
    at_points,
    broken_at,
    cell_columns,
    compare,
    pairs_of,
)
from bayesscale.questions.select import (
    Selection,
    check_prob,
    check_size,
    drawn_curves,
    last_sizes,
    metric_notes,
    metric_places,
    sizes_on,
)

if TYPE_CHECKING:
    from bayesscale.inference import Fit


def _check_kinds(by: str | None, size: float | None) -> tuple[str, ...]:
    """Return the kinds of pairs asked for; refuse others, and a size where it means nothing."""
    if by is not None and by not in KINDS:
        raise UsageError(
            f"pairs are of mixtures or of checkpoints; received {by!r}; {valid_names(by, KINDS)}"
        )
    if by == CHECKPOINTS and size is not None:
        raise UsageError(
            "a size says where mixtures are compared; received one with checkpoints, which are compared with "
            "each other; leave out one of the two"
        )
    return KINDS if by is None else (by,)


def _places(curves: Curves, wanted: Sequence[str] | None, what: str) -> list[int]:
    """Return the positions of the metrics of one kind, by default of all of it."""
    block, example = (curves.scores, "bleu") if what == "score" else (curves.losses, "cross_entropy")
    there = block.metrics
    if not there:
        raise QuestionError(
            f"conflict compares a score with a loss; the fit has no {what}, only {', '.join(curves.names)}; "
            f"fit a table with rows of a {what} as well, such as {example}"
        )
    found = metric_places(curves, there if wanted is None else wanted)
    if other := [curves.names[place] for place in found if curves.names[place] not in there]:
        raise QuestionError(
            f"conflict compares a score (larger is better) with a loss (smaller is better); received "
            f"{other[0]!r} as a {what}; valid: {', '.join(there)}"
        )
    if not found:
        raise UsageError(f"conflict needs at least one {what}; received none; valid: {', '.join(there)}")
    return found


def _check_pairs(table: pd.DataFrame, kinds: Sequence[str]) -> None:
    """Refuse to answer about no pair at all."""
    if table.empty:
        needs = {
            MIXTURES: "two mixtures of one task that agree in everything else",
            CHECKPOINTS: "a curve that was measured",
        }
        needed = " or ".join(needs[kind] for kind in kinds)
        raise QuestionError(
            f"conflict needs a pair to compare; received none; needed: {needed}; ask for more"
        )


def _notes(
    drawn: DrawnCurves, chosen: Sequence[tuple[int, int]], kinds: Sequence[str], table: pd.DataFrame
) -> list[str]:
    """Say which curves or pairs there are none of, and what is not measured."""
    notes, curves, targets = [], drawn.curves, drawn.targets
    if MIXTURES in kinds and not (table["by"] == MIXTURES).any():
        notes.append(
            "no two mixtures share a task and everything else: only checkpoints are compared; to compare "
            "mixtures, fit a table with two or more of them"
        )
    if missing := int((~targets.measured).sum()):
        notes.append(
            f"{missing} of {len(targets)} curves were not measured: what is said of their mixtures follows "
            "from the other curves; they have no checkpoints, and links do not use them"
        )
    notes += metric_notes(drawn, sorted({place for pair in chosen for place in pair}))
    beyond = np.log(table[f"{curves.axis_name}_a"].max() / last_sizes(curves).max())
    if beyond > 1e-9:
        notes.append(
            f"mixtures are compared up to {np.exp(beyond):.2g} times beyond the data: "
            "there the answer assumes that the laws go on to hold, or break as often as the curves say"
        )
    return notes


def _notes_on_links(losses: Sequence[str], links: pd.DataFrame, draws: int) -> list[str]:
    """Say where a link was not fitted, or not to all draws, or to a loss that it is not meant for."""
    notes = [
        f"the link is known for cross-entropy; {loss} is none, and the verdict is on the formula only"
        for loss in losses
        if loss not in ENTROPIES
    ]
    if links.empty:
        lack = f"no link was fitted: it needs {FEWEST} measured points on the curves, with scores above 0"
        return [*notes, lack]
    if (fewest := int(links["draws"].min())) < draws:
        notes.append(
            f"links leave out draws in which a broken score is down at 0; at least {fewest:,} of {draws:,} "
            "are left"
        )
    return notes


def conflict(
    fit: Fit,
    *,
    by: str | None = None,
    size: float | None = None,
    prob: float = 0.9,
    tasks: Sequence[str] | None = None,
    mixtures: Sequence[str] | None = None,
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
    tasks, mixtures, other_sizes, seed
        As in `forecast`.
    metrics, losses : sequence of str, optional
        Scores and losses to be compared, every one with every other. Default: all.

    Raises
    ------
    QuestionError
        The fit has no score or no loss, a name is unknown, or there is no pair to compare.
    UsageError
        The kind of pairs, the size or the probability cannot be used.
    """
    check_prob(prob)
    kinds = _check_kinds(by, size)
    at = check_size(size, fit.curves, rule="the non-pretrained baseline is the same for every mixture")
    chosen = list(product(_places(fit.curves, metrics, "score"), _places(fit.curves, losses, "loss")))
    drawn, notes = drawn_curves(fit, Selection(None, tasks, mixtures, other_sizes), seed)
    answers = [_answer(Predictive(drawn, prob), pair, kinds, at) for pair in chosen]
    table, links, points = (pd.concat(parts, ignore_index=True) for parts in zip(*answers, strict=True))
    _check_pairs(table, kinds)
    table = table.sort_values(["p_conflict", "regret"], ascending=False, kind="stable", ignore_index=True)
    notes = (
        *notes,
        *_notes(drawn, chosen, kinds, table),
        *_notes_on_links(list(dict.fromkeys(table["loss"])), links, fit.count),
    )
    return Conflict(fit, prob, table, notes, links, points)


def _answer(
    predictive: Predictive, metrics: tuple[int, int], kinds: Sequence[str], size: float | None
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the pairs of one score and loss, their links and what these are fitted to, task by task."""
    curves, targets = predictive.drawn.curves, predictive.drawn.targets
    names = {name: curves.names[place] for name, place in zip(("metric", "loss"), metrics, strict=True)}
    curve = targets.table.to_dict("records")
    pairs = list(pairs_of(curves, targets, metrics, kinds, size))
    broken = broken_at(predictive, _ends(pairs), metrics[0])
    compared, links, shown = [], [], []
    for members in targets.table.groupby("task", sort=False).indices.values():
        own = [pair for pair in pairs if pair[1][0] in members]
        points = [
            (int(target), float(at))
            for target in members
            for at in sizes_on(curves, targets.position[target], metrics)
        ]
        score, loss = (at_points(predictive, [*points, *_ends(own)], place) for place in metrics)
        for kind, a, b in own:
            told, numbers = compare((kind, a, b), score[a] - score[b], loss[a] - loss[b], predictive.prob)
            both = bool(targets.measured[[a[0], b[0]]].all())
            numbers |= {"p_a_break": broken[told[1]], "measured": both}
            compared.append(_row(curves, curve, told) | names | numbers)
        links += list(link_rows(predictive.drawn, metrics, points, score, loss, predictive.prob))
        shown += [
            {
                **{str(name): value for name, value in curve[target].items()},
                **names,
                curves.axis_name: at,
                "score": float(np.median(score[target, at])),
                "loss_value": float(np.median(loss[target, at])),
            }
            for target, at in points
        ]
    return pd.DataFrame(compared), pd.DataFrame(links), pd.DataFrame(shown)


def _row(curves: Curves, rows: Sequence[Mapping[Hashable, Any]], pair: Pair) -> dict[str, Any]:
    """Return what names a pair, see the table of `Conflict`."""
    kind, *ends = pair
    own = [rows[target] for target, _ in ends]
    return {
        "by": kind,
        **{name: own[0][name] for name in cell_columns(curves)},
        **{f"mixture_{side}": each.get("mixture", "all") for side, each in zip("ab", own, strict=True)},
        **{f"{curves.axis_name}_{side}": size for side, (_, size) in zip("ab", ends, strict=True)},
    }


def _ends(pairs: Sequence[Pair]) -> list[Point]:
    """Return both points of each pair."""
    return [point for _, *ends in pairs for point in ends]
