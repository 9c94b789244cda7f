"""Picture: data, bands of the laws and forecasts of a fit, as small multiples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.figures.drawing import Drawing
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import SIZES, Curves
from bayesscale.posterior.curves import Targets
from bayesscale.posterior.predictive import COLUMNS, Predictive
from bayesscale.questions.answer import framed, interval_text, percent_text, source_text
from bayesscale.questions.select import (
    Selection,
    check_prob,
    check_sizes,
    drawn_curves,
    last_of_targets,
    last_sizes,
    metric_places,
)

if TYPE_CHECKING:
    from bayesscale.figures.picture import Picture
    from bayesscale.inference import Fit

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
    columns: int = 6,
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
    columns : int
        Panels beside each other at most.

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
    return draw_predictive(fit, Predictive(drawn, prob), places, end, columns=columns)


def forecast_table(
    curves: Curves, targets: Targets, places: list[int], sizes: FloatArray, values: FloatArray
) -> pd.DataFrame:
    """Return a row for each target, metric and size, in this order; see the table of `Forecast`."""
    count, metrics, points, _ = values.shape
    table = targets.table.loc[np.repeat(np.arange(count), metrics * points)].reset_index(drop=True)
    table["metric"] = np.tile(np.repeat([curves.names[place] for place in places], points), count)
    table[curves.axis_name] = np.repeat(sizes[:, None], metrics, axis=1).ravel()
    table[list(COLUMNS)] = values.reshape(-1, len(COLUMNS))
    positive = np.where(sizes > 0, sizes, np.nan)
    table["efolds_beyond"] = np.log(
        positive[:, None] / last_of_targets(curves, targets)[:, places, None]
    ).ravel()
    table["measured"] = np.repeat(targets.measured, metrics * points)
    return table


def draw_predictive(
    fit: Fit, predictive: Predictive, places: list[int], end: float, *, columns: int = 6
) -> Picture:
    """Return the picture of curves, up to a size."""
    from bayesscale.figures.figure import draw

    return draw(sketch(fit, predictive, places, end), columns=columns)


def sketch(fit: Fit, predictive: Predictive, places: list[int], end: float) -> Drawing:
    """Return what a picture of curves shows."""
    targets = predictive.drawn.targets
    sizes = _grid(fit, targets, end)
    bands = forecast_table(fit.curves, targets, places, sizes, predictive.describe(sizes, places))
    columns = list(map(str, targets.table.columns))
    colour = SIZES[fit.curves.axis_name] if SIZES[fit.curves.axis_name] in columns else None
    points, baseline = _measured(fit, targets)
    metrics = [fit.curves.names[place] for place in places]
    return Drawing(
        bands=bands,
        points=points,
        baseline=baseline,
        panel=tuple(name for name in columns if name != colour),
        colour=colour,
        axis=fit.curves.axis_name,
        units={metric: CATALOGUE[metric].unit for metric in metrics},
        percent=percent_text(predictive.prob),
        frame=framed(fit, "Scaling laws", _caption(fit, predictive.prob)),
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
