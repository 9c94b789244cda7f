"""What the question value says in words, and its tables as people read them."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.questions.describe import SHORT
from bayesscale.questions.gain import AHEAD, SIZE
from bayesscale.units import format_tokens

_SURE, _EVEN, _UNLIKELY = 0.9, 0.5, 0.1
_NUMBERS = ("pretrain_tokens", "score_median", "baseline_median")
_EXACT = 0.005


def probability(p: float) -> str:
    """Return a probability in two digits that never claims certainty."""
    return "<0.01" if p < _EXACT else ">0.99" if p > 1 - _EXACT else f"{p:.2f}"


def verdicts(table: pd.DataFrame) -> list[str]:
    """Return one sentence a task and metric: at which D_f pretraining is worth it, as probabilities.

    Parameters
    ----------
    table : pandas.DataFrame
        As from `Value.frame`.
    """
    keys = [n for n in ("task", "model_params", "metric") if n in table]
    return [_verdict(rows) for _, rows in table.groupby(keys, sort=False)]


def _verdict(rows: pd.DataFrame) -> str:
    """Return the sentence of one task and metric."""
    first = rows.iloc[0]
    sizes = f", {format_tokens(first['model_params'])} parameters" if "model_params" in rows else ""
    unit = CATALOGUE[first["metric"]].unit
    question = f"does pretraining gain more than {first['delta']:g} ({unit})?"
    name = f"{first['task']}, {first['metric']}{sizes}: "
    if SIZE not in rows:
        return f"{name}{question} {_answer(rows)}"
    parts = [f"D_f {format_tokens(float(str(size)))}: {_answer(own)}" for size, own in rows.groupby(SIZE)]
    return f"{name}{question} {'; '.join(parts)}"


def _answer(rows: pd.DataFrame) -> str:
    """Return yes, no, or for which mixtures, with probabilities."""
    ordered = rows.sort_values("p_gain", kind="stable")
    least, most = ordered.iloc[0], ordered.iloc[-1]
    low, high = probability(least["p_gain"]), probability(most["p_gain"])
    word = _word(float(least["p_gain"]), float(most["p_gain"]))
    if rows["mixture"].nunique() == 1:
        return f"{word} (P {high})"
    if low == high:
        return f"{word} (P {high} with each of {len(rows)} mixtures)"
    return f"{word} (P {low} with {least['mixture']} to {high} with {most['mixture']})"


def _word(least: float, most: float) -> str:
    """Return the answer for mixtures whose probabilities lie between two."""
    if least <= _UNLIKELY and most >= _SURE:
        return "depends on the mixture"
    if least >= _EVEN:
        return "yes" if least >= _SURE else "probably"
    if most < _EVEN:
        return "no" if most <= _UNLIKELY else "probably not"
    return "open"


def column_sentences(table: pd.DataFrame) -> list[str]:
    """Return what the headings mean."""
    lines = [
        "gain: score with pretraining on D_p tokens minus score without (for losses the reverse), without "
        "noise; P(> delta): that it is larger than delta"
    ]
    if "alone_median" in table:
        lines.append(
            "alone: D_f at which a model without pretraining scores the same; saved: that minus D_f; "
            "P(beyond): that alone is more than any D_f measured without pretraining; beyond: e-folds from "
            "there to its median"
        )
    return lines


def readable_gains(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each D_f, intervals written as 'median (lower to upper)'."""
    shown = table[_names(table)].copy()
    shown["metric"] = table["metric"]
    for name in _NUMBERS:
        shown[name.removesuffix("_median")] = table[name]
    shown["gain"] = [f"{m:.3g} ({lo:.3g} to {hi:.3g})" for m, lo, hi in _triples(table, "gain")]
    shown["P(> delta)"] = table["p_gain"].map(probability)
    if "alone_median" in table:
        low, high = table["searched_from"], table["searched_to"]
        shown["alone"] = [_sizes(*row) for row in zip(_triples(table, "alone"), low, high, strict=True)]
        shown["saved"] = [_saved(row) for row in table.to_dict("records")]
        shown["P(beyond)"] = [_known(p) for p in table["p_beyond"]]
        shown["beyond"] = [_beyond(row) for row in table.to_dict("records")]
    if not table["baseline_measured"].all():
        shown["baseline is"] = np.where(table["baseline_measured"], "measured", "predicted")
    return shown.rename(columns=SHORT)


def readable_limits(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each task, mixture and metric; empty where nothing is known of how gains change."""
    if "limit_median" not in table:
        return pd.DataFrame()
    names = [*(name for name in _names(table) if name != SIZE), "metric"]
    limits = table.dropna(subset=["limit_median"]).drop_duplicates(names).reset_index(drop=True)
    shown = limits[names].copy()
    low, high = limits["limit_from"], limits["searched_to"]
    shown["gains less beyond D_f"] = [
        _sizes(*row) for row in zip(_triples(limits, "limit"), low, high, strict=True)
    ]
    shown["P(at no D_f)"] = limits["p_never"].map(probability)
    shown["P(beyond data)"] = limits["p_limit_beyond"].map(probability)
    shown["P(not below)"] = [
        f"{probability(p)} at {format_tokens(size)}"
        for p, size in zip(limits["p_not_below"], high, strict=True)
    ]
    return shown


def _names(table: pd.DataFrame) -> list[str]:
    """Return the columns that tell curves apart for a person."""
    names = [str(name) for name in table.columns[: list(table.columns).index("metric")]]
    return [n for n in names if n not in ("task", "mixture") or set(table[n]) != {"all"}]


def _triples(table: pd.DataFrame, name: str) -> list[tuple[float, float, float]]:
    """Return median, lower and upper of each row."""
    parts = [table[f"{name}_{part}"].tolist() for part in ("median", "lower", "upper")]
    return list(zip(*parts, strict=True))


def _sizes(numbers: tuple[float, float, float], low: float, high: float) -> str:
    """Return sizes as 'median (lower to upper)', '<' and '>' where they lie outside what was searched."""
    if np.isnan(numbers[0]):
        return "unknown"
    median, lower, upper = (_size(number, low, high) for number in numbers)
    return median if lower == upper else f"{median} ({lower} to {upper})"


def _size(number: float, low: float, high: float) -> str:
    """Return one size."""
    if np.isinf(number):
        return f">{format_tokens(high)}"
    return f"<{format_tokens(low)}" if number == 0 else format_tokens(float(f"{number:.2g}"))


def _saved(row: dict[Hashable, float]) -> str:
    """Return the data saved as a person reads it."""
    if np.isnan(row["saved_median"]):
        return "unknown"
    own = row[SIZE]
    texts = []
    for part in ("median", "lower", "upper"):
        alone, saved = row[f"alone_{part}"], row[f"saved_{part}"]
        bound = ">" if np.isinf(alone) else "<" if alone == 0 else ""
        number = (
            row["searched_to"] - own
            if np.isinf(alone)
            else row["searched_from"] - own
            if alone == 0
            else saved
        )
        texts.append(f"{bound}{'-' if number < 0 else ''}{format_tokens(float(f'{abs(number):.2g}'))}")
    return texts[0] if texts[1] == texts[2] else f"{texts[0]} ({texts[1]} to {texts[2]})"


def _beyond(row: dict[Hashable, float]) -> str:
    """Return e-folds beyond the measured baseline; a dash inside it and where nothing is known."""
    if row["beyond"] > 0 and np.isinf(row["alone_median"]):
        return f">{np.log(AHEAD):.2g}"
    return f"{row['beyond']:.2g}" if row["beyond"] > 0 else "-"


def _known(p: float) -> str:
    """Return a probability, or that it is not known."""
    return "unknown" if np.isnan(p) else probability(p)
