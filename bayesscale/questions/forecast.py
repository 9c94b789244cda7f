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
from bayesscale.posterior.curves import Targets, measured_metrics
from bayesscale.posterior.predictive import COLUMNS, Predictive
from bayesscale.questions.asked import (
    check_prob,
    check_sizes,
    drawn_curves,
    last_sizes,
    metric_places,
)
from bayesscale.questions.describe import SHORT, plain_records, reading, record, table_text
from bayesscale.questions.targets import Selection

if TYPE_CHECKING:
    from bayesscale.inference import Fit
    from bayesscale.report import Picture

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Forecast:
    """Intervals for new measurements, and for the laws behind them.

    Parameters
    ----------
    fit : Fit
        The draws behind the numbers.
    predictive : Predictive
        The curves asked for and the probability of the intervals.
    metrics : tuple of str
        The metrics asked for.
    table : pandas.DataFrame
        The numbers, see `frame`.
    notes : tuple of str
        What is to be said of them.
    """

    fit: Fit = field(repr=False)
    predictive: Predictive = field(repr=False)
    metrics: tuple[str, ...]
    table: pd.DataFrame = field(repr=False)
    notes: tuple[str, ...]

    @property
    def prob(self) -> float:
        """Probability of the intervals."""
        return self.predictive.prob

    def frame(self) -> pd.DataFrame:
        """Return one row a curve, metric and size.

        Columns: what names the curve, metric, the size; median, mean, lower and upper of a new measurement
        (equal-tailed interval); law_median, law_lower and law_upper of the law without noise; p_break, the
        probability that the law broke before this size, NaN where it cannot; efolds_beyond, the size in
        e-folds beyond the curve's last one, negative inside the data, NaN for the baseline;
        measured, whether the curve was. For an unmeasured curve the last size is that of its task.
        """
        return self.table.copy()

    def document(self) -> dict[str, Any]:
        """Return the same for programs, with what the numbers are."""
        axis = self.fit.curves.axis_name
        units = {name: CATALOGUE[name].unit for name in self.metrics}
        return {
            "interval": {"kind": "equal-tailed", "prob": self.prob},
            **record(self.fit),
            "axis": axis,
            "units": {**units, **_token_units(self.table), "efolds_beyond": f"e-folds of {axis}"},
            "notes": list(self.notes),
            "forecasts": plain_records(self.table),
        }

    def sentences(self) -> list[str]:
        """Return what a reader has to know of the table."""
        lines = reading(self.fit, self.prob, self.metrics)
        lines.append(
            "lower to upper: a new measurement; law lower to law upper: the law without noise; beyond: "
            f"e-folds of {SHORT[self.fit.curves.axis_name]} past the curve's last one"
            + ("; P(break): that the law broke before this size" if self.fit.has("break_at") else "")
        )
        return [*lines, *(f"note: {note}" for note in self.notes)]

    def readable(self) -> pd.DataFrame:
        """Return the columns that a person reads, under short headings."""
        constant = [n for n in ("task", "mixture") if n in self.table and set(self.table[n]) == {"all"}]
        measured = ["measured"] if self.table["measured"].all() else []
        table = self.table.drop(columns=[*constant, *measured, "mean", "law_median"])
        if table["p_break"].isna().all():
            table = table.drop(columns="p_break")
        return table.rename(columns=SHORT)

    def plot(self) -> Picture:
        """Return a picture of the curves with bands up to the largest size asked for."""
        from bayesscale.questions.picture import draw_forecast

        return draw_forecast(self)

    def __str__(self) -> str:
        return "\n".join([*self.sentences(), table_text(self.readable())])


def forecast(
    fit: Fit,
    sizes: Sequence[float],
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
    sizes : sequence of float
        Sizes along the curves, in tokens; 0 is the non-pretrained baseline.
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
    asked = check_sizes(sizes, fit.curves)
    matrix = np.broadcast_to(asked, (len(drawn.targets), len(asked)))
    predictive = Predictive(drawn, prob)
    values = predictive.describe(matrix, places)
    table = forecast_table(fit.curves, drawn.targets, places, matrix, values)
    if (asked == 0).any():
        notes = (*notes, *TargetBaseline(drawn).notes())
    notes = (*notes, *_notes(fit.curves, drawn.targets, places, table))
    return Forecast(fit, predictive, tuple(fit.curves.names[p] for p in places), table, notes)


def forecast_table(
    curves: Curves, targets: Targets, places: list[int], sizes: FloatArray, values: FloatArray
) -> pd.DataFrame:
    """Return a row for each target, metric and size, in this order; see `Forecast.frame`.

    Parameters
    ----------
    curves : Curves
        The measured curves.
    targets : Targets
        The curves asked for.
    places : list of int
        Positions of the metrics.
    sizes : array, shape (targets, sizes)
        Sizes of each curve.
    values : array, shape (targets, metrics, sizes, columns)
        From `Predictive.describe`.
    """
    count, metrics, points, _ = values.shape
    table = targets.table.loc[np.repeat(np.arange(count), metrics * points)].reset_index(drop=True)
    table["metric"] = np.tile(np.repeat([curves.names[place] for place in places], points), count)
    table[curves.axis_name] = np.repeat(sizes[:, None], metrics, axis=1).ravel()
    table[list(COLUMNS)] = values.reshape(-1, len(COLUMNS))
    positive = np.where(sizes > 0, sizes, np.nan)
    table["efolds_beyond"] = np.log(positive[:, None] / _last(curves, targets)[:, places, None]).ravel()
    table["measured"] = np.repeat(targets.measured, metrics * points)
    return table


def _last(curves: Curves, targets: Targets) -> FloatArray:
    """Return the last measured size of each target and metric; that of its task for an unmeasured one."""
    last = last_sizes(curves)
    of_task = pd.DataFrame(last).groupby(curves.table["task"].to_numpy()).max()
    own_task = of_task.reindex(targets.table["task"]).to_numpy(float)
    return np.where(targets.measured[:, None], last[targets.position], own_task)


def _notes(curves: Curves, targets: Targets, places: list[int], table: pd.DataFrame) -> list[str]:
    """Say what else is to be known: extrapolation, metrics that were not measured, intervals that are cut."""
    notes = []
    beyond = table["efolds_beyond"].max()
    if beyond > 0:
        notes.append(
            f"the sizes reach up to {beyond:.2g} e-folds (a factor of {np.exp(beyond):.3g}) beyond the data: "
            "there the intervals assume that the laws go on to hold"
            + (", or break as often and as much as the curves say" if table["p_break"].notna().any() else "")
        )
    known = measured_metrics(curves)[targets.position[targets.measured]]
    for place in places:
        if missing := int((~known[:, place]).sum()):
            notes.append(
                f"{curves.names[place]} was not measured on {missing} of {len(known)} curves: "
                "what is said of it there follows from other metrics and curves"
            )
    low, high = (
        table["metric"].map({n: getattr(CATALOGUE[n], end) for n in curves.names}) for end in ("low", "high")
    )
    if cut := int(((table["lower"] <= low) | (table["upper"] >= high)).sum()):
        notes.append(f"{cut} of {len(table)} intervals are cut at the end of their metric's range")
    return notes


def _token_units(table: pd.DataFrame) -> dict[str, str]:
    """Return the units of the columns of sizes."""
    return {name: "tokens" for name in SIZES if name in table}
