"""What pretraining gains over no pretraining: the answer, its words and its tables."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayesscale.questions.answer import (
    STATISTICS,
    SURE,
    UNLIKELY,
    Answer,
    name_of,
    probabilities,
    shown_names,
    sizes_text,
    spreads,
    triples,
    units_of,
)
from bayesscale.questions.value.lines import AHEAD, SIZE
from bayesscale.text import listed, probability_text
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    from bayesscale.figures.picture import Picture


def verdicts(table: pd.DataFrame) -> list[str]:
    """Return one sentence a task and metric: on how many curves pretraining is worth it, and at which D_f."""
    keys = [n for n in ("task", "model_params", "metric") if n in table]
    return [f"{name_of(rows.iloc[0], keys)}: {_told(rows)}" for _, rows in table.groupby(keys, sort=False)]


def _told(rows: pd.DataFrame) -> str:
    """Return on how many curves of one metric pretraining gains what counts, and at which D_f."""
    yes, no = rows[rows["p_gain"] >= SURE], rows[rows["p_gain"] <= UNLIKELY]
    rest = len(rows) - len(yes) - len(no)
    return (
        f"Pretraining gains more than {rows['delta'].iloc[0]:g} in {rows['metric'].iloc[0]} "
        f"(P {SURE:g} or more) on {len(yes) or 'none'} of {len(rows)} curves{_at_sizes(yes)}"
        f"{f'; on {len(no)} it does not{_at_sizes(no)}' if len(no) else ''}"
        f"{f'; {rest} open' if rest else ''}."
    )


_COLUMNS = (
    "gain: score with pretraining on D_p tokens minus score without (for losses the reverse), without noise; "
    "P(> delta): that it is larger than delta"
)
_ALONE = (
    "alone: D_f at which a model without pretraining scores the same; saved: that minus D_f; P(beyond): that "
    "alone is more than any D_f measured without pretraining; beyond: e-folds from there to its median"
)


def readable_limits(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each task, mixture and metric; empty where nothing is known of how gains change."""
    if "limit_median" not in table:
        return pd.DataFrame()
    columns = list(table.columns[: list(table.columns).index("metric")])
    names = [*(n for n in shown_names(table, columns) if n != SIZE), "metric"]
    limits = table.dropna(subset=["limit_median"]).drop_duplicates(names).reset_index(drop=True)
    shown = limits[names].copy()
    low, high = limits["limit_from"], limits["searched_to"]
    shown["gains less beyond D_f"] = [
        sizes_text(*row) for row in zip(triples(limits, "limit"), low, high, strict=True)
    ]
    shown["P(at no D_f)"] = limits["p_never"].map(probability_text)
    shown["P(beyond data)"] = limits["p_limit_beyond"].map(probability_text)
    shown["P(not below)"] = [
        f"{probability_text(p)} at {format_tokens(size)}"
        for p, size in zip(limits["p_not_below"], high, strict=True)
    ]
    return shown


def _saved(row: dict[Hashable, float]) -> str:
    """Return the data saved as a person reads it."""
    if np.isnan(row["saved_median"]):
        return "unknown"
    own = row[SIZE]
    texts = []
    for part in STATISTICS:
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


_TOKENS = (
    *("pretrain_tokens", SIZE, "alone_median", "alone_lower", "alone_upper"),
    *("saved_median", "saved_lower", "saved_upper", "limit_median", "limit_lower", "limit_upper"),
    *("limit_from", "searched_from", "searched_to"),
)


@dataclass(frozen=True)
class Value(Answer):
    """What pretraining is worth.

    The table has a row a curve and metric. Columns: what names the curve, metric; pretrain_tokens, at which
    pretraining is judged; score_median and baseline_median, with and without it; gain_median, gain_lower,
    gain_upper in the metric's unit, positive where pretraining helps, without noise; delta, and p_gain, the
    probability that the gain is larger.

    Data saved: alone_median, alone_lower, alone_upper, the D_f at which a model without pretraining has the
    same score, 0 or infinite where that lies outside searched_from to searched_to (a tenth of the smallest to
    100 times the largest measured D_f of the task); saved_..., the same minus the own D_f, the effective data
    transferred (Hernandez et al. 2021, arXiv 2102.01293); p_saves, the probability that it is positive;
    p_beyond, that alone lies beyond the largest D_f at which the task's baseline was measured; beyond, its
    median in e-folds beyond that D_f, negative inside the data.

    Limit, the same for all rows of a mixture, task and metric: limit_median, limit_lower, limit_upper, the
    D_f beyond which the gain is less than delta, 0 where it is less at every D_f from limit_from on, infinite
    where it is more up to searched_to; p_never and p_not_below, the probabilities of these two;
    p_limit_beyond, that the limit lies beyond the largest measured D_f of the task.

    measured, whether the curve was; baseline_measured, whether its baseline was. Data saved and limit are
    left out where the data do not say how the baseline changes with D_f, NaN if so for some metrics only.
    `deltas` are the gains that count, for each metric in its unit, and `reason` where they come from.
    """

    deltas: Mapping[str, float]
    reason: str

    rows = "value"

    def contents(self) -> dict[str, Any]:
        """Return units, the gains that count, and verdicts."""
        return {
            "units": {
                **units_of(self.metrics),
                **{name: "tokens" for name in _TOKENS if name in self.table},
                **({"beyond": f"e-folds of {SIZE}"} if "beyond" in self.table else {}),
            },
            "delta": dict(self.deltas),
            "verdicts": verdicts(self.table),
        }

    def headline(self) -> list[str]:
        """Return on how many curves pretraining gains what counts, and at which D_f."""
        return [_told(self.table[self.table["metric"] == self.metrics[0]])]

    def explain(self) -> list[str]:
        """Return the gain that counts, a verdict a task, and what the columns mean."""
        deltas = ", ".join(f"{delta:g} in {name}" for name, delta in self.deltas.items())
        return [
            f"delta, the gain that counts{self.reason}: {deltas}",
            *verdicts(self.table),
            _COLUMNS,
            *([_ALONE] if "alone_median" in self.table else []),
        ]

    def readable(self) -> pd.DataFrame:
        """Return what pretraining gains on each curve, and the D_f that would do without."""
        table = self.table
        shown = self.named()
        if len(self.metrics) > 1:
            shown["metric"] = table["metric"]
        shown["gain"] = spreads(table, "gain")
        delta = f"{table['delta'].iloc[0]:g}" if table["delta"].nunique() == 1 else "delta"
        shown[f"P(> {delta})"] = probabilities(table["p_gain"])
        if "alone_median" in table:
            ends = table["searched_from"], table["searched_to"]
            own = zip(triples(table, "alone"), *ends, strict=True)
            shown["alone"] = [sizes_text(*numbers) for numbers in own]
        if not table["baseline_measured"].all():
            shown["baseline is"] = np.where(table["baseline_measured"], "measured", "predicted")
        return shown

    def details(self) -> dict[str, pd.DataFrame]:
        """Return scores and data saved, and the D_f beyond which pretraining gains too little."""
        table = self.table
        shown = self.named().assign(metric=table["metric"], pretrain_tokens=table["pretrain_tokens"])
        shown["score"], shown["baseline"] = table["score_median"], table["baseline_median"]
        if "alone_median" in table:
            rows = table.to_dict("records")
            shown["saved"] = [_saved(row) for row in rows]
            shown["P(beyond)"] = probabilities(table["p_beyond"])
            shown["beyond"] = [_beyond(row) for row in rows]
        found = {"scores with and without pretraining, and data saved": shown}
        limits = readable_limits(table)
        title = "D_f beyond which the gain is less than delta"
        return found if limits.empty else found | {title: limits}

    def plot(self, *, columns: int = 3) -> Picture:
        """Return a picture of the gains against D_f, a panel for each task and metric."""
        from bayesscale.figures.gains import draw_gains

        table = self.table.assign(unit=self.table["metric"].map(units_of(self.metrics)))
        panel = tuple(name for name in ("task", "model_params", "metric") if name in table)
        # Where D_f is not known or the same for all, there is one place for all.
        table = table if SIZE in table else table.assign(**{SIZE: 1.0})
        return draw_gains(
            table, panel, SIZE, self.frame_text("Gain of pretraining over none"), columns=columns
        )


def _at_sizes(rows: pd.DataFrame) -> str:
    """Return ' (D_f 42M and 210M)', the sizes of some rows; nothing where they have none."""
    if rows.empty or SIZE not in rows:
        return ""
    return f" (D_f {listed([format_tokens(size) for size in sorted(set(rows[SIZE]))], 4)})"
