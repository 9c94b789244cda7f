"""Forecast: credible intervals for scores at any size, of curves that were measured and of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import SIZES, Curves
from bayesscale.posterior.baseline import TargetBaseline
from bayesscale.posterior.predictive import Predictive
from bayesscale.questions.answer import (
    Answer,
    name_of,
    percent_text,
    probabilities,
    spread_text,
    spreads,
    track_record,
    units_of,
    value_text,
    varying,
)
from bayesscale.questions.outlook import progress, prospect
from bayesscale.questions.picture import draw_predictive, forecast_table
from bayesscale.questions.select import (
    Selection,
    check_prob,
    check_sizes,
    drawn_curves,
    last_of_targets,
    metric_notes,
    metric_places,
)
from bayesscale.tables import SHORT
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    from bayesscale.figures.picture import Picture
    from bayesscale.inference import Fit

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Forecast(Answer):
    """Intervals for new measurements, and for the laws behind them.

    Parameters
    ----------
    fit, prob, notes
        As in `Answer`.
    table : pandas.DataFrame
        One row a curve, metric and size. Columns: what names the curve, metric, the size; median, mean, lower
        and upper of a new measurement (equal-tailed interval); law_median, law_lower and law_upper of the law
        without noise; p_break, the probability that the law broke before this size, NaN where it cannot;
        efolds_beyond, the size in e-folds beyond the curve's last one, negative inside the data, NaN for the
        baseline; measured, whether the curve was; now_median, now_lower and now_upper, the law at the curve's
        last size; p_gain, the probability that the law is better here by twice the noise of a run, NaN where
        the size is not beyond. For an unmeasured curve the last size is that of its task.
    predictive : Predictive
        The curves asked for.
    """

    predictive: Predictive = field(repr=False)

    rows = "forecasts"

    def contents(self) -> dict[str, Any]:
        """Return the units."""
        sizes = {name: "tokens" for name in SIZES if name in self.table}
        beyond = f"e-folds of {self.fit.curves.axis_name}"
        return {"units": {**units_of(self.metrics), **sizes, "efolds_beyond": beyond}}

    def headline(self) -> list[str]:
        """Return what the largest size brings to two metrics, or where they are forecast best and worst."""
        axis = self.fit.curves.axis_name
        last = self.table[self.table[axis] == self.table[axis].max()]
        where = f"{SHORT[axis]} {format_tokens(last[axis].iloc[0])}"
        told = []
        for metric in self.metrics[:2]:
            rows = last[last["metric"] == metric]
            if rows["p_gain"].notna().all():
                told.append(prospect(rows, "", self.names, f"More tokens, up to {where},", self.prob))
            else:
                told.append(_told(rows, metric, self.names, where, self.prob))
        return [*told, *track_record(self.fit)]

    def explain(self) -> list[str]:
        """Return what the columns mean."""
        return [
            "now: the law, without noise, at the curve's last size; forecast: a new measurement, median and "
            f"{percent_text(self.prob)} interval",
            "P(gain): that the law is better than now by more than twice the noise of a run",
            *(["P(break): that the law broke before this size"] if self.fit.has("break_at") else []),
        ]

    def readable(self) -> pd.DataFrame:
        """Return a row a curve, metric and size."""
        table, axis = self.table, self.fit.curves.axis_name
        shown = self.named()
        shown["metric"], shown[axis] = table["metric"], table[axis]
        ahead = table["p_gain"].notna()
        if ahead.any():
            shown["now"] = np.where(ahead, spreads(table, "now"), "")
        shown["forecast"] = spreads(table, "")
        if ahead.any():
            shown["P(gain)"] = probabilities(table["p_gain"])
        if table["p_break"].notna().any():
            shown["P(break)"] = probabilities(table["p_break"])
        if not table["measured"].all():
            shown["curve"] = np.where(table["measured"], "measured", "not measured")
        return shown

    def plot(self) -> Picture:
        """Return a picture of the curves with bands up to the largest size asked for."""
        end = float(self.table[self.fit.curves.axis_name].max())
        return draw_predictive(self.fit, self.predictive, metric_places(self.fit.curves, self.metrics), end)


def _told(rows: pd.DataFrame, metric: str, names: list[str], where: str, prob: float) -> str:
    """Return the forecast of one metric at one size in a sentence."""
    names = varying(rows, names)
    if len(rows) == 1:
        return (
            f"At {where}, {metric} of {name_of(rows.iloc[0], names)} is forecast to be "
            f"{value_text(rows['median'].iloc[0], metric)} ({percent_text(prob)} interval "
            f"{value_text(rows['lower'].iloc[0], metric)} to {value_text(rows['upper'].iloc[0], metric)})."
        )
    order = rows.sort_values("median", ascending=CATALOGUE[metric].improves == "down", kind="stable")
    best, worst = (
        f"{name_of(row, names)}: {spread_text(row, '', metric)}" for row in (order.iloc[0], order.iloc[-1])
    )
    return f"At {where}, {metric} is forecast best for {best}, and worst for {worst}."


def forecast(
    fit: Fit,
    tokens: Sequence[float],
    *,
    prob: float = 0.9,
    curves: Sequence[str] | None = None,
    tasks: Sequence[str] | None = None,
    mixtures: Sequence[str] | None = None,
    other_sizes: Sequence[float] | None = None,
    shares: Mapping[str, float] | None = None,
    alignment: float | None = None,
    metrics: Sequence[str] | None = None,
    seed: int | None = None,
) -> Forecast:
    """Forecast scores at given sizes.

    Parameters
    ----------
    fit : Fit
        A fitted model.
    tokens : sequence of float
        Sizes along the curves; 0 is the non-pretrained baseline.
    prob : float
        Probability of the equal-tailed intervals.
    curves : sequence of str, optional
        Labels of measured curves; instead of the choices by task, mixture and size.
    tasks, mixtures : sequence of str, optional
        Default: all that were measured. A mixture may be new; a task may not.
    other_sizes : sequence of float, optional
        Values of the size that is constant on a curve (D_f), measured or not. Default: those measured.
    shares : mapping of language to share, optional
        Language shares of a new mixture, from which its alignment follows.
    alignment : float, optional
        Alignment of a new mixture and its task, where shares are not known.
    metrics : sequence of str, optional
        Default: all metrics of the fit.
    seed : int, optional
        Seed of noise and of what was not measured. Default: the fit's own.

    Returns
    -------
    Forecast
        The numbers for a curve do not depend on which others are asked for.

    Raises
    ------
    QuestionError
        The fit cannot answer: a task or metric that it does not know, a size 0 without a baseline.
    UsageError
        A size, the probability or a combination of arguments cannot be used.
    """
    check_prob(prob)
    wanted = Selection(curves, tasks, mixtures, other_sizes, shares, alignment)
    drawn, notes = drawn_curves(fit, wanted, seed)
    places = metric_places(fit.curves, metrics)
    asked = check_sizes(tokens, fit.curves)
    matrix = np.broadcast_to(asked, (len(drawn.targets), len(asked)))
    predictive = Predictive(drawn, prob)
    values = predictive.describe(matrix, places)
    table = forecast_table(fit.curves, drawn.targets, places, matrix, values)
    ahead = _ahead(predictive, matrix, places)
    table[ahead.columns] = ahead.where(table["measured"])
    if (asked == 0).any():
        notes = (*notes, *TargetBaseline(drawn).notes())
    notes = (*metric_notes(drawn, places), *notes, *_notes(fit.curves, table))
    return Forecast(fit, prob, table, notes, predictive)


def _ahead(predictive: Predictive, sizes: FloatArray, places: list[int]) -> pd.DataFrame:
    """Return what `progress` says of the rows of `forecast_table`."""
    last = last_of_targets(predictive.drawn.curves, predictive.drawn.targets)
    target = np.repeat(np.arange(len(sizes)), sizes.shape[1])
    parts = [progress(predictive, last[:, place], sizes, place).assign(target=target) for place in places]
    return pd.concat(parts).sort_values("target", kind="stable", ignore_index=True).drop(columns="target")


def _notes(curves: Curves, table: pd.DataFrame) -> list[str]:
    """Say what else is to be known: extrapolation, and intervals that are cut."""
    notes = []
    beyond = table["efolds_beyond"].max()
    if beyond > 0:
        notes.append(
            f"the sizes reach up to {np.exp(beyond):.2g} times beyond the data: "
            "there the intervals assume that the laws go on to hold"
            + (", or break as often and as much as the curves say" if table["p_break"].notna().any() else "")
        )
    low, high = (
        table["metric"].map({n: getattr(CATALOGUE[n], end) for n in curves.names}) for end in ("low", "high")
    )
    if cut := int(((table["lower"] <= low) | (table["upper"] >= high)).sum()):
        notes.append(f"{cut} of {len(table)} intervals are cut at the end of their metric's range")
    return notes
