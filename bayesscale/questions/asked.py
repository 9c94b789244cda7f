"""What a question asks for, checked: sizes, metrics, curves, probability."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayesscale.errors import QuestionError, UsageError, valid_names
from bayesscale.metrics.catalogue import find_metric
from bayesscale.metrics.curves import Curves
from bayesscale.posterior.curves import DrawnCurves
from bayesscale.questions.new_alignment import target_alignment
from bayesscale.questions.targets import Selection, choose_targets

if TYPE_CHECKING:
    from bayesscale.inference import Fit

FloatArray = NDArray[np.float64]


def check_prob(prob: float) -> None:
    """Refuse what is no probability of an interval."""
    if not 0 < prob < 1:
        raise UsageError(
            f"the probability of an interval lies between 0 and 1; received {prob:g}; write 0.9 for 90%"
        )


def drawn_curves(fit: Fit, wanted: Selection, seed: int | None) -> tuple[DrawnCurves, tuple[str, ...]]:
    """Return the curves asked for in every draw, and notes on the choice.

    Parameters
    ----------
    fit : Fit
        The draws.
    wanted : Selection
        What is asked for.
    seed : int or None
        None: the fit's own.
    """
    targets = choose_targets(fit.curves, wanted)
    alignment, notes = target_alignment(fit.metrics, fit.curves, targets, wanted)
    seed = int(fit.provenance["seed"]) if seed is None else seed
    return DrawnCurves(fit.posterior, targets, alignment, seed), (*targets.notes, *notes)


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


def check_sizes(sizes: Sequence[float], curves: Curves) -> FloatArray:
    """Return the sizes, each once; refuse those that are none."""
    asked = np.array(list(dict.fromkeys(float(size) for size in sizes)))
    baseline = curves.axis_name == "pretrain_tokens"
    valid = np.isfinite(asked) & ((asked >= 0) if baseline else (asked > 0))
    if not (asked.size and valid.all()):
        received = ", ".join(f"{size:g}" for size in asked[~valid]) or "none"
        lowest = "of at least 0" if baseline else "above 0"
        raise UsageError(f"sizes in {curves.axis_name} are finite numbers {lowest}; received {received}")
    return asked


def last_sizes(curves: Curves) -> FloatArray:
    """Return the largest measured size of each metric on each curve, shape (curves, metrics).

    Where a metric was not measured on a curve, that of the curve's other metrics.
    """
    last = np.zeros((len(curves), len(curves.names)))
    for rows, first in ((curves.scores, 0), (curves.losses, len(curves.scores.metrics))):
        np.maximum.at(last, (rows.unit, rows.metric + first), rows.size)
    return np.where(last > 0, last, last.max(axis=1, keepdims=True))
