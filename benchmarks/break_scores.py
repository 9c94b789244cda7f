"""How well P(break) and its rivals tell broken curves from unbroken ones, from one row a simulated curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest, rankdata

BoolArray = NDArray[np.bool_]
OURS = "P(break)"
EDGES = tuple(round(0.1 * place, 1) for place in range(11))
PROBS = (0.5, 0.9)
FEWEST = 20
"""Draws with a break that it takes to speak of the break's position."""
_ALLOWED = (0.02, 0.05)
_RESAMPLES = 200
_ROC_POINTS = np.concatenate([np.linspace(0.0, 0.1, 21), np.linspace(0.15, 1.0, 18)])


def groups(rows: pd.DataFrame) -> dict[str, BoolArray]:
    """Return which curves belong to each kind of break; a plateau stays where it was at the break."""
    broken, fall = rows["broken"].to_numpy(bool), rows["fall"].to_numpy(float)
    return {
        "falls of 1 to 8 BLEU": broken & (fall > 0.99),
        "falls of 3 BLEU or more": broken & (fall >= 3),
        "falls of 1 to 3 BLEU": broken & (fall > 0.99) & (fall < 3),
        "plateaus": broken & (fall <= 0.99),
        "all breaks": broken,
    }


def score_rule(rows: pd.DataFrame, rule: str, thresholds: Sequence[float]) -> dict[str, Any]:
    """Return how one rule tells each kind of break from unbroken curves.

    Parameters
    ----------
    rows : DataFrame
        One row a curve: `set`, `broken`, `fall` and the rule's number, large where it sees a break.
    rule : str
        Name of the rule, which is a column.
    thresholds : sequence of float
        Curves above are called broken.
    """
    value, sound = rows[rule].to_numpy(float), ~rows["broken"].to_numpy(bool)
    kinds = groups(rows)
    cuts = [float(np.quantile(value[sound], 1 - allowed)) for allowed in _ALLOWED]
    return {
        "rule": rule,
        "auc": {kind: _auc(rows, value, sound, chosen) for kind, chosen in kinds.items()},
        "at thresholds": [
            {
                "threshold": threshold,
                "false alarms": share(value[sound] > threshold),
                "detected": {kind: share(value[chosen] > threshold) for kind, chosen in kinds.items()},
            }
            for threshold in thresholds
        ],
        "detected where as many are false alarms": {
            f"{allowed:.0%}": {kind: share(value[chosen] > cut) for kind, chosen in kinds.items()}
            for allowed, cut in zip(_ALLOWED, cuts, strict=True)
        },
        "roc": {
            "false alarms": _ROC_POINTS.round(3).tolist(),
            "detected": {kind: _roc(value[sound], value[chosen]) for kind, chosen in kinds.items()},
        },
    }


def share(hits: NDArray[Any] | pd.Series) -> dict[str, Any]:
    """Return how many of how many, the share and its 95% Wilson interval; None where there are none."""
    count, hit = len(hits), int(np.sum(hits))
    if not count:
        return {"hits": 0, "of": 0, "share": None, "interval": None}
    interval = binomtest(hit, count).proportion_ci(0.95, method="wilson")
    return {
        "hits": hit,
        "of": count,
        "share": round(hit / count, 4),
        "interval": [round(float(interval.low), 4), round(float(interval.high), 4)],
    }


def _auc(rows: pd.DataFrame, value: NDArray[Any], sound: BoolArray, broken: BoolArray) -> dict[str, Any]:
    """Return the area under the ROC with its standard error by resampling whole sets."""
    if not (sound.any() and broken.any()):
        return {"auc": None, "s.e.": None}
    place = [np.flatnonzero(rows["set"] == number) for number in rows["set"].unique()]
    rng, found = np.random.default_rng(0), []
    for _ in range(_RESAMPLES if len(place) > 4 else 0):
        drawn = np.concatenate([place[i] for i in rng.integers(len(place), size=len(place))])
        if sound[drawn].any() and broken[drawn].any():
            found.append(_area(value[drawn][broken[drawn]], value[drawn][sound[drawn]]))
    error = round(float(np.std(found)), 4) if found else None
    return {"auc": round(_area(value[broken], value[sound]), 4), "s.e.": error}


def _area(high: NDArray[Any], low: NDArray[Any]) -> float:
    """Return how often a value of the first is above one of the second; ties count half."""
    ranks = rankdata(np.concatenate([high, low]))[: len(high)]
    return float((ranks.mean() - (len(high) + 1) / 2) / len(low))


def _roc(sound: NDArray[Any], broken: NDArray[Any]) -> list[float] | None:
    """Return the share detected at each share of false alarms."""
    if not (len(sound) and len(broken)):
        return None
    cuts = np.quantile(sound, 1 - _ROC_POINTS, method="higher")
    return [round(float(np.mean(broken > cut)), 4) for cut in cuts[:-1]] + [1.0]


def calibration(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a row a bin of P(break): curves, mean of P(break), share broken with its Wilson interval."""
    place = np.clip(np.digitize(rows[OURS], EDGES) - 1, 0, len(EDGES) - 2)
    found = []
    for number in range(len(EDGES) - 1):
        own = rows[place == number]
        if len(own):
            entry = {
                "from": EDGES[number],
                "to": EDGES[number + 1],
                "mean": round(float(own[OURS].mean()), 4),
            }
            found.append({**entry, "broken": share(own["broken"])})
    return found


def overall_calibration(rows: pd.DataFrame) -> dict[str, Any]:
    """Return mean P(break) against the share broken, and the Brier score beside that of the share itself."""
    broken = rows["broken"].to_numpy(float)
    return {
        "mean P(break)": round(float(rows[OURS].mean()), 4),
        "share broken": round(float(broken.mean()), 4),
        "Brier score": round(float(np.mean((rows[OURS] - broken) ** 2)), 4),
        "Brier score of the share": round(float(broken.var()), 4),
    }


def positions(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the coverage of the intervals of the position, given a break, of curves that did break."""
    known = rows["broken"].to_numpy(bool) & (rows["break_draws"] >= FEWEST).to_numpy()
    chosen: dict[str, Any] = {kind: members & known for kind, members in groups(rows).items()}
    chosen["breaks with P(break) > 0.9"] = known & (rows[OURS] > 0.9).to_numpy()
    found = []
    for kind, members in chosen.items():
        rank = rows.loc[members, "position_rank"]
        entry = {"of": kind, "left out": int((groups(rows).get(kind, members) & ~known).sum())}
        entry |= {f"covered {prob:.0%}": share((rank - 0.5).abs() <= prob / 2) for prob in PROBS}
        width = rows.loc[members, "position_width"].median()
        entry["median 90% width in decades"] = round(float(width), 3) if len(rank) else None
        found.append(entry)
    return found
