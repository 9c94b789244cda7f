"""Metrics that are one measurement: a loss and its perplexity, nats and bits, accuracy and error rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.metrics.tidy.draft import Draft

Numbers = NDArray[np.float64]
_LN_2 = math.log(2)
_LOSSES = ("cross_entropy", "bits_per_token", "bits_per_byte", "bits_per_character")
_PERPLEXITIES = ("perplexity", "word_perplexity", "byte_perplexity")


@dataclass(frozen=True)
class _Relation:
    """How a metric follows from one that is kept; `in_bits` where that shows that the kept loss is in bits.

    Numbers are written with three digits, so powers of losses agree to a percent, and sums to a thousandth.
    """

    kept: str
    other: str
    says: str
    forward: Callable[[Numbers], Numbers]
    inverse: Callable[[Numbers], Numbers]
    in_bits: bool = False
    relative: float = 0.012
    absolute: float = 0.0

    def holds(self, kept: Numbers, other: Numbers) -> bool:
        """Return whether nearly all values follow; not where there are too few, or all alike, to say."""
        with np.errstate(over="ignore", invalid="ignore"):
            off = np.abs(other - self.forward(kept))
        valid = np.isfinite(kept) & np.isfinite(other) & np.isfinite(off)
        if valid.sum() < 2 or valid.mean() < 0.9 or np.ptp(kept[valid]) == 0:
            return False
        within = off[valid] < self.absolute + self.relative * np.abs(other[valid])
        return bool(np.mean(within) > 0.9)


def _relations() -> Iterator[_Relation]:
    """Yield the relations, those that may show that a loss is in bits before those that build on its unit."""
    for loss in _LOSSES:
        for perplexity in _PERPLEXITIES:
            yield _Relation(loss, perplexity, "exp of", np.exp, np.log)
            yield _Relation(loss, perplexity, "2 to the power of", np.exp2, np.log2, in_bits=True)
    for bits in _LOSSES[1:]:
        yield _Relation("cross_entropy", bits, "1 / ln 2 times", lambda x: x / _LN_2, lambda x: x * _LN_2)
        yield _same(bits, "cross_entropy")
    yield _same("bits_per_byte", "bits_per_character")
    yield _same("accuracy", "f1_micro")
    for score in ("accuracy", "exact_match", "token_accuracy", "balanced_accuracy", "acc_norm"):
        yield _Relation(score, "error_rate", "1 minus", lambda x: 1 - x, lambda x: 1 - x, False, 0, 0.0011)
    yield _Relation("mse", "rmse", "the root of", np.sqrt, np.square)


def _same(kept: str, other: str) -> _Relation:
    """Return the relation of metrics that are equal."""
    return _Relation(kept, other, "the same as", np.positive, np.positive, relative=1e-3)


def merge_relations(draft: Draft) -> tuple[pd.DataFrame, list[str]]:
    """Return the data without metrics that follow from others in the same rows, and what was left out.

    A cross-entropy that is shown to be in bits is turned into nats.
    """
    data, notes = draft.data, list[str]()
    key = [name for name in [*draft.key, "line"] if name != "metric"]
    # Scores of one evaluation agree on the line of a wide table, else on the key.
    key = [name for name in key if name != "line"] if "metric" in draft.named.free else key
    there = set(data["metric"])
    for each in _relations():
        if not {each.kept, each.other} <= there:
            continue
        rows = {name: data[data["metric"].eq(name)] for name in (each.kept, each.other)}
        both = rows[each.kept].merge(rows[each.other], on=key, suffixes=("", "_of_other"))
        if not each.holds(both["value"].to_numpy(), both["value_of_other"].to_numpy()):
            continue
        instead = draft.leave_out(each.kept)
        notes.append(
            f"{each.other} is {each.says} {each.kept}, one measurement: left out (to read it instead: "
            f"{instead})"
        )
        data = _with_kept_everywhere(data, each, rows, key, notes)
        there.remove(each.other)
        if each.in_bits and each.kept == "cross_entropy":
            notes.append("so the loss is in bits: multiplied by ln 2, into nats")
            columns = [name for name in ("value", "se") if name in data]
            data.loc[data["metric"].eq(each.kept), columns] *= _LN_2
    return data, notes


def _with_kept_everywhere(
    data: pd.DataFrame, each: _Relation, rows: dict[str, pd.DataFrame], key: list[str], notes: list[str]
) -> pd.DataFrame:
    """Return the data without the other metric, from which the kept one is computed where it stands alone."""
    other, known = rows[each.other], pd.MultiIndex.from_frame(rows[each.kept][key])
    alone = other[~pd.MultiIndex.from_frame(other[key]).isin(known)]
    with np.errstate(divide="ignore", invalid="ignore"):
        value = each.inverse(alone["value"].to_numpy())
    alone, value = alone[np.isfinite(value)], value[np.isfinite(value)]
    if not alone.empty:
        notes.append(
            f"{len(alone):,} values of {each.kept} were computed from {each.other}, which stands alone"
        )
        if "se" in alone:
            size = alone["value"].to_numpy()
            step = 1e-6 * np.maximum(size, 1e-3)
            slope = (each.inverse(size + step) - each.inverse(size)) / step
            alone = alone.assign(se=alone["se"] * np.abs(slope))
        alone = alone.assign(metric=each.kept, value=value)
    return pd.concat([data[~data["metric"].eq(each.other)], alone]).sort_index()
