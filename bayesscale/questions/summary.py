"""Summary: laws and coefficients of every curve, and what the population of curves is like."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.laws import LAWS
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.posterior.coefficients import coefficients
from bayesscale.posterior.draws import Draws
from bayesscale.posterior.local import measured
from bayesscale.questions.asked import check_prob
from bayesscale.questions.describe import SHORT, plain_records, reading, record, table_text
from bayesscale.questions.population import STATISTICS, interval, population_table
from bayesscale.questions.targets import answer_columns
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    from bayesscale.inference import Fit

FloatArray = NDArray[np.float64]
# A law with a smaller share of a curve's draws gives no coefficients.
_COUNTS = 0.01
_PROBABILITY = "probability that the curve follows the law; coefficients are those given their law"


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
        A row a curve, metric and quantity; median, lower, upper. The quantities are level and gain; where the
        metric has several laws, the probability of each, three times the same number; and the papers'
        coefficients, given their law. A law with less than 1% of a curve's draws gives none.
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
                f"{m:.3g}" if quantity.startswith("P(") else f"{m:.3g} ({lo:.3g} to {hi:.3g})"
                for quantity, m, lo, hi in own[["quantity", *STATISTICS]].itertuples(index=False)
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
    laws = [LAWS[law] for law in dict.fromkeys(law for name in fit.curves.names for law in fit.allowed(name))]
    several = any(len(fit.allowed(name)) > 1 for name in fit.curves.names)
    return {
        "level": f"value of the law at {high}, in the metric's unit",
        "gain": f"log of the improvement from {low} to {high}; 0.1 is about 10%",
        **({"P(law)": _PROBABILITY} if several else {}),
        **{law.name: f"{law.formula} with {', '.join(law.coefficient_names)} ({law.source})" for law in laws},
    }


def _curve_table(fit: Fit, prob: float) -> pd.DataFrame:
    """Return level, gain, P(law) and the papers' coefficients of every curve and metric."""
    names = answer_columns(fit.curves)
    parts: list[pd.DataFrame] = []
    for place, metric in enumerate(fit.curves.names):
        for quantity, values in _quantities(fit.posterior, place).items():
            table = fit.curves.table[names].assign(metric=metric, quantity=quantity)
            table[list(STATISTICS)] = _of_known(values, prob)
            parts.append(table.assign(curve=np.arange(len(table)), order=len(parts)))
    whole = (
        pd.concat(parts).dropna(subset=list(STATISTICS)).sort_values(["curve", "order"], ignore_index=True)
    )
    return whole.drop(columns=["curve", "order"])


def _quantities(draws: Draws, place: int) -> dict[str, FloatArray]:
    """Return draws of a metric's quantities, each of shape (draws, curves); NaN where unknown."""
    every = np.arange(len(draws.curves))
    local, laws = measured(draws, place, every), draws.allowed(place)
    found = {"level": local.unbroken(np.ones((len(every), 1)))[:, 0].T, "gain": local.gain.T}
    for law in laws:
        follows = (local.law == draws.laws.index(law)).T
        share = follows.mean(axis=0)
        if len(laws) > 1:
            found[f"P({law})"] = np.broadcast_to(share, follows.shape)
        for name, values in coefficients(draws, law).items():
            own = values[..., draws.followers(law).index(place)]
            found[f"{name} ({law})" if len(laws) > 1 else name] = np.where(share >= _COUNTS, own, np.nan)
    return found


def _of_known(draws: FloatArray, prob: float) -> FloatArray:
    """Return median and interval of each curve's known draws, (curves, 3); NaN without any."""
    known = ~np.isnan(draws)
    return np.array(
        [
            interval(own[there], prob) if there.any() else np.full(len(STATISTICS), np.nan)
            for own, there in zip(draws.T, known.T, strict=True)
        ]
    )


def _short(value: Any) -> str:
    """Return a diagnostic in four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
