"""Which next measurement teaches most: the answer, its words, and what limits the numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import SIZES
from bayesscale.questions.answer import (
    Answer,
    interval,
    name_of,
    percent_text,
    shown_names,
    spread_text,
    three,
)
from bayesscale.questions.plan.candidates import Prices
from bayesscale.questions.plan.quantities import Quantities, Query
from bayesscale.text import listed, probability_text
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    from bayesscale.figures.picture import Picture
    from bayesscale.inference import Fit


@dataclass(frozen=True)
class Plan(Answer):
    """Candidates for the next measurement, by what each is expected to teach.

    The table has a row a candidate, the largest reduction first. Columns: what names the curve and the size
    along it; `place`, see `bayesscale.questions.plan.candidates.candidate_table`; `cost`, in tokens times
    their prices; for forecasts `sd_now` and `sd_after`, standard deviation of the law now and as expected
    afterwards (root of the mean variance), `width_now` and `width_after` of the equal-tailed interval; for
    events `bits_now` and `bits_after`, entropy, and `right_now` and `right_after`, the probability that the
    likelier answer is right; `reduction`, the share of the variance or entropy that is expected to go, and
    `reduction_error`, its Monte Carlo standard error; `reduction_per_cost`; `efficient`, whether no candidate
    of the same or lower cost reduces more, and the reduction is more than twice its error; `as_good`, whether
    it is less than the first by no more than twice the Monte Carlo error of their difference; `method`,
    'weights' or 'regression'; `draws`, how many draws the weights are worth, median over outcomes. Of several
    curves variances and entropies are added up, and the rest is averaged.
    """

    query: Query
    quantities: Quantities = field(repr=False)
    prices: Prices

    rows = "candidates"

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metric of the question."""
        return (self.quantities.metric,)

    def contents(self) -> dict[str, Any]:
        """Return the question, units, prices and sentences."""
        metric = self.quantities.metric
        return {
            "question": {
                "kind": self.query.question,
                "about": list(self.quantities.labels),
                "metric": metric,
                "measure": "entropy in bits" if self.quantities.unknown.events else "variance of the law",
            },
            "units": {metric: CATALOGUE[metric].unit, "cost": "tokens times their price"},
            "prices": vars(self.prices),
            "sentences": self.headline(),
        }

    def headline(self) -> list[str]:
        """Return today's answer, the measurement that teaches most, and the one that does for its cost."""
        return [_today(self), *self._advice()]

    def _advice(self) -> list[str]:
        """Return what to measure, if anything teaches enough."""
        best, cheap = best_rows(self.table)
        if not self.quantities.unknown.now.sum() > 0:
            return ["All draws agree on this already: no measurement can be told from another."]
        if not _clear(self.table).any():
            return ["No candidate reduces it by more than Monte Carlo error: consider sizes further on."]
        if not _worth(self.table).any():
            return [
                f"No candidate is worth it, not even the best, {_candidate(self, best)}: "
                f"{_effect(self, best)}. Consider sizes further on."
            ]
        tied = self.table[self.table["as_good"]]
        if len(tied) > 1:
            names = listed([candidate_name(self, row) for _, row in tied.iterrows()])
            best = tied.sort_values("cost", kind="stable").iloc[0]
            told = [
                f"{len(tied)} measurements reduce it most, by as much within Monte Carlo error: {names}.",
                f"The cheapest of them is {_candidate(self, best)}: {_effect(self, best)}.",
            ]
        else:
            told = [f"Measure {_candidate(self, best)}: {_effect(self, best)}."]
        if cheap.name not in (best.name, self.table.index[0]):
            told.append(f"For its cost the best is {_candidate(self, cheap)}: {_effect(self, cheap)}.")
        return told

    def readable(self) -> pd.DataFrame:
        """Return the best candidates, see `shown_rows`."""
        table, events = self.table[shown_rows(self.table)], self.quantities.unknown.events
        curves = self.fit.curves
        names = [*dict.fromkeys(["task", "mixture", *curves.curve_columns]), curves.axis_name]
        shown = shown_names(table, [name for name in names if name in table])
        shown["place"], shown["cost"] = table["place"], table["cost"]
        after = "right_after" if events else "width_after"
        shown["P(right) after" if events else "width after"] = table[after].map("{:.3g}".format).astype(float)
        # Adding 0 turns -0.0 into 0.0.
        shown["reduction %"] = (100 * table["reduction"]).round(1) + 0.0
        shown["±"] = (100 * table["reduction_error"]).round(1)
        scale = float(10.0 ** np.floor(np.log10(table["cost"].median())))
        per = (100 * scale * table["reduction_per_cost"]).round(2) + 0.0
        shown[f"% per {format_tokens(scale)}"] = per
        if table["as_good"].sum() > 1:
            shown["as good"] = np.where(table["as_good"], "yes", "")
        return shown

    def plot(self) -> Picture:
        """Return a picture of what candidates reduce against what they cost."""
        from bayesscale.figures.frontier import draw_frontier

        labels = [candidate_name(self, row) for _, row in self.table.iterrows()]
        return draw_frontier(self.table, labels, self.frame_text("What one more measurement teaches"))


# Rows for people: the best by reduction, and the best per cost.
_BEST, _CHEAP = 8, 4

CLEAR = 2.0
"""Standard errors beyond which a reduction is more than Monte Carlo error."""
WORTH = 0.1
"""Share of what is unknown that a measurement takes, to be named in a sentence."""
POINTS = 0.02
"""And by how much the likelier answer has to be more often right."""
# So many curves, of whose today's answers a person is told.
_TOLD = 3


def best_rows(table: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Return the candidate that teaches most, and the one that does for its cost."""
    cheap = table["reduction_per_cost"].where(_worth(table), -np.inf).argmax()
    return table.iloc[0], table.iloc[int(cheap)]


def _clear(table: pd.DataFrame) -> pd.Series:
    """Return which reductions are more than Monte Carlo error."""
    return table["reduction"] > CLEAR * table["reduction_error"]


def _worth(table: pd.DataFrame) -> pd.Series:
    """Return which reductions are so large that a measurement is worth naming."""
    enough = _clear(table) & (table["reduction"] >= WORTH)
    return enough & (table["right_after"] - table["right_now"] >= POINTS) if "right_now" in table else enough


def _today(plan: Plan) -> str:
    """Return what is known today about the question."""
    labels, draws, metric = plan.quantities.labels, plan.quantities.unknown.draws, plan.quantities.metric
    if plan.quantities.unknown.events:
        told = [
            f"P({label}) is {probability_text(p)}"
            for label, p in zip(labels, draws.mean(axis=1), strict=True)
        ]
    else:
        found = interval(draws.T, plan.prob)
        told = [
            f"{label} is {spread_text(three('law', own), 'law', metric)}"
            for label, own in zip(labels, found, strict=True)
        ]
    more = f", and {len(told) - _TOLD} more" if len(told) > _TOLD else ""
    return f"Today {'; '.join(told[:_TOLD])}{more}."


def candidate_name(plan: Plan, row: pd.Series) -> str:
    """Return what names a candidate."""
    axis = plan.fit.curves.axis_name
    names = [name for name in ("task", "mixture", SIZES[axis], axis) if name in row]
    return name_of(row, [name for name in names if name == axis or plan.table[name].nunique() > 1])


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
            f"the likelier answer is right with P {row['right_after']:.3g} instead of {row['right_now']:.3g} "
            f"({share} less entropy)"
        )
    return (
        f"the {percent_text(plan.prob)} interval narrows from {row['width_now']:.3g} to "
        f"{row['width_after']:.3g} on average ({share} less variance)"
    )


def plan_notes(fit: Fit, known: Quantities, table: pd.DataFrame, prices: Prices) -> list[str]:
    """Say what the numbers assume, and how far they can be trusted."""
    other = "run from their beginning" if not prices.continued else "continued from the largest one below"
    notes = [
        f"cost: {prices.pretrain:g} a token of pretraining, {prices.finetune:g} of finetuning; checkpoints "
        f"of the data are free, others {other}",
        "reductions are averages over the outcomes that the model expects, ± a Monte Carlo standard error; "
        f"as good as the first is what reduces less by no more than {CLEAR:g} of these",
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


def shown_rows(table: pd.DataFrame) -> pd.Series:
    """Return which candidates people are shown: the best, the best per cost, and the efficient ones."""
    per_cost = table["reduction_per_cost"].where(_worth(table))
    return table["efficient"] | (table.index < _BEST) | (per_cost.rank(ascending=False) <= _CHEAP)
