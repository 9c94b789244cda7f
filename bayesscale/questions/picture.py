"""Picture: data, bands of the laws and forecasts of a fit, as small multiples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import SIZES
from bayesscale.posterior.curves import Targets
from bayesscale.posterior.predictive import Predictive
from bayesscale.questions.asked import check_prob, check_sizes, drawn_curves, last_sizes, metric_places
from bayesscale.questions.describe import interval_text, is_simulated, source_text
from bayesscale.questions.forecast import Forecast, forecast_table
from bayesscale.questions.targets import Selection

if TYPE_CHECKING:
    from bayesscale.inference import Fit
    from bayesscale.report import Picture

FloatArray = NDArray[np.float64]
# Sizes on each curve: within the data, and beyond.
_INSIDE, _BEYOND = 25, 15
_AHEAD = 10.0


def picture(
    fit: Fit,
    *,
    until: float | None = None,
    prob: float = 0.9,
    curves: Sequence[str] | None = None,
    tasks: Sequence[str] | None = None,
    mixtures: Sequence[str] | None = None,
    other_sizes: Sequence[float] | None = None,
    metrics: Sequence[str] | None = None,
    seed: int | None = None,
) -> Picture:
    """Draw a fit: data, credible bands of the laws, predictive bands beyond the data.

    Parameters
    ----------
    fit : Fit
        A fitted model.
    until : float, optional
        Size up to which the forecast goes. Default: ten times the largest of the data.
    prob : float
        Probability of the equal-tailed bands.
    curves, tasks, mixtures, other_sizes, metrics, seed
        As in `forecast`.

    Raises
    ------
    QuestionError, UsageError
        As `forecast` does.
    """
    check_prob(prob)
    drawn, _ = drawn_curves(fit, Selection(curves, tasks, mixtures, other_sizes), seed)
    places = metric_places(fit.curves, metrics)
    end = (
        _AHEAD * float(last_sizes(fit.curves).max())
        if until is None
        else float(check_sizes([until], fit.curves)[0])
    )
    return draw_predictive(fit, Predictive(drawn, prob), places, end)


def draw_forecast(forecast: Forecast) -> Picture:
    """Return the picture of a forecast's curves, up to the largest size asked for.

    Parameters
    ----------
    forecast : Forecast
        An answer of `forecast`.
    """
    curves = forecast.fit.curves
    end = float(forecast.table[curves.axis_name].max())
    return draw_predictive(forecast.fit, forecast.predictive, metric_places(curves, forecast.metrics), end)


def draw_predictive(fit: Fit, predictive: Predictive, places: list[int], end: float) -> Picture:
    """Return the picture of curves.

    Parameters
    ----------
    fit : Fit
        The draws and their data.
    predictive : Predictive
        The curves, and the probability of the bands.
    places : list of int
        Positions of the metrics.
    end : float
        Size up to which the forecast goes.
    """
    from bayesscale.report import Drawing, draw

    targets = predictive.drawn.targets
    sizes = _grid(fit, targets, end)
    bands = forecast_table(fit.curves, targets, places, sizes, predictive.describe(sizes, places))
    columns = list(map(str, targets.table.columns))
    colour = SIZES[fit.curves.axis_name] if SIZES[fit.curves.axis_name] in columns else None
    points, baseline = _measured(fit, targets)
    metrics = [fit.curves.names[place] for place in places]
    return draw(
        Drawing(
            bands=bands,
            points=points,
            baseline=baseline,
            panel=tuple(name for name in columns if name != colour),
            colour=colour,
            axis=fit.curves.axis_name,
            units={metric: CATALOGUE[metric].unit for metric in metrics},
            percent=f"{100 * predictive.prob:.10g}%",
            title=f"Scaling laws{' - SIMULATED data, not measured' if is_simulated(fit) else ''}",
            caption=_caption(fit, predictive.prob),
            warning="" if fit.status.ok else str(fit.status),
        )
    )


def _grid(fit: Fit, targets: Targets, end: float) -> FloatArray:
    """Return sizes on each target, shape (targets, sizes): from the first to the last, and on to `end`."""
    curves = fit.curves
    first, last = np.full(len(curves), np.inf), np.zeros(len(curves))
    for rows in (curves.scores, curves.losses):
        np.minimum.at(first, rows.unit, rows.size)
        np.maximum.at(last, rows.unit, rows.size)
    # An unmeasured curve is drawn over the range of all the data.
    start = np.where(targets.measured, first[targets.position], first.min())
    middle = np.where(targets.measured, last[targets.position], last.max())
    stop = np.maximum(middle, end)
    inside = np.geomspace(start, middle, _INSIDE, axis=1)
    return np.hstack([inside, np.geomspace(middle, stop, _BEYOND + 1, axis=1)[:, 1:]])


def _measured(fit: Fit, targets: Targets) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the measured values of the targets, and the mean of their baseline."""
    frame, axis = fit.metrics.frame, fit.curves.axis_name
    frame = frame if "se" in frame else frame.assign(se=np.nan)
    names = list(map(str, targets.table.columns))
    points = targets.table.merge(frame[~fit.metrics.is_baseline], on=names)[
        [*names, "metric", axis, "value", "se"]
    ]
    cell = list(fit.curves.cells.columns)
    of_cell = frame[fit.metrics.is_baseline].groupby([*cell, "metric"])["value"].mean().reset_index()
    return points, targets.table.merge(of_cell, on=cell)[[*names, "metric", "value"]]


def _caption(fit: Fit, prob: float) -> str:
    """Return what a reader has to know of the picture."""
    return (
        f"{interval_text(fit, prob)}; {fit.status.label}. Law: without noise; new measurement: law and "
        f"noise, beyond each curve's last size (grey), where the law is assumed to go on. "
        f"{source_text(fit)}; seed {fit.provenance.get('seed')}."
    )
