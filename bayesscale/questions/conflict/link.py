"""The link score = C exp(-k loss): fitted to the laws in every draw, and whether it is good enough.

It is fitted to the values of the laws at the measured sizes, by least squares on log score, as the relation
is linear there: log score = log C - k loss. Every measured size of every curve counts once.

Two kinds of link are fitted for a task. The first pools all its curves, as Gordon et al. claim: one test set,
one C, one k, whatever the model was trained on. A finetuning size D_f moves both loss and score, so that this
link can explain most of the variance and still be wrong about which of two mixtures to choose at a given
D_f. The second kind is fitted to the curves of one D_f: that is the comparison which a user makes, and the
weaker claim.

References
----------
Gordon, Duh, Kaplan: "Data and Parameter Scaling Laws for Neural Machine Translation", EMNLP 2021.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.metrics.curves import Curves
from bayesscale.posterior.curves import DrawnCurves, Targets
from bayesscale.posterior.local import measured
from bayesscale.questions.answer import SURE
from bayesscale.questions.conflict.pairs import Point, cell_columns

FloatArray = NDArray[np.float64]
FEWEST = 3
"""Points of a link; two are always explained in full."""
EXPLAINED = 0.9
"""Share of the variance of log score that an adequate link explains."""


ENTROPIES = ("cross_entropy", "bits_per_byte", "perplexity")
"""Losses for which the link is meant; others may be tried."""


@dataclass(frozen=True)
class Link:
    """Draws of a link, each of shape (draws,): C in the score's unit, k per unit of the loss.

    `explained` is the share of the variance of log score that the link explains, `rms` the root of its mean
    squared error, in the score's unit.
    """

    c: FloatArray
    k: FloatArray
    explained: FloatArray
    rms: FloatArray


def loss_in_nats(loss: FloatArray, metric: str) -> FloatArray:
    """Return a loss as the link takes it: the log of a perplexity is a cross-entropy."""
    return np.log(loss) if metric == "perplexity" else loss


def fit_link(score: FloatArray, loss: FloatArray) -> Link:
    """Fit score = C exp(-k loss) by least squares on log score, draw by draw.

    Scores, above 0, and losses have the shape (points, draws). Where all losses of a draw are the same, k is
    0 and nothing is explained.
    """
    y = np.log(score)
    y_mean, x_mean = y.mean(axis=0), loss.mean(axis=0)
    dy, dx = y - y_mean, loss - x_mean
    sxx, sxy, syy = (dx**2).sum(axis=0), (dx * dy).sum(axis=0), (dy**2).sum(axis=0)
    k = -np.divide(sxy, sxx, out=np.zeros_like(sxy), where=sxx > 0)
    explained = np.divide(-k * sxy, syy, out=np.zeros_like(syy), where=syy > 0)
    fitted = np.exp(y_mean - k * dx)
    rms = np.sqrt(((score - fitted) ** 2).mean(axis=0))
    return Link(np.exp(y_mean + k * x_mean), k, np.clip(explained, 0.0, 1.0), rms)


def link_rows(
    drawn: DrawnCurves,
    metrics: tuple[int, int],
    points: Sequence[Point],
    score: Mapping[Point, FloatArray],
    loss: Mapping[Point, FloatArray],
    prob: float,
) -> Iterator[dict[str, Any]]:
    """Yield the links of one task: of all its curves, and of each D_f if there are several."""
    curves, targets = drawn.curves, drawn.targets
    cells = _by_cell(curves, targets, points)
    if len(cells) > 1:
        pooled = dict.fromkeys(cell_columns(curves)) | {"task": cells[0][0]["task"]}
        cells.insert(0, (pooled, list(points)))
    for place, (key, own) in enumerate(cells):
        members = sorted({target for target, _ in own})
        y, x = (np.array([values[point] for point in own]) for values in (score, loss))
        usable = (y > 0).all(axis=0)
        if len(own) < FEWEST or not usable.any():
            continue
        link = fit_link(y[:, usable], loss_in_nats(x[:, usable], curves.names[metrics[1]]))
        yield {
            **key,
            "pooled": place == 0 and len(cells) > 1,
            **{name: curves.names[metric] for name, metric in zip(("metric", "loss"), metrics, strict=True)},
            "curves": len(members),
            "points": len(own),
            "draws": int(usable.sum()),
            **_described(link, _noise(drawn, metrics[0], members)[usable], prob),
        }


def _by_cell(
    curves: Curves, targets: Targets, points: Sequence[Point]
) -> list[tuple[dict[Any, Any], list[Point]]]:
    """Return the values that name each cell of the points, and its points."""
    table = targets.table.iloc[[target for target, _ in points]][cell_columns(curves)]
    groups = table.reset_index(drop=True).groupby(list(table.columns), sort=False, dropna=False).indices
    return [
        (table.iloc[int(places[0])].to_dict(), [points[place] for place in places])
        for places in groups.values()
    ]


def _noise(drawn: DrawnCurves, metric: int, targets: list[int]) -> FloatArray:
    """Return the noise of one run on curves, root mean square over them, shape (draws,)."""
    own = measured(drawn.draws, metric, drawn.targets.position[targets]).noise
    return np.asarray(np.sqrt(np.exp(2 * own).mean(axis=0)))


def _described(link: Link, noise: FloatArray, prob: float) -> dict[str, Any]:
    """Return medians and intervals of a link, and the verdict on it."""
    tail = (1 - prob) / 2
    row: dict[str, Any] = {}
    for name, draws in (("c", link.c), ("k", link.k), ("explained", link.explained), ("rms", link.rms)):
        values = np.quantile(draws, [0.5, tail, 1 - tail])
        row |= dict(zip((name, f"{name}_lower", f"{name}_upper"), values.tolist(), strict=True))
    good = (link.k > 0) & ((link.explained >= EXPLAINED) | (link.rms <= noise))
    p_holds, p_falls = float(good.mean()), float((link.k > 0).mean())
    return row | {"noise": float(np.median(noise)), "p_holds": p_holds, "verdict": verdict(p_holds, p_falls)}


def verdict(p_holds: float, p_positive: float) -> str:
    """Return a verdict on a link in words, from P(it holds) and P(k > 0).

    A link holds if k > 0 and it explains `EXPLAINED` of the variance, or errs less than the noise of one run.
    """
    if p_holds >= SURE:
        return "holds"
    if p_positive <= 1 - SURE:
        return "fails: a lower loss goes with a lower score"
    return "fails" if p_holds <= 1 - SURE else "undecided"
