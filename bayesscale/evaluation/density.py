"""Log predictive densities of held-out values: what a fit to other rows had said of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from bayesscale.posterior.noise import student_log_density
from bayesscale.posterior.predictive import Predictive
from bayesscale.questions.select import Selection, drawn_curves

if TYPE_CHECKING:
    from bayesscale.inference import Fit

FloatArray = NDArray[np.float64]


def held_curves(fit: Fit, held: pd.DataFrame) -> Iterator[tuple[Predictive, slice, int, pd.DataFrame]]:
    """Yield the held-out rows of each curve and metric, with where the curve and the metric are in a fit."""
    known = set(fit.curves.table["mixture"])
    new = set(held["mixture"]) - known if "mixture" in held else set()
    # The population forecasts curves of a mixture that was not measured.
    drawn, _ = drawn_curves(fit, Selection(mixtures=sorted(known | new) if new else None), None)
    predictive, columns = Predictive(drawn, 0.9), list(fit.metrics.curve_columns)
    table = drawn.targets.table[columns]
    places = {row: place for place, row in enumerate(table.itertuples(index=False, name=None))}
    for key, rows in held.groupby([*columns, "metric"], sort=True, dropna=False):
        *curve, name = key
        place = places[tuple(curve)]
        yield predictive, slice(place, place + 1), fit.curves.names.index(str(name)), rows


def log_densities(fit: Fit, held: pd.DataFrame) -> FloatArray:
    """Return the log predictive density of held-out rows, shape (rows,).

    The density of one value is the mean over the draws of its Student-t density around the draw's law with
    its break and discrepancy at that size, both of which go on beyond the fitted sizes.
    """
    rows = held.reset_index(drop=True)
    rows = rows.assign(se=rows["se"].fillna(0.0) if "se" in rows else 0.0)
    found = np.empty(len(rows))
    for predictive, chosen, metric, own in held_curves(fit, rows):
        size, value, se = (own[column].to_numpy(float) for column in (fit.metrics.axis, "value", "se"))
        law = predictive.law(size[None], metric, chosen)
        scale = predictive.drawn.local(chosen, metric).scale(law, se[:, None])[0]
        each = student_log_density(value[:, None], law[0], scale, fit.priors.degrees)
        found[own.index] = special.logsumexp(each, axis=1) - np.log(each.shape[1])
    return found
