"""The numbers behind the advice on one curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.posterior.baseline import TargetBaseline
from bayesscale.posterior.noise import within
from bayesscale.questions.decision import COLUMNS, decide, outcomes
from bayesscale.questions.missing import BaselineRuns
from bayesscale.questions.population import interval
from bayesscale.questions.reach import FloatArray, Way

_UNKNOWN = np.full(3, np.nan)


@dataclass(frozen=True)
class Wish:
    """What the user wants.

    Parameters
    ----------
    metric : str
        Name of the metric.
    target, delta : float
        The value wanted, and the gain over the baseline below which pretraining is not needed; in its unit.
    budget : float
        Size up to which curves may be continued.
    confidence : float
        Probability from which on an act is advised.
    prob : float
        Probability of the equal-tailed intervals.
    """

    metric: str
    target: float
    delta: float
    budget: float
    confidence: float
    prob: float


def advice_row(way: Way, wish: Wish) -> dict[str, Any]:
    """Return a row of `Advice.frame`.

    Parameters
    ----------
    way : Way
        The draws of the curve.
    wish : Wish
        What the user wants.
    """
    broken = way.broken_by(way.last)
    before = way.broken_by(wish.budget)
    within = way.needed <= way.end
    baseline = baseline_draws(way)
    gain = None if baseline is None else way.sign * (way.best - baseline)
    enough = None if baseline is None else way.sign * (baseline - wish.target) >= 0
    never = np.zeros(within.shape, dtype=bool)
    probabilities = outcomes(
        not_needed=never if gain is None or enough is None else enough | (gain < wish.delta),
        reached=way.needed <= way.last,
        within=within,
        broken=never if broken is None else broken,
    )
    decision = decide(probabilities, wish.confidence)
    at_budget, curve = way.at_budget, way.drawn.targets.table.iloc[way.row]
    return {
        **{str(name): value for name, value in curve.items()},
        "metric": wish.metric,
        "sizes": len(way.measured),
        "first": float(way.measured[0]),
        "last": way.last,
        "advice": decision.advice,
        "probability": decision.probability,
        **{column: probabilities[name] for name, column in COLUMNS.items()},
        **_three("tokens", _finite(interval(way.needed, wish.prob))),
        "horizon": way.horizon,
        "p_by_horizon": float(np.isfinite(way.needed).mean()),
        "expected": float(at_budget.mean()),
        **_three("score", interval(at_budget, wish.prob)),
        "p_target": float((way.sign * (at_budget - wish.target) >= 0).mean()),
        "p_broken": _share(broken),
        "p_break": _share(before),
        **_three("gain", _UNKNOWN if gain is None else interval(gain, wish.prob)),
        "baseline_median": np.nan if baseline is None else float(np.median(baseline)),
        "p_baseline": _share(enough),
    }


def baseline_draws(way: Way) -> FloatArray | None:
    """Return draws of the value without pretraining; None where it was not measured."""
    drawn, name = way.drawn, way.drawn.curves.names[way.metric]
    table = drawn.targets.table.iloc[[way.row]]
    if not len(drawn.curves.baseline) or not BaselineRuns(drawn.curves).has(table, name)[0]:
        return None
    return within(TargetBaseline(drawn).value(slice(way.row, way.row + 1), way.metric)[0], name)


def _share(event: NDArray[np.bool_] | None) -> float:
    """Return the probability of an event, NaN where nothing is known of it."""
    return np.nan if event is None else float(event.mean())


def _finite(values: FloatArray) -> FloatArray:
    """Return sizes, NaN where the horizon comes first."""
    return np.where(np.isfinite(values), values, np.nan)


def _three(name: str, values: FloatArray) -> dict[str, float]:
    """Return median, lower and upper under the names of their columns."""
    return dict(zip((f"{name}_median", f"{name}_lower", f"{name}_upper"), values.tolist(), strict=True))
