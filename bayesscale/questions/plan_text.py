"""A plan in words: the question, the best measurements, what limits the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import SIZES
from bayesscale.questions.candidates import Prices
from bayesscale.questions.describe import SHORT, is_simulated, source_text
from bayesscale.questions.quantities import Quantities
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    from bayesscale.inference import Fit
    from bayesscale.questions.plan import Plan

# Rows for people: the best by reduction, and the best per cost.
_BEST, _CHEAP = 8, 4
CLEAR = 2.0
"""Standard errors beyond which a reduction is more than Monte Carlo error."""


def plan_sentences(plan: Plan) -> list[str]:
    """Return the question and the answers: the best measurement, and the best one per cost."""
    table = plan.table
    lines = [_question(plan)]
    if not plan.quantities.unknown.now.sum() > 0:
        return [*lines, "all draws agree on this already: no measurement can be told from another"]
    best = table.iloc[0]
    if not (table["reduction"] > CLEAR * table["reduction_error"]).any():
        lines.append("no candidate reduces it by more than Monte Carlo error: consider sizes further on")
    cheap = table.iloc[int(table["reduction_per_cost"].where(_clear(table), -np.inf).argmax())]
    lines.append(f"largest reduction: {_candidate(plan, best)}: {_effect(plan, best)}{_rivals(table)}")
    same = (
        " - the same" if best.name == cheap.name else f": {_candidate(plan, cheap)}: {_effect(plan, cheap)}"
    )
    lines.append(f"largest reduction per cost{same}")
    return lines


def _clear(table: pd.DataFrame) -> pd.Series:
    """Return which reductions are more than Monte Carlo error; all, where none is."""
    clear = table["reduction"] > CLEAR * table["reduction_error"]
    return clear if clear.any() else ~clear


def _question(plan: Plan) -> str:
    """Return the question and what is known today."""
    labels, row = plan.quantities.labels, plan.table.iloc[0]
    about = labels[0] if len(labels) == 1 else f"{len(labels)} quantities: {_listed(labels)}"
    draws = plan.quantities.unknown.draws
    unit = CATALOGUE[plan.quantities.metric].unit
    if plan.quantities.unknown.events:
        share = ", ".join(f"{100 * p:.3g}%" for p in draws.mean(axis=1)[:6])
        return f"question: {about}; now P = {share}, {row['bits_now']:.3g} bits unknown"
    median = ", ".join(f"{m:.4g}" for m in np.median(draws, axis=1)[:6])
    return (
        f"question: {about}; the law's median is {median} {unit}, its sd {row['sd_now']:.3g}, its "
        f"{100 * plan.prob:.10g}% interval {row['width_now']:.3g} wide"
    )


def _listed(labels: Sequence[str]) -> str:
    """Return the first labels."""
    return "; ".join(labels[:6]) + ("; ..." if len(labels) > 6 else "")


def candidate_name(plan: Plan, row: pd.Series) -> str:
    """Return what names a candidate."""
    axis = plan.fit.curves.axis_name
    names = [name for name in ("task", "mixture") if name in row and row[name] != "all"]
    parts = [str(row[name]) for name in names]
    parts += [f"{SHORT[n]} {format_tokens(row[n])}" for n in (SIZES[axis], axis) if n in row]
    return " ".join(parts)


def _candidate(plan: Plan, row: pd.Series) -> str:
    """Return a candidate in words."""
    return f"{candidate_name(plan, row)} ({_PLACES[row['place']]}, cost {format_tokens(row['cost'])})"


_PLACES = {
    "beyond": "beyond the data",
    "between": "between measured sizes",
    "unmeasured": "a size of other curves of the mixture",
    "new": "a new curve",
    "repeat": "a repeat",
}


def _effect(plan: Plan, row: pd.Series) -> str:
    """Return what a candidate is expected to do."""
    share = f"{100 * row['reduction']:.3g}% ± {100 * row['reduction_error']:.1g}"
    if plan.quantities.unknown.events:
        return (
            f"{share} fewer bits unknown; the likelier answer right with {100 * row['right_after']:.3g}% "
            f"instead of {100 * row['right_now']:.3g}%"
        )
    return f"{share} less variance, sd {row['sd_now']:.3g} to {row['sd_after']:.3g} on average"


def _rivals(table: pd.DataFrame) -> str:
    """Return how many candidates cannot be told from the best."""
    best = table.iloc[0]
    error = np.hypot(best["reduction_error"], table["reduction_error"])
    rivals = int((best["reduction"] - table["reduction"] < CLEAR * error).sum()) - 1
    some = "other is" if rivals == 1 else "others are"
    return f"; {rivals} {some} as good within Monte Carlo error" if rivals else ""


def picture_text(plan: Plan) -> tuple[list[str], str, str]:
    """Return the names of all candidates, title and caption of the picture."""
    names = [candidate_name(plan, row) for _, row in plan.table.iterrows()]
    source = [source_text(plan.fit), f"seed {plan.fit.provenance.get('seed')}"]
    caption = (
        f"{_question(plan)}. Bars: Monte Carlo standard error; {plan.fit.status.label}. {'; '.join(source)}."
    )
    simulated = " - SIMULATED data, not measured" if is_simulated(plan.fit) else ""
    return names, f"What one more measurement teaches{simulated}", caption


def plan_notes(fit: Fit, known: Quantities, table: pd.DataFrame, prices: Prices) -> list[str]:
    """Say what the numbers assume, and how far they can be trusted."""
    other = "run from their beginning" if not prices.continued else "continued from the largest one below"
    notes = [
        f"cost: {prices.pretrain:g} a token of pretraining, {prices.finetune:g} of finetuning; checkpoints "
        f"of the data are free, others {other}",
        "reductions are averages over the outcomes that the model expects; ± is a Monte Carlo standard error",
    ]
    if len(table) > (shown := int(shown_rows(table).sum())):
        notes.append(f"the {shown} best of {len(table)} candidates are shown; --csv and --json have all")
    if regressed := int((table["method"] == "regression").sum()):
        notes.append(
            f"{regressed} of {len(table)} candidates say more than {known.unknown.draws.shape[1]:,} draws "
            "can resolve by weights: linear regression is used for them, which understates their reduction; "
            "more draws resolve them"
        )
    if missing := [name for name in SIZES if name not in fit.metrics.frame]:
        notes.append(f"the data do not say {missing[0]}: they cost nothing here")
    if (table["place"] == "repeat").any():
        notes.append(
            "a repeat is a finetuning run of its own: its noise is taken as independent of the first's"
        )
    if "model_params" in fit.curves.curve_columns:
        notes.append("costs count tokens only, whatever the size of the model")
    return notes


def readable_plan(plan: Plan) -> pd.DataFrame:
    """Return the best candidates, under short headings.

    Shown are those of `shown_rows`.
    """
    table, events = plan.table, plan.quantities.unknown.events
    shown = table[shown_rows(table)].copy()
    scale = _scale(shown["cost"])
    # Adding 0 turns -0.0 into 0.0.
    shown["reduction %"] = (100 * shown["reduction"]).round(1) + 0.0
    shown["±"] = (100 * shown["reduction_error"]).round(1)
    shown[f"% per {format_tokens(scale)}"] = (100 * scale * shown["reduction_per_cost"]).round(2) + 0.0
    shown["efficient"] = np.where(shown["efficient"], "yes", "no")
    after = ["bits_after", "right_after"] if events else ["sd_after", "width_after"]
    columns = [name for name in _named(plan) if name in shown]
    numbers = ["reduction %", "±", f"% per {format_tokens(scale)}", "efficient"]
    shown[after] = shown[after].map("{:.3g}".format).astype(float)
    return shown[[*columns, "place", "cost", *after, *numbers]].rename(columns=_HEADINGS)


_HEADINGS = {
    **SHORT,
    "bits_after": "bits after",
    "right_after": "P(right) after",
    "sd_after": "sd after",
    "width_after": "width after",
}


def _named(plan: Plan) -> list[str]:
    """Return the columns that name a candidate and tell some apart from others."""
    curves = plan.fit.curves
    names = [*dict.fromkeys(["task", "mixture", *curves.curve_columns]), curves.axis_name]
    return [
        n
        for n in names
        if n in plan.table and (n not in ("task", "mixture") or set(plan.table[n]) != {"all"})
    ]


def shown_rows(table: pd.DataFrame) -> pd.Series:
    """Return which candidates people are shown: the best, the best per cost, and the efficient ones."""
    per_cost = table["reduction_per_cost"].where(_clear(table))
    return table["efficient"] | (table.index < _BEST) | (per_cost.rank(ascending=False) <= _CHEAP)


def _scale(cost: pd.Series) -> float:
    """Return the power of ten at or below the typical cost."""
    return float(10.0 ** np.floor(np.log10(cost.median())))
