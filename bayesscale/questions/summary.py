"""Summary: laws and coefficients of every curve, and what the population of curves is like."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.laws import LAWS
from bayesscale.models.breaks import sign_of
from bayesscale.posterior.coefficients import coefficients
from bayesscale.posterior.curves import measured_metrics
from bayesscale.posterior.draws import Draws
from bayesscale.posterior.local import measured
from bayesscale.posterior.predictive import COLUMNS, Predictive
from bayesscale.questions.answer import (
    STATISTICS,
    SURE,
    Answer,
    interval,
    plain_records,
    probabilities,
    shown_names,
    spreads,
    track_record,
    units_of,
)
from bayesscale.questions.outlook import gain_that_counts, progress, prospect
from bayesscale.questions.population import population_table
from bayesscale.questions.select import Selection, answer_columns, check_prob, drawn_curves, last_sizes
from bayesscale.text import size_text
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    from bayesscale.figures.picture import Picture
    from bayesscale.inference import Fit

FloatArray = NDArray[np.float64]
AHEAD = 10.0
"""How many times the last measured size an outlook is about."""
# A law with a smaller share of a curve's draws gives no coefficients.
_COUNTS = 0.01
_PROBABILITY = "probability that the curve follows the law; coefficients are those given their law"


@dataclass(frozen=True)
class Summary(Answer):
    """What a fit says of its curves and of their population, with equal-tailed intervals.

    The table has a row a curve, metric and quantity; median, lower, upper. The quantities are level and gain;
    where the metric has several laws, the probability of each, three times the same number; and the papers'
    coefficients, given their law. A law with less than 1% of a curve's draws gives none. `population` has a
    row a quantity of the population: metric, effect, quantity, meaning; median, lower, upper.

    `outlook` has a row a curve and metric: last, the largest measured size, and `ahead`, ten times that;
    now_median, now_lower, now_upper of the law there; p_gain, the probability that the law at `ahead` is
    better by delta, twice the typical noise of a run; forecast_median, forecast_lower, forecast_upper of a
    new measurement at `ahead`; p_broken, NaN where the law cannot break; law, the most probable, and p_law.
    """

    population: pd.DataFrame = field(repr=False)
    outlook: pd.DataFrame = field(repr=False)

    rows = "curves"

    @property
    def curves(self) -> pd.DataFrame:
        """The quantities of the curves."""
        return self.table

    def frame(self) -> pd.DataFrame:
        """Return both tables in one; `part` says which, and what a row does not have is missing."""
        parts = (self.table.assign(part="curve"), self.population.assign(part="population"))
        both = pd.concat(parts, ignore_index=True)
        return both[["part", *(name for name in both.columns if name != "part")]]

    def contents(self) -> dict[str, Any]:
        """Return units, meanings, how the fit was made, the population and the outlook."""
        made = self.fit.provenance
        return {
            "units": units_of(self.fit.curves.names),
            "quantities": meanings(self.fit),
            "diagnostics": made.get("diagnostics", {}),
            "command": made.get("command", ""),
            "created": made.get("created", ""),
            "timings": made.get("timings", {}),
            "outlook": plain_records(self.outlook),
            "population": plain_records(self.population),
        }

    def headline(self) -> list[str]:
        """Return whether the fit converged, and what ten times more is forecast to bring."""
        broken, many = int((self.outlook["p_broken"] >= SURE).sum()), len(self.outlook)
        more = f" {broken} of {many} curves and metrics are broken (P {SURE:g})." if broken else ""
        status = f"The fit has {'' if self.fit.status.ok else 'not '}converged."
        return [f"{status} {self.prospect()}{more}", *track_record(self.fit)]

    def prospect(self) -> str:
        """Return what ten times more tokens are forecast to do to the first metric."""
        own = self.outlook[self.outlook["metric"] == self.metrics[0]]
        return prospect(own, "forecast_", self.names, "Ten times more tokens", self.prob)

    def explain(self) -> list[str]:
        """Return status, diagnostics, the command, and what the quantities are."""
        diagnostics = self.fit.provenance.get("diagnostics", {})
        shown = ", ".join(f"{name} {_short(value)}" for name, value in diagnostics.items())
        return [
            "first the law at the last measured size, then a new measurement at ten times that",
            f"status: {self.fit.status}",
            *([f"diagnostics: {shown}"] if shown else []),
            *([f"made by: {command}"] if (command := self.fit.provenance.get("command")) else []),
            *(f"{name}: {meaning}" for name, meaning in meanings(self.fit).items()),
        ]

    def readable(self) -> pd.DataFrame:
        """Return a row a curve and metric: now, at ten times the tokens, P(broken), the law."""
        table = self.outlook
        shown = shown_names(table, self.names)
        shown["metric"] = table["metric"]
        # Where all curves end at one size it heads the columns.
        (last,) = set(table["last"]) if table["last"].nunique() == 1 else (None,)
        if last is None:
            shown["last"] = [size_text(size) for size in table["last"]]
        now, ahead = (
            ("now", "at 10x") if last is None else (f"at {size_text(s)}" for s in (last, AHEAD * last))
        )
        shown[now] = spreads(table, "now")
        shown[ahead] = spreads(table, "forecast")
        if table["p_broken"].notna().any():
            shown["P(broken)"] = probabilities(table["p_broken"])
        shown["law"] = [LAWS[law].option for law in table["law"]]
        if (table["p_law"] < 1).any():
            shown["P(law)"] = probabilities(table["p_law"].where(table["p_law"] < 1))
        return shown

    def details(self) -> dict[str, pd.DataFrame]:
        """Return the coefficients of each metric's curves, and the population."""
        parts = {f"{metric}, for each curve": self._coefficients(metric) for metric in self.metrics}
        return parts | {"population of curves": self.population.drop(columns=["effect", "quantity"])}

    def _coefficients(self, metric: str) -> pd.DataFrame:
        """Return the curves of one metric, 'median (lower to upper)' in each cell."""
        own = self.table[self.table["metric"] == metric]
        cells = own.assign(
            cell=[
                f"{m:.3g}" if quantity.startswith("P(") else f"{m:.3g} ({lo:.3g} to {hi:.3g})"
                for quantity, m, lo, hi in own[["quantity", *STATISTICS]].itertuples(index=False)
            ]
        )
        wide = cells.pivot_table(
            index=self.names, columns="quantity", values="cell", aggfunc="first", sort=False
        )
        return wide.reset_index().rename_axis(columns=None)

    def plot(self) -> Picture:
        """Return a picture of all curves up to ten times the largest size."""
        from bayesscale.questions.picture import picture

        return picture(self.fit, prob=self.prob)


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
    return Summary(fit, prob, _curve_table(fit, prob), (), population_table(fit, prob), _outlook(fit, prob))


def meanings(fit: Fit) -> dict[str, str]:
    """Return what the quantities of a curve are."""
    axis = fit.curves.axis
    low, high = format_tokens(axis.lo), format_tokens(axis.hi)
    laws = [LAWS[law] for law in dict.fromkeys(law for name in fit.curves.names for law in fit.allowed(name))]
    several = any(len(fit.allowed(name)) > 1 for name in fit.curves.names)
    return {
        "level": f"value of the law at {high}, in the metric's unit",
        "gain": f"log of the improvement of the law from {low} to {high}; 0.1 is about 10%",
        **({"P(law)": _PROBABILITY} if several else {}),
        **{law.name: f"{law.formula} with {', '.join(law.coefficient_names)} ({law.source})" for law in laws},
    }


def _curve_table(fit: Fit, prob: float) -> pd.DataFrame:
    """Return level, gain, P(law) and the papers' coefficients of every curve and metric."""
    names = answer_columns(fit.curves)
    parts: list[pd.DataFrame] = []
    for place, metric in enumerate(fit.curves.names):
        for quantity, values in _quantities(fit.arrays, place).items():
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
    first, last = np.moveaxis(local.unbroken(np.broadcast_to([0.0, 1.0], (len(every), 2))), 1, 0)
    # Not the coefficient: a log-law whose gain is above its beta rises by more than its gain.
    with np.errstate(divide="ignore"):
        gain = sign_of(local.metric) * (np.log(last) - np.log(first))
    found = {"level": last.T, "gain": gain.T}
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


def _outlook(fit: Fit, prob: float) -> pd.DataFrame:
    """Return where each curve is and where it will be at ten times its last size, see `Summary`."""
    drawn, _ = drawn_curves(fit, Selection(), None)
    predictive, last, known = Predictive(drawn, prob), last_sizes(fit.curves), measured_metrics(fit.curves)
    position, parts = drawn.targets.position, []
    for place, metric in enumerate(fit.curves.names):
        own = last[position, place]
        found = predictive.describe(np.stack([own, AHEAD * own], axis=1), [place])[:, 0]
        columns = dict(zip(COLUMNS, found.T, strict=True))
        local, laws = drawn.local(slice(None), place), fit.allowed(metric)
        shares = np.array([(local.law == fit.laws.index(law)).mean(axis=1) for law in laws])
        table = drawn.targets.table.assign(metric=metric, last=own, ahead=AHEAD * own)
        ahead = progress(predictive, own, AHEAD * own[:, None], place)
        table[ahead.columns] = ahead
        table = table.assign(**{f"forecast_{part}": columns[part][1] for part in STATISTICS})
        table["delta"] = gain_that_counts(metric)
        table["p_broken"] = columns["p_break"][0]
        table["law"], table["p_law"] = [laws[best] for best in shares.argmax(axis=0)], shares.max(axis=0)
        parts.append(table[known[position, place]].assign(order=place))
    whole = pd.concat(parts).reset_index(names="curve").sort_values(["order", "curve"], ignore_index=True)
    return pd.DataFrame(whole.drop(columns=["curve", "order"]))


def _short(value: Any) -> str:
    """Return a diagnostic in four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
