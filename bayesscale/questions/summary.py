"""Summary: the coefficients of every curve, and what the population of curves is like."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.laws import Law
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.models.effects import joint_effects
from bayesscale.questions.asked import check_prob
from bayesscale.questions.describe import SHORT, plain_records, reading, record, table_text
from bayesscale.questions.laws import DrawnLaw
from bayesscale.questions.population import STATISTICS, interval, population_table
from bayesscale.questions.targets import answer_columns
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    from bayesscale.inference import Fit


@dataclass(frozen=True)
class Summary:
    """What a fit says of its curves and of their population, with equal-tailed intervals.

    Parameters
    ----------
    fit : Fit
        The draws behind the numbers.
    prob : float
        Probability of the intervals.
    curves : pandas.DataFrame
        A row a curve, metric and quantity: level, gain and the papers' coefficients; median, lower, upper.
    population : pandas.DataFrame
        A row a quantity of the population: metric, effect, quantity, meaning; median, lower, upper.
    """

    fit: Fit = field(repr=False)
    prob: float
    curves: pd.DataFrame = field(repr=False)
    population: pd.DataFrame = field(repr=False)

    def frame(self) -> pd.DataFrame:
        """Return both tables in one; `part` says which, and what a row does not have is missing."""
        parts = (self.curves.assign(part="curve"), self.population.assign(part="population"))
        both = pd.concat(parts, ignore_index=True)
        return both[["part", *(name for name in both.columns if name != "part")]]

    def document(self) -> dict[str, Any]:
        """Return the same for programs, with what the numbers are."""
        return {
            "interval": {"kind": "equal-tailed", "prob": self.prob},
            **record(self.fit),
            "axis": self.fit.curves.axis_name,
            "units": {name: CATALOGUE[name].unit for name in self.fit.curves.names},
            "quantities": meanings(self.fit),
            "diagnostics": self.fit.provenance.get("diagnostics", {}),
            "command": self.fit.provenance.get("command", ""),
            "created": self.fit.provenance.get("created", ""),
            "timings": self.fit.provenance.get("timings", {}),
            "curves": plain_records(self.curves),
            "population": plain_records(self.population),
        }

    def sentences(self) -> list[str]:
        """Return what a reader has to know of the tables."""
        diagnostics = self.fit.provenance.get("diagnostics", {})
        shown = ", ".join(f"{name} {_short(value)}" for name, value in diagnostics.items())
        lines = reading(self.fit, self.prob, self.fit.curves.names)
        lines += [f"status: {self.fit.status}"] if self.fit.status.ok else []
        lines += [f"diagnostics: {shown}"] if shown else []
        lines += [f"made by: {command}"] if (command := self.fit.provenance.get("command")) else []
        return [*lines, *(f"{name}: {meaning}" for name, meaning in meanings(self.fit).items())]

    def readable(self, metric: str) -> pd.DataFrame:
        """Return the curves of one metric as people read them: 'median (lower to upper)' in each cell.

        Parameters
        ----------
        metric : str
            A metric of the fit.
        """
        own = self.curves[self.curves["metric"] == metric]
        names = answer_columns(self.fit.curves)
        cells = own.assign(
            cell=[
                f"{m:.3g} ({lo:.3g} to {hi:.3g})"
                for m, lo, hi in own[list(STATISTICS)].itertuples(index=False)
            ]
        )
        wide = cells.pivot_table(index=names, columns="quantity", values="cell", aggfunc="first", sort=False)
        return wide.reset_index().rename_axis(columns=None).rename(columns=SHORT)

    def readable_population(self) -> pd.DataFrame:
        """Return the population as people read it."""
        return self.population.drop(columns=["effect", "quantity"])

    def __str__(self) -> str:
        parts = [f"{metric}\n{table_text(self.readable(metric))}" for metric in self.fit.curves.names]
        return "\n\n".join(
            ["\n".join(self.sentences()), *parts, f"population\n{table_text(self.readable_population())}"]
        )


def summary(fit: Fit, *, prob: float = 0.9) -> Summary:
    """Summarise a fit.

    Parameters
    ----------
    fit : Fit
        A fitted model.
    prob : float
        Probability of the equal-tailed intervals.

    Raises
    ------
    UsageError
        The probability is none.
    """
    check_prob(prob)
    return Summary(fit, prob, _curve_table(fit, prob), population_table(fit, prob))


def meanings(fit: Fit) -> dict[str, str]:
    """Return what the quantities of a curve are."""
    axis = fit.curves.axis
    low, high = format_tokens(axis.lo), format_tokens(axis.hi)
    laws = {law.name: law for name in fit.curves.names for law in _laws(fit, name).values()}.values()
    return {
        "level": f"value of the law at {high}, in the metric's unit",
        "gain": f"log of the improvement from {low} to {high} (beyond chance, if given); 0.1 is about 10%",
        **{law.name: f"{law.formula} with {', '.join(law.coefficient_names)} ({law.source})" for law in laws},
    }


def _laws(fit: Fit, metric: str) -> dict[str, Law]:
    """Return the laws that a metric was fitted with, by group; of one law only, its first group."""
    score = metric in fit.curves.scores.metrics
    laws = {group: fit.followed(group).of(score).law for group in fit.groups}
    return laws if len({law.name for law in laws.values()}) > 1 else {fit.groups[0]: laws[fit.groups[0]]}


def _curve_table(fit: Fit, prob: float) -> pd.DataFrame:
    """Return level, gain and the papers' coefficients of every curve and metric."""
    names = answer_columns(fit.curves)
    parts: list[pd.DataFrame] = []
    for place, metric in enumerate(fit.curves.names):
        for quantity, draws in _quantities(fit, place).items():
            table = fit.curves.table[names].assign(metric=metric, quantity=quantity)
            table[list(STATISTICS)] = interval(draws, prob)
            parts.append(table.assign(curve=np.arange(len(table)), order=len(parts)))
    return (
        pd.concat(parts).sort_values(["curve", "order"], ignore_index=True).drop(columns=["curve", "order"])
    )


def _quantities(fit: Fit, place: int) -> dict[str, NDArray[np.float64]]:
    """Return draws of a metric's quantities on every curve, each of shape (draws, curves)."""
    metric, scores = fit.curves.names[place], fit.curves.scores.metrics
    effects = joint_effects(scores, fit.curves.losses.metrics, fit.priors)
    each = [fit.draws("curve_effect")[..., column].T for column in effects.columns(place)]
    block, own = ("score", place) if metric in scores else ("loss", place - len(scores))
    laws = _laws(fit, metric)
    names = [name for law in laws.values() for name in law.coefficient_names]
    coefficients = {
        # Two laws may use one letter for different things.
        name if names.count(name) == 1 else f"{name} ({law.name})": fit.draws(
            f"{block}_{name}", group if len(laws) > 1 else None
        )[..., own]
        for group, law in laws.items()
        for name in law.coefficient_names
    }
    return {"level": DrawnLaw(fit, place).value(1.0, *each).T, "gain": each[1].T, **coefficients}


def _short(value: Any) -> str:
    """Return a diagnostic in four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
