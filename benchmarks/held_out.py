"""Forecasts of what was held out of one measured table: the last checkpoints, and a whole D_f.

For each: share of held-out values inside 90% intervals, and the CRPS beside that of the paper's fit, which is
its absolute error, as it has no intervals. The paper's fit cannot forecast a D_f that was not measured; there
its curves at the neighbouring D_f, fitted to all their checkpoints, are interpolated in log D_f.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from bayesscale.evaluation.forecasters import MODELS, FitOptions, scored
from bayesscale.evaluation.scores import pooled, score_draws
from bayesscale.evaluation.split import split_first, split_last
from bayesscale.inference import Fit, Sampler, fit
from bayesscale.metrics.table import Metrics, data_hash
from bayesscale.pointfit import fit_huber
from bayesscale.posterior.predictive import Predictive
from bayesscale.questions.advise import advise
from bayesscale.questions.select import Selection, drawn_curves

SAMPLER = Sampler(longest=4)
"""A forecast that is scored need not have the precision of a fit that is kept."""
SIZE = "finetune_tokens"
_KEYS = ["split", "metric"]


def held_out(metrics: Metrics, say: Callable[[str], None]) -> dict[str, Any]:
    """Return 'forecasts', a row a split and metric with coverage and CRPS, and 'guide', see `guide`.

    Parameters
    ----------
    metrics : Metrics
        The table.
    say : callable
        Receives a line a fit.
    """
    rows: list[dict[str, Any]] = []
    advice: dict[str, Any] = {}
    for split in (split_last(metrics, 1), split_first(metrics, 3)):
        fitted = fit(split.train, sampler=SAMPLER)
        say(f"{split.name}: {fitted.status}")
        ours = scored(split, fitted).assign(split=split.name)
        paper, _ = MODELS["huber"](split, FitOptions())
        rows += _beside(ours, paper, list(metrics.curve_columns), fitted.status.label)
        # The guide of the paper asks for three checkpoints: those of the last split.
        advice = guide(fitted, metrics)
    return {"forecasts": rows + list(_other_size(metrics, say)), "guide": advice}


def _beside(
    ours: pd.DataFrame, paper: pd.DataFrame, curve: list[str], status: str
) -> Iterator[dict[str, Any]]:
    """Yield the scores of our forecasts beside those of the paper's fit, of the values that both forecast."""
    keys = [*curve, "metric", "pretrain_tokens", "line"]
    both = ours.merge(paper[[*keys, "crps"]].rename(columns={"crps": "paper"}), on=keys)
    for row in pooled(both, _KEYS, curve).to_dict("records"):
        own = both[both["metric"] == row["metric"]]
        yield {
            "split": row["split"],
            "metric": row["metric"],
            "n": row["n"],
            "in 90%": round(row["cover_90"], 4),
            "in 50%": round(row["cover_50"], 4),
            "crps": round(row["crps"], 4),
            "crps of the paper's fit": round(float(own["paper"].mean()), 4),
            "not forecast by it": int((ours["metric"] == row["metric"]).sum() - len(own)),
            "status": status,
        }


def _other_size(metrics: Metrics, say: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a D_f that was held out with all that was measured at it."""
    low, held, high = sorted(metrics.frame[SIZE].unique())[:3]
    frame = metrics.frame[metrics.frame[SIZE] != held].reset_index(drop=True)
    train = replace(metrics, frame=frame, data_hash=data_hash(frame))
    fitted = fit(train, sampler=SAMPLER)
    name = f"D_f {held:,.0f} from {low:,.0f} and {high:,.0f}"
    say(f"{name}: {fitted.status}")
    rows = metrics.frame[(metrics.frame[SIZE] == held) & ~metrics.is_baseline]
    drawn, _ = drawn_curves(fitted, Selection(other_sizes=[held]), None)
    predictive, places = Predictive(drawn, 0.9), drawn.targets.table["mixture"].tolist()
    parts = []
    for (mixture, metric), own in rows.groupby(["mixture", "metric"]):
        place = places.index(mixture)
        sizes = own["pretrain_tokens"].to_numpy(float)
        number = fitted.curves.names.index(str(metric))
        draws = predictive.measured(sizes[None], number, slice(place, place + 1))[0]
        parts.append(own.assign(split=name, **score_draws(own["value"].to_numpy(float), draws)))
    ours = pd.concat(parts)
    paper = _interpolated(train, rows, low, held, high)
    yield from _beside(ours, paper, list(metrics.curve_columns), fitted.status.label)


def _interpolated(train: Metrics, rows: pd.DataFrame, low: float, held: float, high: float) -> pd.DataFrame:
    """Return held-out rows with the absolute error of the paper's fits at two D_f, interpolated."""
    sizes = np.unique(rows["pretrain_tokens"])
    values = fit_huber(train, first=None).predict(sizes)
    keys = ["task", "mixture", "metric", "pretrain_tokens"]
    share = np.log(held / low) / np.log(high / low)
    ends = [values[values[SIZE] == size].set_index(keys)["value"] for size in (low, high)]
    between = ((1 - share) * ends[0] + share * ends[1]).rename("forecast").reset_index()
    merged = rows.merge(between, on=keys)
    return merged.assign(crps=(merged["forecast"] - merged["value"]).abs())


def guide(fitted: Fit, metrics: Metrics) -> dict[str, Any]:
    """Return what the guide of section 3.5 advises after the first checkpoints, and what came.

    The target at each D_f is the median over mixtures of the last measured BLEU, so that half of the curves
    reach it. What is scored is P(BLEU is as good as the target at the last checkpoint).

    Parameters
    ----------
    fitted : Fit
        A fit of the first checkpoints.
    metrics : Metrics
        All that was measured.
    """
    frame = metrics.frame[(metrics.frame["metric"] == "bleu") & ~metrics.is_baseline]
    budget = float(frame["pretrain_tokens"].max())
    last = frame[frame["pretrain_tokens"] == budget].groupby([SIZE, "mixture"])["value"].mean()
    rows = []
    for size in last.index.unique(level=0).tolist():
        own = last[size]
        target = float(own.median())
        answer = advise(fitted, target, budget, metric="bleu", other_sizes=[size])
        for row in answer.table.to_dict("records"):
            came = float(own[row["mixture"]])
            rows.append({
                "mixture": row["mixture"], SIZE: size, "target": round(target, 2), "advice": row["advice"],
                "p_target": round(row["p_target"], 3), "came": round(came, 2), "reached": came >= target,
            })  # fmt: skip
    return {
        "command": f"bayesscale advise first-three.nc --target TARGET --budget {budget:.0f} --metric bleu",
        "status": str(fitted.status),
        "brier": round(float(np.mean([(row["p_target"] - row["reached"]) ** 2 for row in rows])), 4),
        "right": sum((row["p_target"] >= 0.5) == row["reached"] for row in rows),
        "rows": rows,
    }
