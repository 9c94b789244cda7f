"""Measurements that could be made next, and what they cost.

A measurement is one checkpoint of a mixture, finetuned on one D_f of one task and scored in every metric of
the curve. Its cost counts tokens: those of pretraining that are still missing, and those of finetuning, each
times its price. Checkpoints that the data show to exist are free; runs continue from the largest one below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.errors import UsageError
from bayesscale.metrics.curves import SIZES, Curves
from bayesscale.metrics.table import Metrics
from bayesscale.posterior.curves import Targets
from bayesscale.questions.select import sizes_on

FloatArray = NDArray[np.float64]
# Candidates of each curve within its data, and beyond them.
_INSIDE, _BEYOND = 3, 4
# Sizes that print alike are the same checkpoint.
_ALIKE = 5e-4
_RUN = ("mixture", "model_params")


@dataclass(frozen=True)
class Prices:
    """What tokens cost; in tokens by default, or in any unit of the user's.

    Parameters
    ----------
    pretrain, finetune : float
        Price of one token of pretraining and of finetuning, above 0.
    continued : bool
        Whether pretraining can be continued from the checkpoints of the data; if not, a checkpoint that the
        data do not have costs a run from its beginning.
    """

    pretrain: float = 1.0
    finetune: float = 1.0
    continued: bool = True

    def __post_init__(self) -> None:
        for name in ("pretrain", "finetune"):
            price = getattr(self, name)
            if not (np.isfinite(price) and price > 0):
                raise UsageError(
                    f"the price of a token ({name}) is a finite number above 0; received {price:g}; write "
                    "1e-6 for next to nothing"
                )


def candidate_table(
    metrics: Metrics,
    curves: Curves,
    targets: Targets,
    sizes: Sequence[float] | None,
    until: float | None,
    prices: Prices,
) -> pd.DataFrame:
    """Return the measurements that are compared, a row each.

    Without `sizes`, each curve has up to three checkpoints of its mixture on which it was not measured, and
    the middles of its three widest gaps. Up to four sizes lie beyond its last one: to `until`, the size that
    the question is about, in equal steps, or three doublings where that does not lie beyond.

    Columns: what names a curve; the size along it; `place`; `cost`; `row`, the target. The place is 'beyond'
    or 'between' the curve's sizes, 'unmeasured' where only other curves of its mixture have the size,
    'repeat' where the curve has it. It is 'new' where none has and the curve was never measured.
    """
    found = []
    for row, position in enumerate(targets.position):
        own = sizes_on(curves, int(position))
        cell = targets.table.iloc[row]
        there = _checkpoints(metrics, cell, curves.axis_name)
        asked = _default(own, there, until, curves.axis.hi) if sizes is None else _snapped(sizes, there)
        for size in asked:
            spec = {"row": row, curves.axis_name: size, "place": _place(size, own, there)}
            found.append(spec | {"cost": _cost(metrics, cell, {curves.axis_name: size}, prices)})
    table = pd.DataFrame(found)
    named = targets.table.iloc[table["row"]].reset_index(drop=True)
    return pd.concat([named, table], axis=1)


def _checkpoints(metrics: Metrics, cell: pd.Series, column: str) -> FloatArray:
    """Return the sizes in a column of all points with the cell's mixture (and model size)."""
    frame = metrics.frame[~metrics.is_baseline]
    for name in _RUN:
        if name in cell and name in frame:
            frame = frame[frame[name] == cell[name]]
    return np.unique(frame[column].to_numpy(float))


def _default(own: FloatArray, there: FloatArray, until: float | None, anchor: float) -> list[float]:
    """Return sizes worth looking at on one curve."""
    new = np.setdiff1d(there, own)
    missing = new[np.unique(np.linspace(0, len(new) - 1, _INSIDE).round().astype(int))] if len(new) else new
    gaps = np.diff(np.log(own)).round(2)
    widest = np.lexsort((-np.arange(len(gaps)), -gaps))[:_INSIDE]
    middles = [_round(np.sqrt(own[gap] * own[gap + 1])) for gap in sorted(widest)]
    last = max([*own, *there], default=anchor)
    first = [] if len(there) else [last]
    asked = [] if until is None or until in own else [until]
    return sorted({*map(float, missing), *middles, *first, *asked, *_beyond(last, until)})


def _beyond(last: float, until: float | None) -> list[float]:
    """Return sizes beyond the last one: the size asked about and steps towards it, or three doublings."""
    if until is None or until <= last * (1 + _ALIKE):
        return [last * 2.0**step for step in (1, 2, 3)]
    steps = min(_BEYOND, int(np.ceil(np.log2(until / last))))
    between = [_round(last * (until / last) ** (step / steps)) for step in range(1, steps)]
    return [*between, until]


def _round(size: float) -> float:
    """Return a size in two digits, as a person would choose it."""
    return float(f"{size:.1e}")


def _snapped(sizes: Sequence[float], there: FloatArray) -> list[float]:
    """Return sizes, each replaced by the checkpoint that prints alike."""
    return [float(_alike(size, there)[0]) if len(_alike(size, there)) else size for size in sizes]


def _alike(size: float, there: FloatArray) -> FloatArray:
    """Return the checkpoints that print like a size, nearest first."""
    near = there[np.abs(there / size - 1) < _ALIKE]
    return near[np.argsort(np.abs(near - size))]


def _place(size: float, own: FloatArray, there: FloatArray) -> str:
    """Return where a size lies on a curve."""
    if size in own:
        return "repeat"
    if size in there:
        return "unmeasured"
    if not len(own):
        return "new"
    return "between" if size < own.max() else "beyond"


def _cost(metrics: Metrics, cell: pd.Series, along: dict[str, float], prices: Prices) -> float:
    """Return the cost of a measurement; a size that does not name the curve is the data's median."""
    known = [name for name in SIZES if name in metrics.frame]
    sizes = {**metrics.frame[known].median(), **cell, **along}
    finetune = prices.finetune * float(sizes.get("finetune_tokens", 0.0))
    if "pretrain_tokens" not in sizes:
        return finetune
    pretrain, there = float(sizes["pretrain_tokens"]), _checkpoints(metrics, cell, "pretrain_tokens")
    start = there[there <= pretrain]
    continued = prices.continued or pretrain in there
    return prices.pretrain * (pretrain - (start.max() if continued and len(start) else 0.0)) + finetune
