"""Small metrics tables that follow the laws, for tests of curves, models and inference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from bayesscale.laws import LAWS, LogAxis
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import Curves, build_curves
from bayesscale.metrics.read import read_metrics

SIZES = (1e9, 4e9, 1.6e10, 6.4e10)
SHARES = {
    "en": {"share_en": 1.0, "share_fr": 0.0},
    "en+fr": {"share_en": 0.5, "share_fr": 0.5},
    "fr": {"share_en": 0.0, "share_fr": 1.0},
}


def table(
    tasks: Sequence[str] = ("en-fr", "en-de"),
    mixtures: Sequence[str] = ("en", "en+fr"),
    finetune: Sequence[float] = (6e6, 42e6),
    metrics: Sequence[str] = ("bleu", "cross_entropy"),
    *,
    sizes: Sequence[float] = SIZES,
    baseline: bool = True,
    shares: bool = True,
    se: float | None = None,
    noise: float = 1.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the table of every task, mixture and D_f; `noise` multiplies the metrics' typical noise."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for task in tasks:
        for mixture in mixtures:
            for tokens in finetune:
                where = {"task": task, "mixture": mixture, "finetune_tokens": tokens}
                where |= SHARES[mixture] if shares else {}
                rows += _curve(where, metrics, sizes, noise, rng)
        if baseline:
            rows += _baseline(task, finetune, metrics, noise, rng)
    frame = pd.DataFrame(rows)
    return frame if se is None else frame.assign(se=se)


def _curve(
    where: dict[str, Any], metrics: Sequence[str], sizes: Sequence[float], noise: float, rng: Any
) -> list[dict[str, Any]]:
    """Return the rows of one curve: a law whose level and gain depend on where it is."""
    u = LogAxis(SIZES[0], SIZES[-1]).u(np.array(sizes))
    rows = []
    for metric in metrics:
        spec = CATALOGUE[metric]
        up = spec.improves == "up"
        more = 0.1 * np.log10(where["finetune_tokens"] / 1e7) + 0.1 * len(where["mixture"]) / 5
        level = np.log(spec.typical) + (more if up else -more) * 0.5
        values = LAWS[spec.law].value(u, level, (0.4 if up else 0.2) - 0.1 * more, 0.1)
        values = values + noise * spec.noise * rng.standard_normal(len(u))
        rows += [
            where | {"metric": metric, "pretrain_tokens": s, "value": v}
            for s, v in zip(sizes, values, strict=True)
        ]
    return rows


def _baseline(
    task: str, finetune: Sequence[float], metrics: Sequence[str], noise: float, rng: Any
) -> list[dict[str, Any]]:
    """Return the rows of the non-pretrained baseline of a task."""
    where = {"task": task, "mixture": "none", "pretrain_tokens": 0.0}
    return [
        where
        | {"finetune_tokens": tokens, "metric": metric}
        | {"value": CATALOGUE[metric].typical * 0.6 + noise * CATALOGUE[metric].noise * rng.standard_normal()}
        for tokens in finetune
        for metric in metrics
    ]


def curves_of(frame: pd.DataFrame, **options: Any) -> Curves:
    """Return the curves of a table that `read_metrics` accepts."""
    return build_curves(read_metrics(frame, **options))
