"""What the question of conflict asks for, checked: kinds of pairs, scores and losses, a size; notes on it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

from bayesscale.errors import QuestionError, UsageError, valid_names
from bayesscale.metrics.curves import Curves
from bayesscale.posterior.curves import Targets, measured_metrics
from bayesscale.questions.asked import check_sizes, last_sizes, metric_places
from bayesscale.questions.link import ENTROPIES, FEWEST
from bayesscale.questions.pairs import CHECKPOINTS, KINDS, MIXTURES


def check_kinds(by: str | None, size: float | None) -> tuple[str, ...]:
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


def check_size(size: float, curves: Curves) -> float:
    """Return the size at which mixtures are compared; refuse what is none, and the baseline."""
    (found,) = check_sizes([size], curves)
    if found == 0:
        raise UsageError(
            "size 0 is the non-pretrained baseline, the same for every mixture; received 0; "
            "give a size above 0"
        )
    return float(found)


def metric_pairs(
    curves: Curves, metrics: Sequence[str] | None, losses: Sequence[str] | None
) -> list[tuple[int, int]]:
    """Return the positions of every score and loss to be compared.

    Parameters
    ----------
    curves : Curves
        The measured curves.
    metrics, losses : sequence of str or None
        Names of scores and of losses; None: all.

    Raises
    ------
    QuestionError
        The fit has no score or no loss, or a name is unknown or of the other kind.
    """
    scores = curves.scores.metrics
    for what, there, other in (
        ("score", scores, "bleu"),
        ("loss", curves.losses.metrics, "cross_entropy"),
    ):
        if not there:
            raise QuestionError(
                f"conflict compares a score with a loss; the fit has no {what}, only "
                f"{', '.join(curves.names)}; fit a table with rows of a {what} as well, such as {other}"
            )
    found = _places(curves, metrics, "score", scores)
    return list(product(found, _places(curves, losses, "loss", curves.losses.metrics)))


def _places(curves: Curves, wanted: Sequence[str] | None, what: str, there: tuple[str, ...]) -> list[int]:
    """Return the positions of the metrics of one kind."""
    found = metric_places(curves, there if wanted is None else wanted)
    for place in found:
        if curves.names[place] not in there:
            raise QuestionError(
                f"conflict compares a score (larger is better) with a loss (smaller is better); received "
                f"{curves.names[place]!r} as a {what}; valid: {', '.join(there)}"
            )
    if not found:
        raise UsageError(f"conflict needs at least one {what}; received none; valid: {', '.join(there)}")
    return found


def check_pairs(table: pd.DataFrame, kinds: Sequence[str]) -> None:
    """Refuse to answer about no pair at all."""
    if table.empty:
        one = "a curve that was measured"
        two = "two mixtures of one task that agree in everything else"
        needed = " or ".join(what for kind, what in ((MIXTURES, two), (CHECKPOINTS, one)) if kind in kinds)
        raise QuestionError(
            f"conflict needs a pair to compare; received none; needed: {needed}; ask for more"
        )


def notes_on(
    curves: Curves, targets: Targets, chosen: Sequence[tuple[int, int]], table: pd.DataFrame
) -> list[str]:
    """Say which curves or pairs there are none of, and what is not measured.

    Parameters
    ----------
    curves : Curves
        The measured curves.
    targets : Targets
        The curves asked for.
    chosen : sequence of tuple
        Positions of scores and losses.
    table : pandas.DataFrame
        The pairs.
    """
    notes = []
    if missing := int((~targets.measured).sum()):
        notes.append(
            f"{missing} of {len(targets)} curves were not measured: what is said of their mixtures follows "
            "from the other curves; they have no checkpoints, and links do not use them"
        )
    known = measured_metrics(curves)[targets.position[targets.measured]]
    for place in sorted({place for pair in chosen for place in pair}):
        if lacking := int((~known[:, place]).sum()):
            notes.append(
                f"{curves.names[place]} was not measured on {lacking} of {len(known)} curves: "
                "what is said of it there follows from other metrics and curves"
            )
    column = f"{curves.axis_name}_a"
    beyond = np.log(table[column].max() / last_sizes(curves).max())
    if beyond > 1e-9:
        notes.append(
            f"mixtures are compared up to {beyond:.2g} e-folds (a factor of {np.exp(beyond):.3g}) beyond the "
            "data: there the answer assumes that the laws go on to hold, or break as often as the curves say"
        )
    return notes


def notes_on_kinds(kinds: Sequence[str], table: pd.DataFrame) -> list[str]:
    """Say that no two mixtures could be compared, where only checkpoints could."""
    if MIXTURES in kinds and not (table["by"] == MIXTURES).any():
        return [
            "no two mixtures share a task and everything else: only checkpoints are compared; to compare "
            "mixtures, fit a table with two or more of them"
        ]
    return []


def notes_on_links(losses: Sequence[str], links: pd.DataFrame, draws: int) -> list[str]:
    """Say where a link was not fitted, or not to all draws, or to a loss that it is not meant for."""
    notes = [
        f"the link is known for cross-entropy; {loss} is none, and the verdict is on the formula only"
        for loss in losses
        if loss not in ENTROPIES
    ]
    if links.empty:
        return [
            *notes,
            f"no link was fitted: it needs {FEWEST} measured points on the curves, with scores above 0",
        ]
    if (fewest := int(links["draws"].min())) < draws:
        notes.append(
            f"links leave out draws in which a broken score is down at 0; at least {fewest:,} of {draws:,} "
            "are left"
        )
    return notes
